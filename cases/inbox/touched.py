"""Which items a fact of the registers may change, and the job that looks at them again.

Guarantee: the job is left behind in the transaction of the fact; every item whose device or person
the fact names, within the time that it can matter for, is attributed again, once per job.
Not covered: items that carry a user code of several devices when somebody is known to have held
theirs: they keep their mark until something else touches them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from cases.inbox import attribute
from cases.links.custody import code_key
from cases.registers.rules import MAKER_END
from storage import tables
from storage.database import Database
from storage.jobs import Attempt, enqueue
from storage.ledger import Event, Ledger
from verify.entries import parse_time

KIND, LANE = "reattribute", "quick"
MARGIN_MS = 2 * 86_400_000  # of a search: how far an item's time may move or lie beside the fact
NEVER_MS = 1 << 52


@dataclass(frozen=True, slots=True)
class Touch:
    """A device, a person, or a text in a file's name or manifest; and the time that is touched."""

    device: str | None
    person: str | None
    text: str | None
    from_ms: int
    until_ms: int


def after_fact(conn: Connection, events: Sequence[Event]) -> None:
    """Inside the act that records facts: leave a job for what they touch."""
    _leave(conn, events, [touch for event in events for touch in touched(event)])


def after_withdrawal(conn: Connection, roster: str, events: Sequence[Event]) -> None:
    """Inside the act that withdraws a roster: the people that it named."""
    _leave(conn, events, _on_duty(_shifts_of(conn, roster)))


def _leave(conn: Connection, events: Sequence[Event], touches: Iterable[Touch]) -> None:
    rows = [[t.device, t.person, t.text, t.from_ms, t.until_ms] for t in dict.fromkeys(touches)]
    if rows:
        key, now_ms = f"{KIND}:{events[0].index}", events[0].at_ms
        enqueue(conn, KIND, {"touches": rows}, key=key, lane=LANE, now_ms=now_ms)


def touched(event: Event) -> Iterator[Touch]:
    """What a fact touches."""
    f = event.fields
    if event.type == "device.set":
        yield Touch(f["device"], None, None, 0, NEVER_MS)
        if serial := f.get("serial", "").rpartition(MAKER_END)[2]:
            yield Touch(None, None, code_key(serial), 0, NEVER_MS)
    elif event.type == "device.custody":
        yield Touch(f["device"], None, None, max(parse_time(f["at"]) - MARGIN_MS, 0), NEVER_MS)
    elif event.type == "device.clock":  # a clock that was wrong by years is put right
        yield Touch(f["device"], None, None, 0, NEVER_MS)
    elif event.type == "device.user":
        until = parse_time(f["valid_until"]) if "valid_until" in f else NEVER_MS
        span = (max(parse_time(f["valid_from"]) - MARGIN_MS, 0), until + MARGIN_MS)
        yield Touch(f.get("device"), None, None if "device" in f else code_key(f["code"]), *span)
    elif event.type == "roster.set":
        yield from _on_duty(f["shifts"])


def _on_duty(shifts: Iterable[dict[str, str]]) -> Iterator[Touch]:
    people: dict[str, tuple[int, int]] = {}
    for shift in shifts:
        start, end = parse_time(shift["start"]), parse_time(shift["end"])
        low, high = people.get(shift["person"], (start, end))
        people[shift["person"]] = (min(low, start), max(high, end))
    for person, (low, high) in people.items():
        yield Touch(None, person, None, max(low - MARGIN_MS, 0), high + MARGIN_MS)


def _shifts_of(conn: Connection, roster: str) -> list[dict[str, str]]:
    """What the entry that set the roster said; its rows are gone once it is withdrawn."""
    e, d, r = tables.entry.c, tables.disclosure.c, tables.roster.c
    disclosed = conn.execute(
        select(d.disclosed)
        .select_from(
            tables.roster.join(tables.entry, e.index == r.set_index).join(
                tables.disclosure, d.index == e.index
            )
        )
        .where(r.id == roster)
    ).scalar()
    found: list[dict[str, str]] = next(
        (value for _, name, value in json.loads(disclosed or "[]") if name == "shifts"), []
    )
    return found


def items(conn: Connection, touch: Touch) -> list[str]:
    """The items that the fact may change."""
    a, i = tables.attribution.c, tables.item.c
    when = or_(
        a.start_ms.is_(None), and_(a.start_ms >= touch.from_ms, a.start_ms <= touch.until_ms)
    )
    found: set[str] = set()

    def add(*tests: ColumnElement[bool]) -> None:
        query = select(a.item).join(tables.item, i.id == a.item).where(*tests, when)
        found.update(row.item for row in conn.execute(query))

    if touch.device is not None:
        add(a.device == touch.device)
        add(i.source == touch.device, a.device.is_(None))
    if touch.person is not None:
        add(a.person == touch.person)
    if touch.text is not None:
        part = (
            f"%{touch.text}%"  # letters and digits of a code; a joker finds too many, not too few
        )
        said = or_(func.upper(i.name).like(part), func.upper(i.manifest).like(part))
        add(or_(a.person.is_(None), a.device.is_(None)), said)
    return sorted(found)


async def run(database: Database, ledger: Ledger, attempt: Attempt, zone: str) -> None:
    """The job: attribute again whatever is touched."""
    found: dict[str, None] = {}
    async with database.read() as conn:
        for row in attempt.args["touches"]:
            found |= dict.fromkeys(await conn.run_sync(partial(items, touch=Touch(*row))))
    for number, item in enumerate(found):
        await attribute.say(
            ledger, item, attribute.REGISTER, zone,
            operation=f"{KIND}:{attempt.token}:{number}", attempt=attempt,
        )  # fmt: skip
