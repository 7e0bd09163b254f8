"""Which items a fact of the registers may change, and the job that looks at them again.

Guarantee: the job is left behind in the transaction of the fact; every item whose device or person
the fact names, within the time that it can matter for, is looked at again on a reader, once per
job; an act is entered only where something else is to be said.  One run looks at `MOST_ITEMS` at
most and leaves the rest to the next, so that neither the writer nor other jobs wait for it.
Not covered: items that carry a user code of several devices when somebody is known to have held
theirs, and items of a clock that was set and set back, handed over after the second measurement
that follows the one now known: they keep what was said until something else touches them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from cases.inbox import attribute, sql
from cases.inbox.kept import Kept
from cases.links.attribution import UNKNOWN_DEVICE
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
MOST_ITEMS, MOST_TOUCHES, STEP = 200, 200, 20_000  # of one run; STEP of attributions walked past
BESIDE = 2  # measurements: a span between two bears on the spans beside it
SET, CLOCK = "set", "clock"
_DOUBTED = ("clock-unmeasured", "clock-set", "clock-drift", "after-sealed")
_A, _I = tables.attribution.c, tables.item.c


@dataclass(frozen=True, slots=True)
class Touch:
    """A device, a person, or texts in a file's name or manifest (a line each), and what time is
    touched; `how` is SET for a device described anew, CLOCK for a measurement made then.
    """

    device: str | None
    person: str | None
    text: str | None
    from_ms: int
    until_ms: int
    how: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """What attribution takes of a device's description."""

    serial: str | None
    carrier: str
    organ: str | None
    unit: str | None
    zone: str | None


def after_fact(conn: Connection, events: Sequence[Event]) -> None:
    """Inside the act that records facts: leave a job for what they touch."""
    _leave(conn, events, [touch for event in events for touch in touched(event)])


def after_devices(
    conn: Connection, before: Mapping[str, Described | None], events: Sequence[Event]
) -> None:
    """Inside the act that describes devices: leave a job for those that are other than before."""
    touches = []
    for id_, old in before.items():
        new = described(conn, id_)
        if new is None or new == old:
            continue
        touches.append(Touch(id_, None, None, 0, NEVER_MS, SET))
        serial = (new.serial or "").rpartition(MAKER_END)[2]
        if serial and (old is None or old.serial != new.serial):
            touches.append(Touch(None, None, code_key(serial), 0, NEVER_MS, SET))
    _leave(conn, events, touches)


def described(conn: Connection, device: str) -> Described | None:
    """The description of a device as it stands."""
    text = "SELECT serial, carrier, organ, unit, zone FROM device WHERE id = ?"
    rows = sql.rows(conn, text, device)
    return Described(*rows[0]) if rows else None


def after_withdrawal(conn: Connection, roster: str, events: Sequence[Event]) -> None:
    """Inside the act that withdraws a roster: the people that it named."""
    _leave(conn, events, _on_duty(_shifts_of(conn, roster)))


def _leave(conn: Connection, events: Sequence[Event], touches: Iterable[Touch]) -> None:
    rows = [list(astuple(touch)) for touch in merged(touches)]
    if rows:
        key, now_ms = f"{KIND}:{events[0].index}", events[0].at_ms
        enqueue(conn, KIND, {"touches": rows}, key=key, lane=LANE, now_ms=now_ms)


def merged(touches: Iterable[Touch]) -> list[Touch]:
    """One for each device and each person, and one for all texts: a sheet has many rows."""
    found: dict[tuple[str | None, str | None, bool, str], Touch] = {}
    for touch in touches:
        key = (touch.device, touch.person, touch.text is None, touch.how)
        one = found.setdefault(key, touch)
        texts = [*(one.text or "").split("\n"), touch.text or ""]
        found[key] = replace(
            one, text=None if touch.text is None else "\n".join(dict.fromkeys(texts)),
            from_ms=min(one.from_ms, touch.from_ms), until_ms=max(one.until_ms, touch.until_ms),
        )  # fmt: skip
    return list(found.values())


def touched(event: Event) -> Iterator[Touch]:
    """What a fact touches; of descriptions `after_devices` knows."""
    f = event.fields
    if event.type == "device.custody":
        yield Touch(f["device"], None, None, max(parse_time(f["at"]) - MARGIN_MS, 0), NEVER_MS)
    elif event.type == "device.clock":
        at_ms = parse_time(f["at"])
        yield Touch(f["device"], None, None, at_ms, at_ms, CLOCK)
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


# --- the items ------------------------------------------------------------------------------


def page(conn: Connection, touch: Touch, after: str, most: int) -> tuple[list[str], str | None]:
    """Some items that the fact may change, in the order of their ids, and after which to go on."""
    if touch.text is not None:
        return _walk(conn, touch, after, most)
    found = sorted(id_ for id_ in _along(conn, touch) if id_ > after)
    return found[:most], found[most - 1] if len(found) > most else None


