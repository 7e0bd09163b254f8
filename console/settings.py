"""What an operator may choose for the console."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from console.oidc import OidcSettings
from console.passwords import Cost, Lockout, Strength
from console.sessions import Lasting
from storage.rights import ADMINISTRATORS, Role


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """Read once by the composition; nothing here reads the environment."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))  # times on pages
    language: str = "zh-CN"  # where the browser asks for neither
    public_url: str | None = None  # as people reach us; else taken from the request
    trusted_proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-* are believed
    secure_cookies: bool = False  # true where TLS ends before us on an untold proxy
    session_s: int = 12 * 3600
    idle_s: int = 3600  # without a request
    view_s: int = 15 * 60  # at most 15 minutes
    interrupted_after_s: int = 60  # an upload without a byte for so long is called interrupted
    login_failures: int = 10  # in 5 minutes: of names at one address, of each name there
    login_pad_s: float = 0.4  # a refusal leaves no earlier, whatever was wrong
    lockout: Lockout = field(default_factory=Lockout)  # per account
    strength: Strength = field(default_factory=Strength)
    cost: Cost = field(default_factory=Cost)
    second_factor: frozenset[Role] = ADMINISTRATORS  # whose roles ask for one
    oidc: OidcSettings | None = None

    @property
    def lasting(self) -> Lasting:
        """How long sessions last."""
        return Lasting(self.session_s, self.idle_s)

    def __post_init__(self) -> None:
        if not 10 <= self.view_s <= 15 * 60:
            raise ValueError(f"view_s: expected 10 to 900 seconds, got {self.view_s}")
