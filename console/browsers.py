"""Browsers that have signed in with an account before: a cookie that says so and opens nothing.

Guarantee: who holds the cookie signed in with the account's present password here; the password's
hash is its key, so a changed password ends all of them, and it proves nothing to anybody else.
What it is for: a stranger of the same address who tries many names does not keep this browser out
(`console.attempts`).  It is neither a session nor a second factor.
"""

import base64
import hashlib
import hmac
import secrets

from aiohttp import web
from sqlalchemy import ColumnElement, select

from console.parts import PARTS
from console.security import is_secure
from storage import tables

COOKIE = "liuhen_known"
AGE_S = 180 * 86_400
ACCOUNTS = 6  # people who share a browser, the last ones
_NONCE, _MAC = 12, 18  # bytes


async def is_known(request: web.Request, account: str) -> bool:
    """Whether this browser has signed in with this account before."""
    told = _told(request)
    if not told:
        return False
    password = await _password(request, tables.person.c.account == account)
    return password is not None and any(_is_of(one, password) for one in told)


async def remember(request: web.Request, response: web.StreamResponse, person: str) -> None:
    """Give the browser the cookie; those of other accounts stay."""
    password = await _password(request, tables.person.c.id == person)
    if password is None:
        return
    nonce = secrets.token_bytes(_NONCE)
    made = base64.urlsafe_b64encode(nonce + _mac(nonce, password)).decode()
    others = [one for one in _told(request) if not _is_of(one, password)]
    settings = request.app[PARTS].settings
    response.set_cookie(
        COOKIE, ".".join([made, *others][:ACCOUNTS]), max_age=AGE_S, httponly=True,
        samesite="Strict",
        secure=is_secure(request, settings.trusted_proxies, always=settings.secure_cookies),
    )  # fmt: skip


def _told(request: web.Request) -> list[str]:
    value = request.cookies.get(COOKIE, "")
    return value.split(".")[:ACCOUNTS] if value.isascii() and value else []


def _is_of(one: str, password: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(one)
    except ValueError:
        return False
    return hmac.compare_digest(raw[_NONCE:], _mac(raw[:_NONCE], password))


def _mac(nonce: bytes, password: str) -> bytes:
    return hmac.digest(password.encode(), b"known browser" + nonce, hashlib.sha256)[:_MAC]


async def _password(request: web.Request, where: ColumnElement[bool]) -> str | None:
    """The account's hash."""
    c = tables.credential.c
    query = select(c.password).join(tables.person, tables.person.c.id == c.person).where(where)
    async with request.app[PARTS].database.read() as conn:
        found = (await conn.execute(query)).scalar()
    return None if found is None else str(found)
