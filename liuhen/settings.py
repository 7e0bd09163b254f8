"""Settings: one frozen dataclass per part, read once, from a file and the environment.

Guarantee: a key nobody knows is refused with a sentence; a value of the wrong kind names its key;
secrets may come from files (`…_FILE`), are hidden from every representation and never logged.
Order: defaults, then the TOML file (`--config` or LIUHEN_CONFIG), then LIUHEN_<PART>_<NAME>.
Not covered: whether an address answers or a folder can be written; the parts say so when they open.

Every setting is documented in docs/operations/settings.md; a test holds the two equal.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storage.rights import Role
from verify.errors import MalformedError

GIB = 1 << 30


def _secret(default: str = "") -> Any:
    return field(default=default, repr=False, metadata={"secret": True})


@dataclass(frozen=True, slots=True)
class Paths:
    """Where this server keeps what is its own."""

    data: Path = Path("var/liuhen")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and how it listens."""

    host: str = "127.0.0.1"
    port: int = 8787
    certificate: Path | None = None
    private_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    public_url: str | None = None
    stop_seconds: int = 15


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Empty: SQLite in the data folder.  A PostgreSQL address holds a password."""

    url: str = _secret()


@dataclass(frozen=True, slots=True)
class StoresSettings:
    """How many stores must hold the bytes before a receipt is given."""

    copies: int = 1


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One object store: a directory, or S3 with Object Lock."""

    kind: str = "directory"
    name: str = ""
    path: Path | None = None
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = "liuhen"
    mode: str = "COMPLIANCE"
    access_key: str = _secret()
    secret_key: str = _secret()
    create_buckets: bool = False


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """What may come in, and how much of it at once."""

    max_size: int = 1024 * GIB
    max_open: int = 1000
    max_open_per_source: int = 100
    creations_per_minute: int = 600
    margin: int = GIB
    staging: int = 0
    expiry_hours: int = 7 * 24
    idle_seconds: int = 60


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What the unit decided about its recordings."""

    retention_days: int = 180
    playable: str = "needed"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The evidence log."""

    origin: str = ""
    publish_seconds: int = 10


@dataclass(frozen=True, slots=True)
class JobsSettings:
    """How many jobs of each lane run at once."""

    seal: int = 2
    quick: int = 2
    heavy: int = 1


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """What people see."""

    zone: str = "Asia/Shanghai"
    language: str = "zh-CN"
    session_hours: int = 12
    idle_minutes: int = 60
    view_minutes: int = 15
    interrupted_seconds: int = 60
    login_failures: int = 10
    secure_cookies: bool = False


