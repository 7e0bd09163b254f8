"""Statistics of units: what came in, in time or late, what was linked, opened, filed and judged.

Guarantee: each number is a count of entries that the log has between two moments, so the same span
counts the same tomorrow, but for what `link`, `attribution` and `approval` say now.  Only units
that the caller oversees are counted, and nothing private but where he heads the unit or organ.
Reading costs one statement of each kind, over the rows of the span.
Not covered: whether a recording shows what it must show; units that were merged since.

What is counted, by unit (of a recording: the newest attribution's) and day of the entry:

received          recordings sealed in the span
timed             of these: with a time for uploading, or marked late
late              of these: with the mark *late*, which stays for ever
linked            received, and in a case now
linked_in_time    of these: the earliest link that holds was confirmed before the time for linking
                  was over, by the policy in force now
link_overdue      received, in no case now, and the time for linking is over
opened            cases opened in the span
filed             filings recorded in the span; of them `defective`: with a defect on record
complete, partial, missing, exempt, unjudgeable
                  verdicts at these filings, of rules that demand (应当) and were due
holes             at these filings: holes that nobody explained
interruptions, exemptions
                  asked for in the span and not withdrawn

Rates: on time = (timed - late) / timed; linked = linked / received; linked in time =
linked_in_time / (linked + link_overdue); coverage = complete / (complete + partial + missing +
unjudgeable), so what is exempt counts on neither side; exempt = exempt / all verdicts.  A rate
over nothing is None.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Literal

from sqlalchemy import Connection

from cases.inbox import numbers, sql
from cases.inbox.queries import sealed_by
from cases.links.clock import zone_of
from cases.policy import Policy, in_force
from storage import bulk
from storage.access import Visible
from verify.entries import parse_time
from verify.errors import MalformedError

By = Literal["day", "week", "month"]
MOST_DAYS = {"day": 92, "week": 371, "month": 371}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the module's text defines."""

    received: int = 0
    timed: int = 0
    late: int = 0
    linked: int = 0
    linked_in_time: int = 0
    link_overdue: int = 0
    opened: int = 0
    filed: int = 0
    defective: int = 0
    complete: int = 0
    partial: int = 0
    missing: int = 0
    exempt: int = 0
    unjudgeable: int = 0
    holes: int = 0
    interruptions: int = 0
    exemptions: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    def rates(self) -> dict[str, float | None]:
        """Shares of one, to four places; None where there is nothing to divide by."""
        judged = self.complete + self.partial + self.missing + self.unjudgeable
        return {
            "on_time": _share(self.timed - self.late, self.timed),
            "linked": _share(self.linked, self.received),
            "linked_in_time": _share(self.linked_in_time, self.linked + self.link_overdue),
            "coverage": _share(self.complete, judged),
            "exempt": _share(self.exempt, judged + self.exempt),
        }


NAMES = tuple(field.name for field in fields(Counts))
NOTHING = Counts()


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


Place = tuple[str | None, str | None]
"""Organ and unit; None: not known."""


@dataclass(frozen=True, slots=True)
class Period:
    start_ms: int
    end_ms: int  # exclusive
    counts: Counts


@dataclass(frozen=True, slots=True)
class Found:
    """The whole span by unit, and every period of it over all these units."""

    units: Mapping[Place, Counts]
    periods: Sequence[Period]
    policy: str

    @property
    def total(self) -> Counts:
        return sum(self.units.values(), NOTHING)


@dataclass(frozen=True, slots=True)
class Asked:
    """From the first day to the last, both counted; of these units only, if some are named."""

    first: date
    last: date
    by: By
    zone: str
    now_ms: int
    units: frozenset[str] | None = None


def found(conn: Connection, asked: Asked, visible: Visible) -> Found:
    """The numbers; MalformedError for a span that is too long or runs backward."""
    count = (asked.last - asked.first).days + 1
    if not 1 <= count <= MOST_DAYS[asked.by]:
        raise MalformedError(
            f"span: expected 1 to {MOST_DAYS[asked.by]} days by {asked.by}, got {count}"
        )
    policy = in_force(conn, asked.now_ms)
    days = _days(conn, asked, policy)
    units: dict[Place, Counts] = {}
    by_day: dict[int, Counts] = {}
    for day, organ, unit, counts in _rows(conn, days, asked, visible, policy):
        units[organ, unit] = units.get((organ, unit), NOTHING) + counts
        by_day[day] = by_day.get(day, NOTHING) + counts
    return Found(units, _periods(asked, by_day), policy.version)


