"""Pages of the inbox: what waits, whose it is, by when it had to be in and has to be linked.

Guarantee: a page is a few walks along indexes of `waiting`, each no longer than the page, whatever
many items wait; proposals are made for the rows that are shown.  A cursor names the last row seen.
Not covered: rights beyond the rows that `Visible` lets through.  A filter that keeps few of many
rows of its index (the unclaimed of an organ that claims nearly all) walks past the others.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)

from cases import case_list, queries
from cases.inbox import numbers, proposals, sql, terms
from cases.inbox.proposals import Suggested
from cases.inbox.terms import Applied
from cases.policy import Policy, in_force
from cases.queries import Page, Waiting, before, page_size
from storage import tables
from storage.access import Visible

MOST_STREAMS = 200  # in one statement; SQLite takes 500
_YEARS_MS = 40 * 366 * 86_400_000
_W, _F, _U = tables.waiting.c, tables.flag.c, tables.unit.c
Tests = tuple[ColumnElement[bool], ...]
_Fixed = dict[str, str | None]
"""Columns and what they hold; None: nothing."""
_ALL = _W.sealed_ms >= literal_column("0")
"""Opens the index over everything that waits.  Walks along other indexes do without: with that one
in reach a planner takes it, and passes a million rows where those asked for are old."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the inbox is asked for; `unit` includes the units below it."""

    person: str | None = None
    unit: str | None = None
    organ: str | None = None
    unclaimed: bool = False
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Whose the item is, as it was last said."""

    device: str | None
    person: str | None
    unit: str | None
    organ: str | None
    start_ms: int | None
    end_ms: int | None
    kind: str
    carrier: str
    sound: bool
    time_source: str | None
    offset_ms: int | None
    uncertainty_ms: int
    marks: Sequence[str]
    due_ms: int | None
    due_basis: str | None
    policy: str
    why: str
    index: int


@dataclass(frozen=True, slots=True)
class Row:
    """An item that waits."""

    waiting: Waiting
    said: Said | None
    late: bool
    link_due_ms: int
    link_overdue: bool
    private: bool
    proposals: Sequence[Suggested]
    upload_term: Applied | None
    link_term: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what, under which policy."""

    visible: Visible
    cases: Visible
    zone: str
    now_ms: int
    filter: Filter = field(default_factory=Filter)


def inbox(conn: Connection, asked: Asked, *, cursor: str | None, limit: int) -> Page[Row]:
    """One page, newest first."""
    limit = page_size(limit)
    policy = in_force(conn, asked.now_ms)
    last = before(cursor)
    more = list[ColumnElement[bool]]() if last is None else [_W.sealed_index < last]
    if asked.filter.overdue:
        more.append(_overdue(conn, asked, policy))
    found = _walk(conn, asked, tuple(more), limit + 1)
    rows = _rows(conn, found[:limit], asked, policy)
    return Page(rows, str(found[limit - 1][0]) if len(found) > limit else None)


def _walk(conn: Connection, asked: Asked, more: Tests, limit: int) -> list[tuple[int, str]]:
    """The newest rows of all streams together: (sealed_index, item)."""
    found: dict[int, str] = {}
    streams = _streams(conn, asked)
    for at in range(0, len(streams), MOST_STREAMS):
        parts = [
            select(_W.sealed_index, _W.item)
            .where(*tests, *more)
            .order_by(_W.sealed_index.desc())
            .limit(limit)
            for tests in streams[at : at + MOST_STREAMS]
        ]
        query = parts[0] if len(parts) == 1 else union_all(
            *(select(part.subquery()) for part in parts)
        )  # fmt: skip
        found.update((row[0], row[1]) for row in conn.execute(query))
    return sorted(found.items(), reverse=True)[:limit]


