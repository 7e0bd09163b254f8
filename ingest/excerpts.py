"""Asking for an excerpt or a still of a recording: the rule, the entry, the job.

Guarantee: nothing is cut without an entry that says who wanted what and why, before it is made.
Not covered: making it (`ingest.media.clips`), rights (`console`).

Format: docs/formats/entries.md, version 1 (clip.asked).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, select

from ingest.media import wishes
from ingest.media.classify import picture_of
from storage import jobs, tables
from storage.ledger import Draft, Event, Ledger, random_id
from verify.errors import ConflictError, MalformedError, NotFoundError, UnavailableError

Kind = Literal["clip", "png", "jpeg"]
KIND: Final = "clip"  # of the job
MAX_PURPOSE: Final = 500
LONGEST_MS: Final = 48 * 3600 * 1000


class NoClipError(ConflictError):
    """Of this recording no such excerpt can be made."""

    code = "no-clip"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for, in milliseconds after the recording's begin."""

    kind: Kind
    from_ms: int
    to_ms: int
    purpose: str
    case: str | None = None


def check(wanted: Wanted, known: wishes.Seen | None, duration_ms: int | None) -> None:
    """The rule: a range within a recording that was examined and has what is asked for."""
    if known is None:
        raise UnavailableError("item: expected one that was examined, got none of it yet")
    facts = known.facts
    if facts is None or facts.format.endswith("_pipe") or not (facts.video or facts.audio):
        raise NoClipError(f"item: expected a recording with picture or sound, got {known.verdict}")
    if wanted.kind != "clip" and picture_of(facts) is None:
        raise NoClipError("item: expected a recording with a picture, got sound alone")
    if not 0 <= wanted.from_ms <= LONGEST_MS or not 0 <= wanted.to_ms <= LONGEST_MS:
        raise MalformedError(f"from_ms, to_ms: expected 0 to {LONGEST_MS}, got another number")
    if wanted.kind == "clip" and wanted.to_ms <= wanted.from_ms:
        raise MalformedError("to_ms: expected more than from_ms, got no more")
    if duration_ms is not None and wanted.from_ms > duration_ms:
        raise MalformedError(f"from_ms: expected at most {duration_ms}, got {wanted.from_ms}")
    purpose = wanted.purpose.strip()
    if not purpose or len(purpose) > MAX_PURPOSE:
        raise MalformedError(f"purpose: expected 1 to {MAX_PURPOSE} characters, got {len(purpose)}")


async def ask(ledger: Ledger, actor: str, item: str, wanted: Wanted) -> tuple[str, Event]:
    """Record who wants what and why, and let it be made; its id and the entry."""
    new = random_id()

    def decide(conn: Connection) -> list[Draft]:
        m, i, c = tables.media.c, tables.item.c, tables.case.c
        if conn.execute(select(i.id).where(i.id == item)).scalar() is None:
            raise NotFoundError(f"item: expected a known id, got {item:.40}")
        if (
            wanted.case is not None
            and conn.execute(select(c.id).where(c.id == wanted.case)).scalar() is None
        ):
            raise NotFoundError("case: expected an opened case, got an unknown id")
        duration = conn.execute(select(m.duration_ms).where(m.item == item)).scalar()
        check(wanted, wishes.seen(conn, item), duration)
        fields: dict[str, Any] = {
            "clip": new, "item": item, "kind": wanted.kind, "from_ms": wanted.from_ms,
            "to_ms": wanted.to_ms, "purpose": wanted.purpose.strip(),
        }  # fmt: skip
        if wanted.case is not None:
            fields["case"] = wanted.case
        return [Draft("clip.asked", f"i:{item}", actor, fields)]

    def enqueue(conn: Connection, events: Iterable[Event]) -> None:
        for event in events:
            jobs.enqueue(
                conn, KIND, {"item": item, "clip": new}, key=f"{KIND}:{new}", lane="quick",
                priority=wishes.WAITED, now_ms=event.at_ms,
            )  # fmt: skip

    return new, (await ledger.record(f"clip:{new}", decide, enqueue))[0]