def _along(conn: Connection, touch: Touch) -> set[str]:
    """Items of a device or a person, along their index."""
    found: set[str] = set()

    def add(*tests: ColumnElement[bool]) -> None:
        query = select(_A.item).join(tables.item, _I.id == _A.item).where(*tests)
        found.update(row.item for row in conn.execute(query))

    if touch.how == CLOCK and touch.device is not None:
        add(_A.device == touch.device, _measured(conn, touch.device, touch))
    elif touch.device is not None:
        add(_A.device == touch.device, _when(touch))
        if touch.how == SET:
            add(_I.source == touch.device, _A.device.is_(None), _when(touch))
    elif touch.person is not None:
        add(_A.person == touch.person, _when(touch))
    return found


def _when(touch: Touch) -> ColumnElement[bool]:
    return or_(
        _A.start_ms.is_(None), and_(_A.start_ms >= touch.from_ms, _A.start_ms <= touch.until_ms)
    )


def _measured(conn: Connection, device: str, touch: Touch) -> ColumnElement[bool]:
    """Recorded or sealed between the measurements around, or of a time that is in doubt.

    Sealed counts too: a clock that was wrong by years names any time.
    """
    text = "SELECT at_ms FROM device_offset WHERE device = ? AND at_ms {} LIMIT ?"
    before = sql.rows(conn, text.format("< ? ORDER BY at_ms DESC"), device, touch.from_ms, BESIDE)
    after = sql.rows(conn, text.format("> ? ORDER BY at_ms"), device, touch.until_ms, BESIDE)
    low = before[-1][0] if len(before) == BESIDE else 0
    high = after[-1][0] if len(after) == BESIDE else NEVER_MS
    near = replace(touch, from_ms=low - MARGIN_MS, until_ms=high + MARGIN_MS)
    sealed = and_(_I.sealed_ms >= low, _I.sealed_ms <= high)
    return or_(_when(near), sealed, *(_A.marks.like(f'%"{mark}"%') for mark in _DOUBTED))


def _walk(conn: Connection, touch: Touch, after: str, most: int) -> tuple[list[str], str | None]:
    """Items whose file names one of these texts, along a bounded stretch of all attributions."""
    step = select(_A.item).where(_A.item > after).order_by(_A.item).offset(STEP - 1).limit(1)
    end: str | None = conn.execute(step).scalar()
    doubted: ColumnElement[bool] = or_(_A.person.is_(None), _A.device.is_(None))
    if touch.how == SET:
        doubted = _A.marks.like(f'%"{UNKNOWN_DEVICE}"%')
    query = (
        select(_A.item, _I.name, _I.manifest)
        .join(tables.item, _I.id == _A.item)
        .where(_A.item > after, doubted, _when(touch))
        .order_by(_A.item)
    )
    if end is not None:
        query = query.where(_A.item <= end)
    texts = [text for text in (touch.text or "").split("\n") if text]
    found: list[str] = []
    for row in conn.execute(query):
        said = f"{row.name}\n{row.manifest or ''}".upper()
        if any(text in said for text in texts):
            if len(found) == most:
                return found, found[-1]
            found.append(row.item)
    return found, end


# --- the job --------------------------------------------------------------------------------


async def run(database: Database, ledger: Ledger, attempt: Attempt, zone: str) -> None:
    """The job: attribute again what is touched, so far as one run goes."""
    touches = [Touch(*row) for row in attempt.args["touches"]]
    async with database.read() as conn:
        found, rest, after = await conn.run_sync(
            partial(_some, touches=touches, after=str(attempt.args.get("after", "")))
        )
        kept = await conn.run_sync(Kept.now)
        new = [
            item for item in found
            if await attribute.is_new(conn, item, attribute.REGISTER, zone, kept)
        ]  # fmt: skip
    for number, item in enumerate(new):
        await attribute.say(
            ledger, item, attribute.REGISTER, zone,
            operation=f"{KIND}:{attempt.token}:{number}", attempt=attempt, kept=kept,
        )  # fmt: skip
    if rest:
        root = str(attempt.args.get("root", attempt.key))
        args = {"touches": [list(astuple(t)) for t in rest], "after": after, "root": root}
        await attempt.write(partial(_go_on, args=args, key=f"{root}:{len(rest)}:{after}"))


def _some(
    conn: Connection, touches: Sequence[Touch], after: str
) -> tuple[list[str], Sequence[Touch], str]:
    """What one run looks at; what it leaves, and after which item of that to begin."""
    found: dict[str, None] = {}
    for number, touch in enumerate(touches[:MOST_TOUCHES]):
        ids, on = page(conn, touch, after, MOST_ITEMS - len(found))
        found |= dict.fromkeys(ids)
        if on is not None:
            return list(found), touches[number:], on
        after = ""
        if len(found) >= MOST_ITEMS:
            return list(found), touches[number + 1 :], ""
    return list(found), touches[MOST_TOUCHES:], ""


def _go_on(conn: Connection, args: Mapping[str, Any], key: str) -> None:
    """Leave the rest to another run, behind what waits already."""
    now_ms = int(conn.execute(select(tables.head.c.last_ms)).scalar_one())
    enqueue(conn, KIND, args, key=key, lane=LANE, now_ms=now_ms)