@dataclass(frozen=True, slots=True)
class AccountsSettings:
    """Passwords and second factors of people with a local account."""

    password_length: int = 12
    lockout_failures: int = 5
    lockout_seconds: int = 60
    lockout_longest_seconds: int = 3600
    second_factor: tuple[str, ...] = ("audit_admin", "security_admin", "system_admin")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Signing in with an OpenID provider; without an issuer there is none."""

    issuer: str = ""
    client_id: str = ""
    client_secret: str = _secret()
    scopes: str = "openid"
    label: str = ""


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """The server's own words, not the evidence log."""

    format: str = "plain"
    level: str = "info"
    security_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator may choose."""

    paths: Paths = Paths()
    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    stores: StoresSettings = StoresSettings()
    store: StoreSettings = StoreSettings()
    second: StoreSettings = StoreSettings()
    ingest: IngestSettings = IngestSettings()
    policy: PolicySettings = PolicySettings()
    log: LogSettings = LogSettings()
    jobs: JobsSettings = JobsSettings()
    console: ConsoleSettings = ConsoleSettings()
    accounts: AccountsSettings = AccountsSettings()
    oidc: OidcSettings = OidcSettings()
    logging: LoggingSettings = LoggingSettings()

    def database_url(self) -> str:
        """The database to open."""
        return self.database.url or f"sqlite:///{self.paths.data.resolve() / 'liuhen.db'}"


NOT_SETTINGS = frozenset({"LIUHEN_CONFIG", "LIUHEN_TOKEN", "LIUHEN_TOKEN_FILE"})
"""Words of the environment that mean something else: `--config`, and the token of `push`."""

_OTHER = frozenset(  # of the tests and the bench, which start servers
    f"LIUHEN_{name}"
    for name in ("SIMULATIONS", "SIMULATION_SEED", "MINIO", "VERSITYGW", "TUSD", "POSTGRES_BIN")
)


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of this start; MalformedError names the key that is wrong."""
    if file is None and (named := environment.get("LIUHEN_CONFIG")):
        file = Path(named)
    given = _from_file(file) if file is not None else {}
    for part, values in _from_environment(environment).items():
        given.setdefault(part, {}).update(values)
    settings = Settings()
    for part, values in given.items():
        before = getattr(settings, part)
        settings = replace(settings, **{part: replace(before, **values)})
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Raise MalformedError for values that cannot go together."""
    for name, value, allowed in (
        ("policy.playable", settings.policy.playable, ("needed", "always")),
        ("logging.format", settings.logging.format, ("plain", "json")),
        ("logging.level", settings.logging.level, ("debug", "info", "warning", "error")),
        ("console.language", settings.console.language, ("zh-CN", "en")),
        ("store.kind", settings.store.kind, ("directory", "s3")),
        ("second.kind", settings.second.kind, ("directory", "s3")),
        ("store.mode", settings.store.mode, ("GOVERNANCE", "COMPLIANCE")),
        ("second.mode", settings.second.mode, ("GOVERNANCE", "COMPLIANCE")),
        ("stores.copies", settings.stores.copies, (1, 2)),
    ):
        if value not in allowed:
            raise MalformedError(f"{name}: expected {' or '.join(map(str, allowed))}, got {value}")
    for name, number, least, most in (
        ("server.port", settings.server.port, 0, 65535),
        ("server.stop_seconds", settings.server.stop_seconds, 1, 600),
        ("ingest.max_size", settings.ingest.max_size, 1, 1 << 50),
        ("ingest.max_open", settings.ingest.max_open, 1, 1_000_000),
        ("ingest.max_open_per_source", settings.ingest.max_open_per_source, 1, 1_000_000),
        ("ingest.creations_per_minute", settings.ingest.creations_per_minute, 1, 1_000_000),
        ("ingest.margin", settings.ingest.margin, 0, 1 << 50),
        ("ingest.staging", settings.ingest.staging, 0, 1 << 50),
        ("ingest.expiry_hours", settings.ingest.expiry_hours, 1, 24 * 365),
        ("ingest.idle_seconds", settings.ingest.idle_seconds, 1, 3600),
        ("policy.retention_days", settings.policy.retention_days, 1, 36525),
        ("log.publish_seconds", settings.log.publish_seconds, 1, 3600),
        ("jobs.seal", settings.jobs.seal, 1, 64),
        ("jobs.quick", settings.jobs.quick, 1, 64),
        ("jobs.heavy", settings.jobs.heavy, 1, 64),
        ("console.session_hours", settings.console.session_hours, 1, 24 * 30),
        ("console.idle_minutes", settings.console.idle_minutes, 1, 24 * 60),
        ("console.view_minutes", settings.console.view_minutes, 1, 15),
        ("console.interrupted_seconds", settings.console.interrupted_seconds, 5, 24 * 3600),
        ("console.login_failures", settings.console.login_failures, 1, 1000),
        ("accounts.password_length", settings.accounts.password_length, 8, 64),
        ("accounts.lockout_failures", settings.accounts.lockout_failures, 1, 100),
        ("accounts.lockout_seconds", settings.accounts.lockout_seconds, 1, 24 * 3600),
        (
            "accounts.lockout_longest_seconds",
            settings.accounts.lockout_longest_seconds,
            settings.accounts.lockout_seconds,
            7 * 24 * 3600,
        ),
    ):
        if not least <= number <= most:
            raise MalformedError(f"{name}: expected {least} to {most}, got {number}")
    try:
        ZoneInfo(settings.console.zone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise MalformedError(
            f"console.zone: expected a time zone, got {settings.console.zone}"
        ) from exc
    _check_accounts(settings)
    _check_stores(settings)


def _check_accounts(settings: Settings) -> None:
    for role in settings.accounts.second_factor:
        if role not in set(Role):
            raise MalformedError(f"accounts.second_factor: expected roles, got {role!r:.40}")
    if settings.oidc.issuer and not settings.oidc.client_id:
        raise MalformedError("oidc.client_id: expected the id that the provider knows us by")
    if settings.oidc.issuer and "openid" not in settings.oidc.scopes.split():
        raise MalformedError("oidc.scopes: expected openid among them, got none")


def _check_stores(settings: Settings) -> None:
    used = [("store", settings.store), ("second", settings.second)][: settings.stores.copies]
    for part, store in used:
        if store.kind == "s3" and not (store.endpoint and store.access_key and store.secret_key):
            raise MalformedError(
                f"{part}: expected endpoint, access_key and secret_key of an S3 store"
            )
    if settings.stores.copies == 2 and settings.second.kind == "directory":
        if settings.second.path is None:
            raise MalformedError("second.path: expected a folder on another disk, got none")
        if store_folder(settings, "second") == store_folder(settings, "store"):
            raise MalformedError("second.path: expected another folder than the first store's")
    names = [store_name(settings, part) for part, _ in used]
    if len(set(names)) != len(names):
        raise MalformedError(f"store names: expected two different ones, got {names[0]} twice")


def store_folder(settings: Settings, part: str) -> Path:
    """The folder of a directory store."""
    store: StoreSettings = getattr(settings, part)
    return (store.path or settings.paths.data / "objects").resolve()


def store_name(settings: Settings, part: str) -> str:
    """What entries call the store; it must never change once recordings lie there."""
    store: StoreSettings = getattr(settings, part)
    return store.name or (store.kind if part == "store" else f"{store.kind}-2")


# --- reading --------------------------------------------------------------------------------


class _WrongError(Exception):
    """What was expected instead."""


def parts() -> Mapping[str, type]:
    """The parts by name, in the order of the documentation."""
    return {f.name: type(f.default) for f in fields(Settings)}


def keys(part: type) -> Mapping[str, Field[Any]]:
    """The settings of a part by name."""
    return {f.name: f for f in fields(part)}


def variable(part: str, name: str) -> str:
    """The name in the environment."""
    return f"LIUHEN_{part}_{name}".upper()


def is_secret(setting: Field[Any]) -> bool:
    return bool(setting.metadata.get("secret"))


def _from_file(file: Path) -> dict[str, dict[str, Any]]:
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except OSError as exc:
        raise MalformedError(f"settings: expected to read {file}, got {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise MalformedError(f"settings: expected TOML in {file}, got {exc}") from exc
    given: dict[str, dict[str, Any]] = {}
    for part, table in found.items():
        known = parts().get(part)
        if known is None:
            raise MalformedError(f"{file}: expected a part ({', '.join(parts())}), got [{part}]")
        if not isinstance(table, dict):
            raise MalformedError(f"{file}: expected a table [{part}], got {part} = …")
        for name, value in table.items():
            given.setdefault(part, {}).update(_from_key(str(file), part, known, name, value))
    return given


def _from_key(where: str, part: str, known: type, name: str, value: Any) -> dict[str, Any]:
    settings = keys(known)
    base = name.removesuffix("_file")
    if name not in settings and base in settings and is_secret(settings[base]):
        return {base: _from_secret_file(f"{where}: {part}.{name}", str(value))}
    if name not in settings:
        raise MalformedError(
            f"{where}: expected a setting of [{part}] ({', '.join(settings)}), got {name}"
        )
    return {name: _value(f"{part}.{name}", settings[name], value)}


def _from_environment(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    known = {
        variable(part, name): (part, name, setting)
        for part, kind in parts().items()
        for name, setting in keys(kind).items()
    }
    given: dict[str, dict[str, Any]] = {}
    for word, text in environment.items():
        if not word.startswith("LIUHEN_") or word in NOT_SETTINGS or word in _OTHER:
            continue
        base = word.removesuffix("_FILE")
        if word in known:
            part, name, setting = known[word]
            given.setdefault(part, {})[name] = _value(word, setting, text)
        elif base in known and is_secret(known[base][2]):
            part, name, _ = known[base]
            given.setdefault(part, {})[name] = _from_secret_file(word, text)
        else:
            raise MalformedError(f"environment: expected a known setting, got {word}")
    return given


def _from_secret_file(where: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as exc:
        raise MalformedError(f"{where}: expected to read {path}, got {exc.strerror}") from exc


def _value(where: str, setting: Field[Any], value: Any) -> Any:
    """The value in its setting's type; text from the environment is read, TOML values fit."""
    kind = setting.type
    readers: dict[Any, Callable[[Any], Any]] = {
        str: _text, int: _integer, bool: _boolean, Path: _path, tuple[str, ...]: _list,
        str | None: lambda v: _text(v) or None, Path | None: lambda v: _path(v) if v else None,
    }  # fmt: skip
    try:
        return readers[kind](value)
    except _WrongError as exc:
        shown = "a secret" if is_secret(setting) else f"{value!r:.60}"
        raise MalformedError(f"{where}: expected {exc}, got {shown}") from exc


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("text")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _WrongError("a whole number")
    try:
        return int(value)
    except ValueError:
        raise _WrongError("a whole number") from None


def _boolean(value: Any) -> bool:
    found = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    text = str(value).lower()
    if text not in found:
        raise _WrongError("true or false")
    return found[text]


def _path(value: Any) -> Path:
    return Path(_text(value)).expanduser()


def _list(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise _WrongError("a list of text (in the environment: separated by commas)")