def _streams(conn: Connection, asked: Asked) -> list[Tests]:
    """The conditions of walks, each along one index, whose union is what is asked for.

    Nothing is said twice in one of them, and one that can find nothing is left out: planners take
    every condition for further luck.
    """
    f, v = asked.filter, asked.visible
    wanted: _Fixed = {} if f.organ is None else {"organ": f.organ}
    if f.unclaimed:
        wanted["person"] = None
    units = None if f.unit is None else below(conn, f.unit)
    own, found = _own(v), []
    apart = () if v.private else (_not_private(v),)
    for along in _along(f, v, own, units):
        if not _agree(along, wanted):
            continue
        fixed = along | wanted
        tests = [_is(name, value) for name, value in fixed.items()]
        if fixed.keys() <= {"person"} and fixed.get("person") is None:
            tests.append(_ALL)
        if units is not None and "unit" not in fixed:
            tests.append(_W.unit.in_(units))
        elif units is not None and fixed["unit"] not in units:
            continue
        parts = [part for part in own if _agree(part, fixed)]
        if not (v.everything or any(part.items() <= fixed.items() for part in parts)):
            if not parts:
                continue
            tests.append(or_(*(
                and_(*(_is(name, part[name]) for name in part if name not in fixed))
                for part in parts
            )))  # fmt: skip
        found.append((*tests, *apart))
    if f.unclaimed and (v.everything or own):
        found.append((*_doubted(asked, own, units), *apart))
    return found


def _doubted(
    asked: Asked, own: Sequence[_Fixed], units: Sequence[str] | None
) -> list[ColumnElement[bool]]:
    """What is to be claimed though somebody had the device: its user code means nobody.

    Little among much, so one walk along its own index: nothing else may open another.
    """
    f, v = asked.filter, asked.visible
    said = {"organ": f.organ, "person": f.person}
    tests = [_W.doubted.is_not(None), _ALL]
    tests += [_holds(name, value) for name, value in said.items() if value is not None]
    if units is not None:
        tests.append(func.coalesce(_W.unit, "").in_(units))
    if not v.everything:
        tests.append(or_(*(and_(*(_holds(n, x) for n, x in part.items())) for part in own)))
    return tests


def _holds(name: str, value: str | None) -> ColumnElement[bool]:
    """The same as `_is`, in a form that no index answers."""
    return func.coalesce(_W[name], "") == (value or "")


def _along(
    f: Filter, v: Visible, own: Sequence[_Fixed], units: Sequence[str] | None
) -> Sequence[_Fixed]:
    """Where to walk: along what is asked for if an index knows it, else along what is visible."""
    if f.person is not None:
        return [{"person": f.person}]
    if units is not None and (v.everything or v.organs or v.units):
        return [{"unit": unit} for unit in units]
    if v.everything or (f.organ is not None and f.organ in v.organs):
        return [{}]  # and what is wanted
    return own


def _own(visible: Visible) -> list[_Fixed]:
    """What the caller may see, each part along its index."""
    parts: list[_Fixed] = [{"organ": organ} for organ in sorted(visible.organs)]
    parts += [{"unit": unit} for unit in sorted(visible.units)]
    if visible.person is not None:
        parts.append({"person": visible.person})
    if visible.unowned:
        parts.append({"person": None, "unit": None, "organ": None})
    return parts


def _agree(one: _Fixed, other: _Fixed) -> bool:
    return all(other.get(name, value) == value for name, value in one.items())


def _is(name: str, value: str | None) -> ColumnElement[bool]:
    return _W[name].is_(None) if value is None else _W[name] == value


def _not_private(visible: Visible) -> ColumnElement[bool]:
    """Not private, or the caller's, or of a unit or organ that he heads, or open to him by name."""
    his: list[ColumnElement[bool]] = [
        _W.unit.in_(visible.headed_units), _W.organ.in_(visible.headed_organs),
    ]  # fmt: skip
    open_to: ColumnElement[bool] = false()
    if visible.person is not None:
        his.append(_W.person == visible.person)
        open_to = _F.viewers.like(f'%"{visible.person}"%')
    # Not EXISTS: that may be answered by reading all flags for each of the walks.
    flagged = select(and_(_F.private, ~open_to)).where(_F.item == _W.item).scalar_subquery()
    return or_(*his, not_(func.coalesce(flagged, false())))


def below(conn: Connection, unit: str) -> list[str]:
    """The unit and all below it; units are few."""
    children: dict[str | None, list[str]] = {}
    for row in conn.execute(select(_U.id, _U.parent)):
        children.setdefault(row.parent, []).append(row.id)
    found, todo = {unit: None}, [unit]
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found[child] = None
                todo.append(child)
    return list(found)


# --- the clock of links ---------------------------------------------------------------------


_NEWEST = "SELECT sealed_index FROM waiting WHERE sealed_ms >= 0 ORDER BY sealed_index DESC LIMIT 1"
_FROM = (
    "SELECT sealed_index, sealed_ms FROM waiting WHERE sealed_ms >= 0 AND sealed_index >= ? "
    "ORDER BY sealed_index LIMIT 1"
)


