"""What people prove themselves with: passwords and second factors, set, changed, reset.

Guarantee: every change is an entry that names the person and what changed, and never the secret;
a password that somebody else knows must be changed before anything else; a change of password ends
the person's other sessions, a reset all of them and his own tokens.
Not covered: who may reset whose (`console.people_api`), and signing in (`console.signin`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from console import otp, sessions, tokens
from storage import tables
from storage.ledger import Draft, Event, Ledger, random_id
from verify.errors import ConflictError, MalformedError, NotFoundError

Check = Callable[[Connection], None]
PASSWORD_RESET, PASSWORD_CHANGED = "password-reset", "password-changed"
TOTP_SET, TOTP_RESET = "totp-set", "totp-reset"


def changed(person: str, what: str, by: str, reason: str | None = None) -> Draft:
    """The rule: what is recorded of a change of credentials."""
    fields = {"person": person, "what": what}
    if reason is not None:
        if not reason.strip():
            raise MalformedError("reason: expected some text, got none")
        fields["reason"] = reason.strip()
    return Draft("credential.changed", "sys", by, fields)


def put(conn: Connection, person: str, *, now_ms: int, **values: Any) -> None:
    """Set these columns of the person's credential, which may be new."""
    c = tables.credential
    row = {"changed_ms": now_ms, **values}
    if conn.execute(update(c).where(c.c.person == person).values(row)).rowcount == 0:
        fresh = {"must_change": True, "totp": None, "totp_last": None, "failed": 0,
                 "locked_until_ms": None}  # fmt: skip
        conn.execute(insert(c).values({"person": person} | fresh | row))


def _nobody(_conn: Connection) -> None:
    """Nothing to check."""


async def reset_password(
    ledger: Ledger, person: str, hashed: str, *, by: str, reason: str, now_ms: int,
    check: Check = _nobody,
) -> Event:  # fmt: skip
    """A one-time password in the place of the old one; the lock, if any, is over."""

    def decide(conn: Connection) -> Sequence[Draft]:
        check(conn)
        _known(conn, person)
        return [
            changed(person, PASSWORD_RESET, by, reason),
            *tokens.revoked_of(conn, person, by, reason),
        ]

    def also(conn: Connection, _events: object) -> None:
        put(conn, person, now_ms=now_ms, password=hashed, must_change=True, failed=0,
            locked_until_ms=None)  # fmt: skip
        sessions.end_all(conn, person)
        tokens.forget_of(conn, person)

    return (await ledger.record(random_id(), decide, also))[0]


async def change_password(
    ledger: Ledger, person: str, hashed: str, *, session: str, now_ms: int
) -> Event:
    """The person's own new password; his other sessions end."""

    def also(conn: Connection, _events: object) -> None:
        put(conn, person, now_ms=now_ms, password=hashed, must_change=False, failed=0)
        sessions.end_all(conn, person, but=session)

    draft = changed(person, PASSWORD_CHANGED, f"u:{person}")
    return (await ledger.record(random_id(), lambda _conn: [draft], also))[0]


class Pending:
    """Second factors that were begun and not yet confirmed: in memory, one for each person."""

    def __init__(self, *, most: int = 1000) -> None:
        self._most = most
        self._secrets: dict[str, str] = {}

    def begin(self, person: str) -> str:
        """A fresh secret for this person; an earlier one is forgotten."""
        self._secrets.pop(person, None)
        while len(self._secrets) >= self._most:
            del self._secrets[next(iter(self._secrets))]
        self._secrets[person] = otp.new_secret()
        return self._secrets[person]

    def waiting(self, person: str) -> str | None:
        """The secret that waits for its first code, if there is one."""
        return self._secrets.get(person)

    def of(self, person: str) -> str:
        """The secret that waits for its first code; ConflictError if there is none."""
        secret = self.waiting(person)
        if secret is None:
            raise ConflictError("second factor: expected one that was begun, got none")
        return secret

    def done(self, person: str) -> None:
        self._secrets.pop(person, None)


async def confirm_totp(
    ledger: Ledger, person: str, secret: str, counter: int, *, session: str, now_ms: int
) -> Event:
    """The second factor whose first code was just given; ConflictError if there is one."""

    def decide(conn: Connection) -> Sequence[Draft]:
        c = tables.credential.c
        row = conn.execute(select(c.totp).where(c.person == person)).first()
        if row is None:
            raise NotFoundError("second factor: expected an account with a password, got none")
        if row.totp is not None:
            raise ConflictError("second factor: expected none yet, got one")
        return [changed(person, TOTP_SET, f"u:{person}")]

    def also(conn: Connection, _events: object) -> None:
        put(conn, person, now_ms=now_ms, totp=secret, totp_last=counter)
        sessions.end_all(conn, person, but=session)

    return (await ledger.record(random_id(), decide, also))[0]


async def reset_totp(
    ledger: Ledger, person: str, *, by: str, reason: str, now_ms: int, check: Check = _nobody
) -> Event:
    """Take the second factor away: its owner lost it.  His sessions end."""

    def decide(conn: Connection) -> Sequence[Draft]:
        check(conn)
        _known(conn, person)
        c = tables.credential.c
        if conn.execute(select(c.totp).where(c.person == person)).scalar() is None:
            raise ConflictError("second factor: expected one to reset, got none")
        return [
            changed(person, TOTP_RESET, by, reason),
            *tokens.revoked_of(conn, person, by, reason),
        ]

    def also(conn: Connection, _events: object) -> None:
        put(conn, person, now_ms=now_ms, totp=None, totp_last=None)
        sessions.end_all(conn, person)
        tokens.forget_of(conn, person)

    return (await ledger.record(random_id(), decide, also))[0]


def _known(conn: Connection, person: str) -> None:
    p = tables.person.c
    if conn.execute(select(p.id).where(p.id == person)).first() is None:
        raise NotFoundError(f"person: expected a known id, got {person:.40}")