# --- days and the entries in them -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A day as ranges of entries: those in it, and those by which its recordings were linked."""

    low: int
    high: int
    surely: int  # linked before this entry: in time
    never: int  # linked at this entry or later: too late; between, the link's own time decides


def midnight(day: date, zone: str) -> int:
    """When the day begins there."""
    return (datetime.combine(day, time(), tzinfo=zone_of(zone)) - _EPOCH) // _MS


def _days(conn: Connection, asked: Asked, policy: Policy) -> list[Day]:
    count = (asked.last - asked.first).days + 1
    starts = [midnight(asked.first + timedelta(days=n), asked.zone) for n in range(count + 1)]
    dues = [
        (
            numbers.link_due(start, policy, asked.zone) + 1,
            numbers.link_due(end - 1, policy, asked.zone) + 1,
        )
        for start, end in pairwise(starts)
    ]
    wanted = sorted({*starts, *(ms for pair in dues for ms in pair)})
    first = dict(zip(wanted, _first_at(conn, wanted), strict=True))
    return [
        Day(first[start], first[end], first[surely], first[never])
        for start, end, (surely, never) in zip(starts[:-1], starts[1:], dues, strict=True)
    ]


def _first_at(conn: Connection, moments: Sequence[int]) -> list[int]:
    """For each moment the first entry at or after it; all are halved together.

    Entries' times never go back (`storage.ledger`), so halving finds them.
    """
    size = bulk.select(conn, 'SELECT "size" FROM head')
    low, high = [0] * len(moments), [size[0][0] if size else 0] * len(moments)
    while any(a < b for a, b in zip(low, high, strict=True)):
        middles = [(a + b) // 2 for a, b in zip(low, high, strict=True)]
        asked = {m for m, a, b in zip(middles, low, high, strict=True) if a < b}
        rows = sql.rows(
            conn,
            f'SELECT "index", "bytes" FROM entry WHERE "index" IN {sql.LIST}',  # noqa: S608
            asked,
        )
        times = {index: parse_time(json.loads(bytes(entry))["at"]) for index, entry in rows}
        for n, middle in enumerate(middles):
            if low[n] < high[n]:
                if times[middle] < moments[n]:
                    low[n] = middle + 1
                else:
                    high[n] = middle
    return low


def _periods(asked: Asked, by_day: Mapping[int, Counts]) -> list[Period]:
    """Days folded into weeks (from Monday) or months; the first and last may be cut."""
    groups: dict[date, tuple[date, date, Counts]] = {}
    for n in range((asked.last - asked.first).days + 1):
        day = asked.first + timedelta(days=n)
        key = _begin(day, asked.by)
        begin, _, counts = groups.get(key, (day, day, NOTHING))
        groups[key] = (begin, day, counts + by_day.get(n, NOTHING))
    return [
        Period(midnight(a, asked.zone), midnight(b + timedelta(days=1), asked.zone), counts)
        for a, b, counts in groups.values()
    ]


def _begin(day: date, by: By) -> date:
    if by == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if by == "week" else day


# --- statements -----------------------------------------------------------------------------

_Value = str | int | Sequence[str]


def _rows(
    conn: Connection, days: Sequence[Day], asked: Asked, visible: Visible, policy: Policy
) -> list[tuple[int, str | None, str | None, Counts]]:
    with_days = "WITH day(n, low, high, surely, never) AS (VALUES " + ", ".join(
        f"({n}, {d.low}, {d.high}, {d.surely}, {d.never})" for n, d in enumerate(days)
    ) + ") "  # fmt: skip
    rows: list[tuple[int, str | None, str | None, Counts]] = []
    for text, names, table in (
        (_received(conn, policy, asked), _RECEIVED, "a"), (_OPENED, ("opened",), "c"),
        (_FILED, ("filed", "defective"), "c"), (_judged(conn), _JUDGED, "c"),
        (_ASKED, ("interruptions", "exemptions"), "c"),
    ):  # fmt: skip
        where, values = _where(table, asked, visible)
        grouped = f'{text} AND {where} GROUP BY d.n, {table}."organ", {table}."unit"'
        rows += [
            (n, organ, unit, Counts(**dict(zip(names, (int(v or 0) for v in counts), strict=True))))
            for n, organ, unit, *counts in sql.rows(conn, with_days + grouped, *values)
        ]
    return rows


def _where(table: str, asked: Asked, visible: Visible) -> tuple[str, list[_Value]]:
    """Rows of units that the caller oversees; private ones only where he heads."""
    places, values = _placed(table, visible.organs, visible.units)
    if visible.everything:
        places, values = ["1 = 1"], []
    elif visible.unowned:
        places.append(f'({table}."organ" IS NULL AND {table}."unit" IS NULL)')
    where = _any(places)
    if asked.units is not None:
        units, more = _placed(table, frozenset(), asked.units)
        where, values = f"{where} AND {_any(units)}", [*values, *more]
    if not visible.private:
        headed, more = _placed(table, visible.headed_organs, visible.headed_units)
        where, values = f"{where} AND {_any([_OPEN[table], *headed])}", [*values, *more]
    return where, values


def _any(tests: Sequence[str]) -> str:
    return f"({' OR '.join(tests)})" if tests else "1 = 0"


def _placed(
    table: str, organs: frozenset[str], units: frozenset[str]
) -> tuple[list[str], list[_Value]]:
    tests: list[str] = []
    values: list[_Value] = []
    for column, names in (("organ", organs), ("unit", units)):
        if names:
            tests.append(f'{table}."{column}" IN {sql.LIST}')
            values.append(sorted(names))
    return tests, values


_OPEN = {
    "c": 'c."private" = FALSE',
    "a": 'NOT (EXISTS (SELECT 1 FROM flag f WHERE f."item" = i."id" AND f."private" = TRUE) '
    "OR EXISTS (SELECT 1 FROM link p JOIN enforcement_case q "
    'ON q."id" = p."case" WHERE p."item" = i."id" AND p."unlinked_index" IS NULL '
    'AND q."private" = TRUE))',
}

_RECEIVED = ("received", "timed", "late", "linked", "linked_in_time", "link_overdue")


def _received(conn: Connection, policy: Policy, asked: Asked) -> str:
    term = numbers.link_due(0, policy, asked.zone)  # a span of hours, where links may be between
    linked = '(SELECT MIN(k."linked_index") FROM link k WHERE k."item" = i."id" AND k."unlinked_index" IS NULL)'
    overdue = sealed_by(asked.now_ms, policy, asked.zone)
    between = (
        f'(SELECT {_ENTRY_MS[conn.dialect.name]} FROM entry e WHERE e."index" = x."first") '  # noqa: S608
        f'<= x."sealed_ms" + {term}'
    )
    # What is reckoned of each recording once is reckoned inside, and counted outside.
    return (
        'SELECT d.n, a."organ", a."unit", COUNT(*), '  # noqa: S608  # words of ours, numbers
        'SUM(CASE WHEN a."due_ms" IS NOT NULL OR l."item" IS NOT NULL THEN 1 ELSE 0 END), '
        'SUM(CASE WHEN l."item" IS NOT NULL THEN 1 ELSE 0 END), '
        'SUM(CASE WHEN x."first" IS NOT NULL THEN 1 ELSE 0 END), '
        'SUM(CASE WHEN x."first" IS NULL THEN 0 WHEN x."first" < d.surely THEN 1 '
        f'WHEN x."first" >= d.never THEN 0 WHEN {between} THEN 1 ELSE 0 END), '
        f'SUM(CASE WHEN x."first" IS NULL AND x."sealed_ms" <= {overdue} THEN 1 ELSE 0 END) '
        f'FROM day d JOIN (SELECT i.*, {linked} AS "first" FROM item i) x '
        'ON x."sealed_index" >= d.low AND x."sealed_index" < d.high '
        'JOIN item i ON i."id" = x."id" '
        'LEFT JOIN attribution a ON a."item" = x."id" LEFT JOIN late l ON l."item" = x."id" '
        "WHERE 1 = 1"
    )


_AT = {
    "sqlite": "json_extract(CAST(e.\"bytes\" AS TEXT), '$.at')",
    "postgresql": "(convert_from(e.\"bytes\", 'UTF8')::json ->> 'at')",
}
_ENTRY_MS = {
    "sqlite": f"(CAST(strftime('%s', {_AT['sqlite']}) AS INTEGER) * 1000 "
    f"+ CAST(substr({_AT['sqlite']}, 21, 3) AS INTEGER))",
    "postgresql": f"(EXTRACT(EPOCH FROM {_AT['postgresql']}::timestamptz) * 1000)",
}

_OPENED = (
    'SELECT d.n, c."organ", c."unit", COUNT(*) FROM day d JOIN enforcement_case c '
    'ON c."opened_index" >= d.low AND c."opened_index" < d.high WHERE 1 = 1'
)
_FILINGS = (
    'FROM day d JOIN filing f ON f."index" >= d.low AND f."index" < d.high '
    'JOIN enforcement_case c ON c."id" = f."case"'
)
_FILED = (
    'SELECT d.n, c."organ", c."unit", COUNT(*), '
    f'SUM(CASE WHEN length(f."defects") > 2 THEN 1 ELSE 0 END) {_FILINGS} WHERE 1 = 1'
)
_ASKED = (
    'SELECT d.n, c."organ", c."unit", '
    "SUM(CASE WHEN p.\"kind\" = 'interruption' THEN 1 ELSE 0 END), "
    "SUM(CASE WHEN p.\"kind\" = 'exemption' THEN 1 ELSE 0 END) "
    'FROM day d JOIN approval p ON p."asked_index" >= d.low AND p."asked_index" < d.high '
    'JOIN enforcement_case c ON c."id" = p."case" '
    "WHERE p.\"kind\" IN ('interruption', 'exemption') "
    'AND (p."decision" IS NULL OR p."decision" <> \'withdrawn\')'
)

_JUDGED = ("complete", "partial", "missing", "exempt", "unjudgeable", "holes")
_UNEXPLAINED = '"state":"unexplained"'
"""As canonical JSON has it; inside a text its quotes would be escaped, so no text can look like it."""


def _judged(conn: Connection) -> str:
    if conn.dialect.name == "sqlite":
        each, verdict = 'json_each(j."verdicts")', "json_extract(v.value, '$.verdict')"
        demanded = "json_extract(v.value, '$.must') = 1 AND json_extract(v.value, '$.due') = 1"
        text = "json_extract(v.value, '$.holes')"
    else:
        each, verdict = 'json_array_elements(j."verdicts"::json)', "v.value ->> 'verdict'"
        demanded = "v.value ->> 'must' = 'true' AND v.value ->> 'due' = 'true'"
        text = "v.value ->> 'holes'"
    counts = ", ".join(
        f"SUM(CASE WHEN {verdict} = '{word}' THEN 1 ELSE 0 END)" for word in _JUDGED[:-1]
    )
    holes = f"SUM((length({text}) - length(replace({text}, '{_UNEXPLAINED}', ''))) / {len(_UNEXPLAINED)})"
    return (
        f'SELECT d.n, c."organ", c."unit", {counts}, {holes} {_FILINGS} '
        f'JOIN judgement j ON j."index" = f."index" CROSS JOIN {each} AS v WHERE {demanded}'
    )


def visible_units(conn: Connection, visible: Visible) -> list[Any]:
    """Units that may be counted, also those of which there is nothing: id, organ, name, parent."""
    where, values = "1 = 1", list[_Value]()
    if not visible.everything:
        tests = list[str]()
        for column, names in (("organ", visible.organs), ("id", visible.units)):
            if names:
                tests.append(f'"{column}" IN {sql.LIST}')
                values.append(sorted(names))
        where = _any(tests)
    text = f'SELECT "id", "organ", "name", "parent" FROM unit WHERE {where}'  # noqa: S608
    return list(sql.rows(conn, f'{text} ORDER BY "name", "id"', *values))