def _overdue(conn: Connection, asked: Asked, policy: Policy) -> ColumnElement[bool]:
    """Items sealed so long ago that they had to be linked by now.

    That time is turned into an index, since sealing goes forward with it: then the walk begins
    there and passes over nothing.
    """
    cutoff = sealed_by(asked.now_ms, policy, asked.zone)
    newest = sql.rows(conn, _NEWEST)
    low, high = 0, (newest[0][0] if newest else 0) + 1
    while low < high:
        middle = (low + high) // 2
        next_ = sql.rows(conn, _FROM, middle)
        if next_ and next_[0][1] <= cutoff:
            low = next_[0][0] + 1
        else:
            high = middle
    return and_(_W.sealed_index < low, _W.sealed_ms <= cutoff)


def sealed_by(now_ms: int, policy: Policy, zone: str) -> int:
    """Whatever was sealed until then had to be linked before now."""
    low, high = max(now_ms - _YEARS_MS, 0), now_ms
    while low < high:
        middle = (low + high + 1) // 2
        if numbers.link_due(middle, policy, zone) < now_ms:
            low = middle
        else:
            high = middle - 1
    return low


# --- what is shown --------------------------------------------------------------------------


def _rows(
    conn: Connection, found: Sequence[tuple[int, str]], asked: Asked, policy: Policy
) -> list[Row]:
    ids = [item for _, item in found]
    if not ids:
        return []
    waiting = {
        row.id: queries.waiting_of(row)
        for row in conn.execute(
            queries.waiting_items(case_list.seen(asked.cases)).where(_W.item.in_(ids))
        )
    }
    said = attributions(conn, ids)
    late = late_ones(conn, ids)
    private = {
        row[0]
        for row in sql.rows(conn, "SELECT item FROM flag WHERE private AND item IN (?*)", ids)
    }
    suggested = proposals.of_items(
        conn, ids, policy=policy, zone=asked.zone, visible=asked.cases, now_ms=asked.now_ms
    )
    known, rows = terms.of_items(conn, said, asked.zone), []
    link_term = numbers.written(policy.links.term)
    for id_ in ids:
        due = numbers.link_due(waiting[id_].item.sealed_ms, policy, asked.zone)
        rows.append(
            Row(
                waiting[id_], said.get(id_), id_ in late, due, due < asked.now_ms,
                id_ in private, suggested.get(id_, ()), known.get(id_), link_term,
            )
        )  # fmt: skip
    return rows


_SAID = (
    "SELECT item, device, person, unit, organ, start_ms, end_ms, kind, carrier, sound, "
    'time_source, offset_ms, uncertainty_ms, marks, due_ms, due_basis, policy, why, "index" '
    "FROM attribution WHERE item IN (?*)"
)


def attributions(conn: Connection, ids: Sequence[str]) -> dict[str, Said]:
    """What was last said of each of these items."""
    found = {}
    for item, *row in sql.rows(conn, _SAID, ids):
        row[8], row[12] = bool(row[8]), tuple(json.loads(row[12]))  # sound, marks
        found[item] = Said(*row)
    return found


@dataclass(frozen=True, slots=True)
class Late:
    """The mark of an item that came in after its time, with both times."""

    ended_ms: int
    due_ms: int
    sealed_ms: int
    basis: str


def late_ones(conn: Connection, ids: Sequence[str]) -> dict[str, Late]:
    """Those of these items that bear the mark."""
    text = "SELECT item, ended_ms, due_ms, sealed_ms, basis FROM late WHERE item IN (?*)"
    return {item: Late(*rest) for item, *rest in sql.rows(conn, text, ids)}


def names(
    conn: Connection,
    *,
    people: Sequence[str | None] = (),
    sources: Sequence[str | None] = (),
    units: Sequence[str | None] = (),
) -> Mapping[str, str]:
    """What people, devices and units are called."""
    found: dict[str, str] = {}
    for table, ids in ((tables.person, people), (tables.source, sources), (tables.unit, units)):
        wanted = sorted({id_ for id_ in ids if id_})
        if wanted:
            rows = conn.execute(select(table.c.id, table.c.name).where(table.c.id.in_(wanted)))
            found |= {row.id: row.name for row in rows}
    return found
