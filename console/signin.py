"""Signing in with an account: the same answer, for the same work, whatever is wrong.

Guarantee: an unknown account, a wrong password, a wrong or used code, a locked and an ended account
cannot be told apart by the answer, nor by its time: each verifies one hash, and a refusal leaves
not before `pad_s`.  Guesses at one account stand in a line, so none slips past the count; after a
few failures in a row the account is locked, each time for longer.
Not covered: how often one address may try (`console.attempts`).
Known: whoever knows an account's name can keep it locked; a person at the server can reset it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, update

from console import otp
from console.denials import SECURITY
from console.errors import BadCredentialsError, OwnCodeError
from console.passwords import Lockout, Passwords, normal
from storage import tables
from storage.clock import Clock
from storage.database import Database
from storage.rights import Role
from verify.errors import NotFoundError

Tried = Callable[[Callable[[], Awaitable[str]]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of an account, as signing in needs it."""

    person: str
    account: str | None
    name: str
    ended_ms: int | None
    password: str | None
    must_change: bool
    totp: str | None
    totp_last: int | None
    failed: int
    locked_until_ms: int | None

    def is_open(self, now_ms: int) -> bool:
        """Whether anybody may come in with it now."""
        over = self.ended_ms is not None and self.ended_ms <= now_ms
        locked = self.locked_until_ms is not None and self.locked_until_ms > now_ms
        return not over and not locked


def account_key(text: str) -> str:
    """The one form of an account's name: people write it as they like."""
    return normal(text).strip().casefold()


class SignIn:
    """Checks credentials against the database; remembers who is being tried just now."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        passwords: Passwords,
        *,
        lockout: Lockout | None = None,
        pad_s: float = 0.0,
        second_factor: frozenset[Role] = frozenset(),
    ) -> None:
        self.passwords = passwords
        self._database, self._clock, self._pad_s = database, clock, pad_s
        self._lockout, self._second_factor = lockout or Lockout(), second_factor
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    async def by_password(self, account: str, password: str, code: str) -> str:
        """The person with this account; BadCredentialsError."""
        begun = asyncio.get_running_loop().time()
        key = account_key(account)
        async with self._turn(key):
            found = await self._find(tables.person.c.account == key)
            person = await self._check(found, password, code)
        return person or await self._refuse(begun, found)

    async def proved(self, person: str, password: str, tried: Tried) -> Account:
        """The account of somebody signed in who proves himself once more, before he changes his
        password or sets a second factor up; BadCredentialsError.  `tried` counts the attempt."""

        async def check() -> str:
            begun = asyncio.get_running_loop().time()
            async with self._turn(person):
                good = await self._check(await self._find(p.id == person), password, None)
            return good or await self._refuse(begun, None)

        p = tables.person.c
        await tried(check)
        found = await self._find(p.id == person)
        if found is None:
            raise NotFoundError(f"person: expected a known id, got {person}")
        return found

    async def address_of(self, person: str, secret: str) -> str:
        """What an authenticator reads, with the account's name."""
        found = await self._find(tables.person.c.id == person)
        return otp.uri(secret, "" if found is None else found.account or "")

    async def by_subject(self, subject: str) -> str:
        """The person whom the OIDC provider names so; BadCredentialsError.

        The provider has checked who it is: neither password nor lock is asked for.  Whose role
        needs a code of this server is refused (OwnCodeError): a provider must not become him.
        """
        found = await self._find(tables.person.c.subject == subject)
        now_ms = self._clock.now_ms()
        if found is None or (found.ended_ms is not None and found.ended_ms <= now_ms):
            return await self._refuse(asyncio.get_running_loop().time(), found)
        if self._second_factor & await self._roles(found.person):
            SECURITY.warning("sign-in by provider refused person=%s", found.person)
            raise OwnCodeError("sign-in: expected password and code of this role, got neither")
        return found.person

    # --- inside -----------------------------------------------------------------------------

    async def _check(self, found: Account | None, password: str, code: str | None) -> str | None:
        """The person, if everything fits; `code` None: the second factor is not asked for again."""
        now_ms = self._clock.now_ms()
        fits = await self.passwords.fits(None if found is None else found.password, password)
        if found is None or found.password is None or not found.is_open(now_ms):
            return None
        counter = found.totp_last
        if found.totp is not None and code is not None:
            counter = otp.counter_of(found.totp, code, now_ms=now_ms, last=found.totp_last)
            fits = fits and counter is not None
        if not fits:
            await self._failed(found, now_ms)
            return None
        renewed = None
        if self.passwords.is_outdated(found.password):
            renewed = await self.passwords.hash(password)
        used = counter if code is not None else None
        return found.person if await self._fitted(found, used, renewed) else None

    async def _fitted(self, found: Account, counter: int | None, renewed: str | None) -> bool:
        """Note the success; False if the code was used meanwhile."""
        c = tables.credential.c
        values: dict[str, object] = {"failed": 0, "locked_until_ms": None}
        if renewed is not None:
            values["password"] = renewed
        query = update(tables.credential).where(c.person == found.person)
        if found.totp is not None and counter is not None:
            values["totp_last"] = counter
            query = query.where(or_(c.totp_last.is_(None), c.totp_last < counter))

        def work(conn: Connection) -> bool:
            return conn.execute(query.values(values)).rowcount == 1

        return await self._database.write(work)

    async def _failed(self, found: Account, now_ms: int) -> None:
        c, failed = tables.credential.c, found.failed + 1
        until = self._lockout.until(failed, now_ms)
        change = (
            update(tables.credential)
            .where(c.person == found.person)
            .values(failed=failed, locked_until_ms=until)
        )
        await self._database.write(lambda conn: conn.execute(change).close())
        if until is not None:
            SECURITY.warning("account locked person=%s until_ms=%s", found.person, until)

    async def _refuse(self, begun: float, found: Account | None) -> str:
        SECURITY.warning("sign-in failed person=%s", "none" if found is None else found.person)
        left = begun + self._pad_s - asyncio.get_running_loop().time()
        await asyncio.sleep(max(left, 0.0))
        raise BadCredentialsError(
            "sign-in: expected an open account, its password and code, got something else"
        )

    async def _find(self, where: ColumnElement[bool]) -> Account | None:
        p, c = tables.person.c, tables.credential.c
        columns: Any = (
            p.id, p.account, p.name, p.ended_ms, c.password, c.must_change, c.totp, c.totp_last,
            c.failed, c.locked_until_ms,
        )  # fmt: skip
        query = (
            select(*columns)
            .select_from(tables.person.outerjoin(tables.credential, c.person == p.id))
            .where(where)
        )
        async with self._database.read() as conn:
            row = (await conn.execute(query)).first()
        return None if row is None else Account(*row)

    async def _roles(self, person: str) -> frozenset[Role]:
        p = tables.person.c
        async with self._database.read() as conn:
            roles = (await conn.execute(select(p.roles).where(p.id == person))).scalar_one()
        return frozenset(Role(role) for role in json.loads(roles))

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        """One attempt at an account after the other, whether it exists or not."""
        lock, waiting = self._turns.get(key, (asyncio.Lock(), 0))
        self._turns[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[key]
            if waiting == 1:
                del self._turns[key]
            else:
                self._turns[key] = (lock, waiting - 1)
