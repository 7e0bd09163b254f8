"""What is to be made of an item, as rows: jobs to run, and what the probe found.

Guarantee: every function works inside the caller's transaction; asking again changes nothing but
the priority.  Keys of jobs are `<kind>:<item>`, so an item has each of them once.
Not covered: running them (`ingest.media.stages`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, exists, insert, select, update

from ingest.media.classify import Lane, Plan, Reason, as_encoded, classify, picture_of
from ingest.media.facts import Facts
from ingest.media.originals import Original, Place
from storage import jobs
from storage.acts import Event
from storage.tables import copy, derived, item, job, media
from verify.errors import NotFoundError

WAITED: Final = 10  # priority of what somebody waits for
ATTEMPTS: Final = 3
_CONVERTED: Final = ("remux", "transcode")


@dataclass(frozen=True, slots=True)
class Seen:
    """The row of `media`, read back.  `encode`: copying packets was tried and failed."""

    verdict: str
    reason: str | None
    facts: Facts | None
    encode: bool

    @property
    def plan(self) -> Plan | None:
        """How to make it playable, whatever a failed conversion has left as the verdict."""
        if self.facts is None:
            return None
        plan = classify(self.facts)
        return as_encoded(plan, self.facts) if self.encode and plan.verdict == "remux" else plan


def seen(connection: Connection, item_id: str) -> Seen | None:
    row = connection.execute(select(media).where(media.c.item == item_id)).first()
    if row is None:
        return None
    probe = json.loads(row.probe)
    facts = Facts.decode(probe["facts"]) if probe.get("facts") else None
    return Seen(row.verdict, row.reason, facts, bool(probe.get("encode")))


def note(
    connection: Connection,
    item_id: str,
    plan: Plan,
    facts: Facts | None,
    *,
    detail: str = "",
    encode: bool = False,
) -> None:
    """Write what is known of the item in place of what was known before."""
    probe: dict[str, Any] = {"mime": plan.mime, "silent": plan.silent, "encode": encode}
    if facts is not None:
        probe["facts"] = facts.encode()
    if detail:
        probe["detail"] = detail
    claim = facts.duration_s if facts is not None else None
    connection.execute(delete(media).where(media.c.item == item_id))
    connection.execute(
        insert(media).values(
            item=item_id,
            verdict=plan.verdict,
            reason=plan.reason.value if plan.reason else None,
            probe=json.dumps(probe, ensure_ascii=False, sort_keys=True),
            duration_ms=None if claim is None else min(round(claim * 1000), 1 << 52),
        )
    )


def refuse(connection: Connection, item_id: str, reason: Reason) -> None:
    """Keep what is known, but say that it cannot be shown."""
    connection.execute(
        update(media).where(media.c.item == item_id).values(verdict="none", reason=reason.value)
    )


def original(connection: Connection, item_id: str) -> Original:
    """The item's size, fingerprint and copies; NotFoundError."""
    row = connection.execute(select(item.c.size, item.c.sha256).where(item.c.id == item_id)).first()
    if row is None:
        raise NotFoundError(f"item: expected a sealed item, got {item_id}")
    places = connection.execute(
        select(copy.c.store, copy.c.key, copy.c.version)
        .where(copy.c.item == item_id, copy.c.what == "original", copy.c.encoding == "plain")
        .order_by(copy.c.index, copy.c.store)
    )
    return Original(item_id, row.size, row.sha256, [Place(*place) for place in places])


def derived_key(connection: Connection, item_id: str, what: str) -> str | None:
    """Where the newest derivative of this kind lies."""
    found: str | None = connection.execute(
        select(derived.c.key).where(derived.c.item == item_id, derived.c.what == what)
    ).scalar()
    return found


def enqueue(
    connection: Connection,
    kind: str,
    item_id: str,
    *,
    lane: Lane = "quick",
    priority: int = 0,
    now_ms: int,
) -> None:
    """Let a stage run for an item, once; what waits already is lifted to the priority."""
    key = f"{kind}:{item_id}"
    jobs.enqueue(
        connection, kind, {"item": item_id}, key=key, lane=lane, priority=priority, now_ms=now_ms
    )
    if priority:  # a running probe must see that somebody waits, too
        connection.execute(
            update(job)
            .where(job.c.key == key, job.c.state == "running", job.c.priority < priority)
            .values(priority=priority)
        )


def after_sealed(connection: Connection, event: Event) -> None:
    """The first stage of every sealed item, in the transaction that seals it."""
    enqueue(connection, "probe", event.fields["item"], now_ms=event.at_ms)


def awaited(connection: Connection, item_id: str, kind: str = "probe") -> bool:
    """Whether somebody waits for this stage of the item: of the probe, before it is known what it is."""
    priority = connection.execute(
        select(job.c.priority).where(job.c.key == f"{kind}:{item_id}")
    ).scalar()
    return (priority or 0) >= WAITED


def request_playable(connection: Connection, item_id: str, now_ms: int) -> None:
    """Somebody waits to see the item: whatever is missing for that goes first.

    A failed conversion is not begun again by looking at it; `retry` of its job does that.
    """
    known = seen(connection, item_id)
    if known is None:
        enqueue(connection, "probe", item_id, priority=WAITED, now_ms=now_ms)
    elif known.verdict in _CONVERTED and derived_key(connection, item_id, "playable") is None:
        plan = known.plan
        lane = plan.lane if plan is not None else "quick"
        key = f"playable:{item_id}"
        connection.execute(  # one that ended without a result is as good as none
            delete(job).where(job.c.key == key, job.c.state.in_(("done", "cancelled")))
        )
        enqueue(connection, "playable", item_id, lane=lane, priority=WAITED, now_ms=now_ms)


def request_sprites(connection: Connection, item_id: str, now_ms: int) -> bool:
    """Somebody opens the time line: let its small pictures be made; whether they can come."""
    known = seen(connection, item_id)
    if known is None:
        return True  # not examined yet
    if known.facts is None or known.verdict == "image" or picture_of(known.facts) is None:
        return False
    key = f"sprites:{item_id}"
    state = connection.execute(select(job.c.state).where(job.c.key == key)).scalar()
    if state == "failed":
        return False
    if state in ("done", "cancelled"):  # what it made was lost: it is made again
        connection.execute(delete(job).where(job.c.key == key))
    enqueue(connection, "sprites", item_id, now_ms=now_ms)
    return True


def enqueue_missing(connection: Connection, now_ms: int) -> int:
    """After a rebuild: examine the items that nothing is known of; how many there are."""
    unseen = select(item.c.id).where(
        ~exists().where(media.c.item == item.c.id),
        ~exists().where(job.c.key == "probe:" + item.c.id, job.c.state != "done"),
    )
    ids = [row.id for row in connection.execute(unseen)]
    for id_ in ids:
        connection.execute(delete(job).where(job.c.key == f"probe:{id_}"))
        enqueue(connection, "probe", id_, now_ms=now_ms)
    return len(ids)


def args_item(args: Mapping[str, Any]) -> str:
    """The item that a job is about."""
    return str(args["item"])
