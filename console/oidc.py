"""Signing in with an OpenID provider: authorization code, PKCE, state, nonce (OIDC Core 1.0, 3.1).

Guarantee: `Provider.subject` returns only for an ID token that a key of this issuer signed for us,
now, in answer to our nonce; `none` and shared-secret algorithms are refused; a state is good once
and only in the browser that it was begun in.  Addresses are https, or this very machine.
Not covered: what the provider asks people for (a second factor is its business), and whose
`subject` it is (`console.signin`).
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard
from urllib.parse import urlencode, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from verify.errors import DeniedError, MalformedError, UnavailableError

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384")
LEEWAY_S = 60
BEGUN_S = 600
KEYS_S = 3600
REFETCH_S = 60  # an unknown key is worth asking again, but not for every forged token
_LONGEST = 256 * 1024


class ProviderRefusedError(DeniedError):
    """What came back from the provider proves nobody's name to us."""

    code = "provider-refused"


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One provider; without an issuer there is none."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: str = "openid"
    label: str = ""


def check_address(what: str, url: str) -> str:
    """The address, if nobody on the way can change what it answers; MalformedError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise MalformedError(f"{what}: expected https://…, got {url:.100}") from None
    if host and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        return url
    raise MalformedError(f"{what}: expected https://…, got {url:.100}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- between leaving and coming back ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that waits for its browser to come back."""

    nonce: str
    verifier: str
    browser: str  # what the browser's cookie holds
    goal: str
    redirect: str
    at: float
    address: str = ""

    @property
    def challenge(self) -> str:
        """PKCE, S256 (RFC 7636, 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Waiting:
    """The sign-ins on their way, by state; in memory, bounded, ten minutes.

    Whoever begins without end drops his own address's, not those of others.
    """

    def __init__(self, *, most: int = 10_000, of_one: int = 500) -> None:
        self._most, self._of_one = most, of_one
        self._begun: OrderedDict[str, Begun] = OrderedDict()

    def begin(
        self, *, goal: str, redirect: str, now: float, address: str = ""
    ) -> tuple[str, Begun]:
        """A fresh state and all that belongs to it."""
        while self._begun and (
            len(self._begun) >= self._most or now - next(iter(self._begun.values())).at > BEGUN_S
        ):
            self._begun.popitem(last=False)
        theirs = [state for state, one in self._begun.items() if one.address == address]
        if len(theirs) >= self._of_one:
            del self._begun[theirs[0]]
        state = secrets.token_urlsafe(32)
        begun = Begun(
            secrets.token_urlsafe(32), secrets.token_urlsafe(48), secrets.token_urlsafe(32), goal,
            redirect, now, address,
        )  # fmt: skip
        self._begun[state] = begun
        return state, begun

    def take(self, state: str, browser: str, now: float) -> Begun:
        """What belongs to the state, once; ProviderRefusedError for any other."""
        begun = self._begun.pop(state, None)
        if begun is None or now - begun.at > BEGUN_S:
            raise ProviderRefusedError("state: expected one that waits, got another")
        if not hmac.compare_digest(begun.browser.encode(), browser.encode("utf-8", "replace")):
            raise ProviderRefusedError("state: expected the browser it was begun in, got another")
        return begun


# --- the ID token ------------------------------------------------------------------------------


def check_claims(
    claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now_s: int
) -> str:
    """The subject of an ID token whose signature is good; ProviderRefusedError."""
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    expires, issued, subject = claims.get("exp"), claims.get("iat"), claims.get("sub")
    if claims.get("iss") != issuer:
        raise ProviderRefusedError("ID token: expected our issuer, got another")
    if client_id not in listed or (len(listed) > 1 and claims.get("azp") != client_id):
        raise ProviderRefusedError("ID token: expected one for us, got another audience")
    if not _is_time(expires) or expires + LEEWAY_S <= now_s:
        raise ProviderRefusedError("ID token: expected one that is valid now, got an expired one")
    if not _is_time(issued) or issued - LEEWAY_S > now_s:
        raise ProviderRefusedError("ID token: expected one issued by now, got a later one")
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):
        raise ProviderRefusedError("ID token: expected our nonce, got another or none")
    if not isinstance(subject, str) or not subject or len(subject) > 255:
        raise ProviderRefusedError("ID token: expected a subject, got none")
    return subject


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Provider:
    """The provider's addresses and keys, fetched when first needed."""

    def __init__(self, settings: OidcSettings) -> None:
        check_address("oidc.issuer", settings.issuer)
        self.settings = settings
        self._found: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None
        self._keys_at = 0.0
        self._session: ClientSession | None = None
        self._one = asyncio.Lock()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def leave_for(self, state: str, begun: Begun) -> str:
        """Where the browser goes to sign in."""
        query = urlencode({
            "response_type": "code", "client_id": self.settings.client_id, "state": state,
            "redirect_uri": begun.redirect, "scope": self.settings.scopes, "nonce": begun.nonce,
            "code_challenge": begun.challenge, "code_challenge_method": "S256",
        })  # fmt: skip
        address = await self._address("authorization_endpoint")
        return f"{address}{'&' if '?' in address else '?'}{query}"

    async def subject(self, code: str, begun: Begun, *, now_s: int) -> str:
        """Who signed in, for the code that the browser brought back."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": begun.redirect,
            "client_id": self.settings.client_id, "code_verifier": begun.verifier,
        }  # fmt: skip
        if self.settings.client_secret:
            form["client_secret"] = self.settings.client_secret
        answer = await self._ask("POST", await self._address("token_endpoint"), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefusedError("provider: expected an ID token, got none")
        claims = await self._claims(token)
        return check_claims(
            claims, issuer=self.settings.issuer, client_id=self.settings.client_id,
            nonce=begun.nonce, now_s=now_s,
        )  # fmt: skip

    async def _claims(self, token: str) -> Mapping[str, Any]:
        for fresh in (False, True):
            keys = await self._key_set(fresh=fresh)
            try:
                return jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
            except (JoseError, ValueError, TypeError, KeyError) as exc:
                error = exc
        raise ProviderRefusedError(
            "ID token: expected one that a key of the issuer signed, got another"
        ) from error

    async def _key_set(self, *, fresh: bool) -> KeySet:
        """The issuer's keys; asked again after an hour, or for a key that is new to us."""
        now = asyncio.get_running_loop().time()
        async with self._one:
            age = now - self._keys_at
            if self._keys is None or age > KEYS_S or (fresh and age > REFETCH_S):
                found = await self._ask("GET", await self._address("jwks_uri"))
                try:
                    self._keys = KeySet.import_key_set(_asymmetric(found))
                except (JoseError, ValueError, TypeError, KeyError) as exc:
                    raise UnavailableError("provider: expected its keys, got another") from exc
                self._keys_at = now
            return self._keys

    async def _address(self, name: str) -> str:
        if self._found is None:
            issuer = self.settings.issuer
            where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._ask("GET", where)
            if found.get("issuer") != issuer:
                raise ProviderRefusedError("provider: expected our issuer's word, got another's")
            self._found = found
        return check_address(f"provider's {name}", str(self._found.get(name)))

    async def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=10))
        try:
            async with self._session.request(
                method,
                url,
                data=form,
                allow_redirects=False,
                headers={"Accept": "application/json"},
            ) as answer:
                status, body = answer.status, b""
                async for piece in answer.content.iter_chunked(1 << 14):
                    body += piece
                    if len(body) > _LONGEST:
                        raise ProviderRefusedError(
                            "provider: expected a short word, got a long one"
                        )
        except (ClientError, TimeoutError) as exc:
            raise UnavailableError("provider: expected an answer, got none") from exc
        if status >= 500:
            raise UnavailableError(f"provider: expected an answer, got status {status}")
        try:
            value = json.loads(body)
        except ValueError as exc:
            raise ProviderRefusedError("provider: expected JSON, got something else") from exc
        if status != 200 or not isinstance(value, dict):
            raise ProviderRefusedError(f"provider: expected its word, got status {status}")
        return value


def _asymmetric(found: Mapping[str, Any]) -> Any:
    """Only keys that verify what another signed: a shared secret in a key set proves nothing."""
    keys = found["keys"]
    return {"keys": [k for k in keys if k.get("kty") in ("RSA", "EC", "OKP")
                     and k.get("use", "sig") == "sig"]}  # fmt: skip
