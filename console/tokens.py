"""Tokens: the keys that devices, programs and people hold.  Issued and revoked by acts.

Guarantee: the secret is returned once and stored only as its SHA-256; the act and the digest are
one transaction.  A token for a source enrols the source first if it is new, in the same act.
Not covered: who may issue one (the command line: whoever holds the data folder; else
`console.tokens_api`).

The secret is `lh_` and 43 base64url characters: 32 random bytes, so its plain SHA-256 cannot be
searched, and secret scanners can recognise one that was left in a file.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from storage import tables
from storage.access import Right
from storage.database import Database
from storage.ledger import Draft, Event, Ledger
from verify.errors import ConflictError, MalformedError, NotFoundError

_SECRET = re.compile(r"lh_[A-Za-z0-9_-]{43}")
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Token:
    """A token as listed: never its secret."""

    id: str
    name: str
    rights: tuple[Right, ...]
    actor: str
    source: str | None
    source_name: str | None
    issued_ms: int
    revoked: bool
    person: str | None = None  # whose own it is
    organ: str | None = None  # the only one that it sees


def new_secret() -> str:
    """A fresh secret; the caller shows it once and forgets it."""
    return f"lh_{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """What is stored of a secret (of a token or a session): its SHA-256 in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def looks_like_secret(text: str) -> bool:
    """Whether it is worth asking the database."""
    return _SECRET.fullmatch(text) is not None


def issue(
    token: str,
    *,
    name: str,
    rights: Collection[Right],
    by: str,
    person: str,
    source_name: str | None,
    source_kind: str,
    known_source: str | None,
    new_source: str,
    owner: str | None = None,
    organ: str | None = None,
) -> list[Draft]:
    """The rule: which entries give out this token; `known_source` is the id behind the name."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise MalformedError(
            f"token name: expected 1 to {MAX_NAME} printable characters, got {name!r:.40}"
        )
    if not rights:
        raise MalformedError("token rights: expected at least one, got none")
    fields: dict[str, object] = {
        "token": token,
        "name": name,
        "rights": sorted(str(r) for r in rights),
    }
    if organ is not None:
        fields["organ"] = organ
    if owner is not None:
        fields["person"] = owner
    if source_name is None:
        return [Draft("token.issued", "sys", by, {**fields, "actor": person})]
    if not source_name.strip() or not source_name.isprintable():
        raise MalformedError(f"source name: expected printable characters, got {source_name!r:.40}")
    source = known_source or new_source
    drafts = []
    if known_source is None:
        enrolled = {"source": source, "name": source_name, "kind": source_kind}
        drafts.append(Draft("source.enrolled", f"s:{source}", by, enrolled))
    actor = f"s:{source}"
    drafts.append(Draft("token.issued", "sys", by, {**fields, "actor": actor, "source": source}))
    return drafts


async def issue_token(
    ledger: Ledger,
    name: str,
    rights: Collection[Right],
    source_name: str | None = None,
    *,
    source_kind: str = "device",
    by: str = "sys",
    person: str | None = None,
    organ: str | None = None,
    check: Callable[[Connection], None] = lambda _conn: None,
) -> tuple[str, str]:
    """Give out a token: its id and, this once, its secret.

    `person`: whose own it is, so that it may no more than he; `organ`: the only one that it sees;
    `check` is asked under the log's lock and may raise.
    """
    token, secret, new_source = secrets.token_hex(16), new_secret(), secrets.token_hex(16)
    actor = f"u:{person or secrets.token_hex(16)}"

    def decide(conn: Connection) -> list[Draft]:
        check(conn)
        if organ is not None:
            o = tables.organ.c
            if conn.execute(select(o.id).where(o.id == organ)).first() is None:
                raise NotFoundError(f"organ: expected a known id, got {organ:.40}")
        known = None
        if source_name is not None:
            c = tables.source.c
            row = conn.execute(select(c.id, c.revoked_index).where(c.name == source_name)).first()
            if row is not None and row.revoked_index is not None:
                raise ConflictError(f"source {source_name}: expected an active one, got revoked")
            known = None if row is None else row.id
        return issue(
            token,
            name=name,
            rights=rights,
            by=by,
            person=actor,
            owner=person,
            organ=organ,
            source_name=source_name,
            source_kind=source_kind,
            known_source=known,
            new_source=new_source,
        )

    def also(conn: Connection, _events: object) -> None:
        conn.execute(insert(tables.token_secret).values(token=token, digest=digest(secret)))

    await ledger.record(f"token:{token}", decide, also)
    return token, secret


async def revoke_token(ledger: Ledger, token: str, reason: str, *, by: str = "sys") -> Event:
    """Take a token back: it opens nothing any more, and its sessions end at once."""
    if not reason.strip():
        raise MalformedError("reason: expected some text, got none")

    def decide(conn: Connection) -> list[Draft]:
        c = tables.token.c
        row = conn.execute(select(c.revoked_index).where(c.id == token)).first()
        if row is None:
            raise NotFoundError(f"token: expected a known id, got {token:.40}")
        if row.revoked_index is not None:
            raise ConflictError(f"token {token}: expected an active one, got revoked")
        return [Draft("token.revoked", "sys", by, {"token": token, "reason": reason.strip()})]

    def also(conn: Connection, _events: object) -> None:
        conn.execute(delete(tables.token_secret).where(tables.token_secret.c.token == token))
        conn.execute(delete(tables.session).where(tables.session.c.token == token))

    return (await ledger.record(f"revoke:{token}", decide, also))[0]


def revoked_of(conn: Connection, person: str, by: str, reason: str) -> list[Draft]:
    """Each of the person's own tokens taken back, in the act that ends what he proved himself by."""
    t = tables.token.c
    own = select(t.id).where(t.person == person, t.revoked_index.is_(None)).order_by(t.issued_index)
    return [
        Draft("token.revoked", "sys", by, {"token": token, "reason": reason.strip()})
        for token in conn.execute(own).scalars().all()
    ]


def forget_of(conn: Connection, person: str) -> None:
    """What opened with the person's own tokens: their secrets, and sessions begun with them."""
    own = select(tables.token.c.id).where(tables.token.c.person == person)
    conn.execute(delete(tables.token_secret).where(tables.token_secret.c.token.in_(own)))
    conn.execute(delete(tables.session).where(tables.session.c.token.in_(own)))


async def list_tokens(database: Database) -> list[Token]:
    """All tokens ever issued, oldest first."""
    t, s = tables.token, tables.source
    query = (
        select(t, s.c.name.label("source_name"))
        .select_from(t.outerjoin(s, s.c.id == t.c.source))
        .order_by(t.c.issued_index)
    )
    async with database.read() as conn:
        return [
            Token(
                row.id, row.name, tuple(Right(r) for r in json.loads(row.rights)), row.actor,
                row.source, row.source_name, row.issued_ms, row.revoked_index is not None,
                row.person, row.organ,
            )
            for row in await conn.execute(query)
        ]  # fmt: skip
