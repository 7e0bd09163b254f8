"""A large agency as rows: three organs, 40 units, 400 people, an inbox and cases of any size.

Guarantee: the same end gives the same rows; the first n waiting items of a larger inbox are those
of a smaller one; memory is that of one batch.
Not covered: the log.  Rows go straight into the projected tables, under indexes that no entry of
the small log has; receipts and `rebuild` know nothing of them.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, Table

from storage import bulk, tables
from storage.rights import Role
from verify import canonical
from verify.entries import format_time

Rows = Mapping[Table, Sequence[bulk.Row]]

BATCH = 20_000
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
STEP_MS = 43_200  # between two waiting items: a million of them in 500 days
FIRST_INDEX = 10_000_000  # of waiting items; cases lie below
ORGANS, UNITS, PEOPLE = 3, 40, 400
FILED_AFTER_MS = 60 * DAY_MS
NUMBERED = 10_000  # small cases that the numbers of recordings name
QUIET_UNIT = 39  # its recordings are the oldest of all: a walk from the newest finds them last
QUIET_UNTIL, QUIET_EACH = 500_000, 25  # one of so many of the older half
PRIVATE = 100  # one of so many


@lru_cache(maxsize=2000)
def id_of(kind: str, number: int) -> str:
    """32 hex digits that look drawn, and are the same in every run."""
    return hashlib.blake2b(f"{kind}:{number}".encode(), digest_size=16).hexdigest()


def as_json(value: object) -> str:
    return canonical.encode(value).decode()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the agency; `number` of his unit, and through it of his organ."""

    number: int
    unit: int
    role: Role

    @property
    def id(self) -> str:
        return id_of("person", self.number)


def organ_of(unit: int) -> int:
    return unit % ORGANS


def above(unit: int) -> int | None:
    """Of each organ's units the first stands over the next four, these over the rest."""
    place = unit // ORGANS
    return None if place == 0 else unit % ORGANS + ORGANS * ((place - 1) // 4)


def people() -> list[Person]:
    """Ten to a unit: one head, one keeper of a station, officers; and whoever stands over all."""
    roles = {0: Role.UNIT_HEAD, 1: Role.STATION_KEEPER}
    found = [Person(n, n % UNITS, roles.get(n // UNITS, Role.OFFICER)) for n in range(PEOPLE)]
    found[PEOPLE - 3] = Person(PEOPLE - 3, 0, Role.SUPERVISOR)  # of the organ over the others
    found[PEOPLE - 2] = Person(PEOPLE - 2, 1, Role.ORGAN_HEAD)
    return found


OFFICERS = tuple(p for p in people() if p.role is Role.OFFICER)
_QUIET = tuple(p for p in OFFICERS if p.unit == QUIET_UNIT)
_BUSY = tuple(p for p in OFFICERS if p.unit != QUIET_UNIT)


def columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def write(connection: Connection, rows: Rows) -> None:
    for table, some in rows.items():
        bulk.insert(connection, table, columns(table), some)


# --- who is who -----------------------------------------------------------------------------


def agency(end_ms: int, days: int = 100) -> Rows:
    """Organs, units, people, devices, and some days of duties and of cameras handed out."""
    organ = [
        (id_of("organ", n), f"机关 {n}", None, None if n == 0 else id_of("organ", 0), n + 1)
        for n in range(ORGANS)
    ]
    unit = [
        (
            id_of("unit", n), id_of("organ", organ_of(n)), f"部门 {n}",
            None if above(n) is None else id_of("unit", above(n) or 0), False, n + 1,
        )
        for n in range(UNITS)
    ]  # fmt: skip
    person = [
        (
            p.id, f"account{p.number}", f"人员 {p.number}", id_of("organ", organ_of(p.unit)),
            id_of("unit", p.unit), as_json([str(p.role)]), None, None, None, None, None, p.number,
        )
        for p in people()
    ]  # fmt: skip
    source = [
        (id_of("device", p.number), f"执法记录仪 {p.number}", "device", p.number, None)
        for p in OFFICERS
    ]
    device = [
        (
            id_of("device", p.number), f"{p.number:07}", "L9", "body_camera",
            id_of("organ", organ_of(p.unit)), id_of("unit", p.unit), "Asia/Shanghai", None, p.number,
        )
        for p in OFFICERS
    ]  # fmt: skip
    roster, shift, custody = id_of("roster", 0), [], []
    day_0 = end_ms - days * DAY_MS
    for position, (day, p) in enumerate((d, p) for d in range(days) for p in OFFICERS):
        begins = day_0 + day * DAY_MS + p.number * MINUTE_MS
        ends = begins + DAY_MS // 3
        shift.append((roster, position, p.id, begins, ends, False))
        for more, (what, at) in enumerate((("issued", begins), ("returned", ends))):
            row = (2 * position + more, id_of("device", p.number), what, at, p.id, None)
            custody.append(row)
    return {
        tables.organ: organ, tables.unit: unit, tables.person: person, tables.source: source,
        tables.device: device, tables.roster: [(roster, organ[0][0], "值班", 1, None)],
        tables.shift: shift, tables.custody: custody,
    }  # fmt: skip


def numbered_cases(end_ms: int, count: int = NUMBERED) -> Rows:
    """Small cases without recordings, with one visit each: those that recordings may belong to.

    They are filed after 60 days, so about one in eight is open.
    """
    case, of_person, point, filing = [], [], [], []
    for n in range(NUMBERED - count, NUMBERED):
        lead = OFFICERS[n % len(OFFICERS)]
        at_ms = end_ms - (NUMBERED - n) * (1_000_000 // NUMBERED) * STEP_MS
        id_, closed = id_of(f"numbered:{n}", 0), None
        if at_ms + FILED_AFTER_MS < end_ms:
            closed = 200_000 + n
            filing.append((closed, id_, at_ms + FILED_AFTER_MS, "[]", None, None))
        case.append(
            case_row(f"numbered:{n}", 1_000 + n, number(n), lead, [lead], at_ms, closed=closed)
        )
        of_person.append((id_, lead.id))
        for more, code in enumerate(("arrived", "left")):
            point.append((
                100_000 + 2 * n + more, id_, code, "1", at_ms + (more + 1) * HOUR_MS, 1000,
                "笔录", None, None, "[]",
            ))  # fmt: skip
    return {
        tables.case: case, tables.case_person: of_person, tables.case_point: point,
        tables.filing: filing,
    }  # fmt: skip


def number(n: int) -> str:
    return f"桂司检〔2026〕{n}号"


def case_row(
    key: str, index: int, number_: str, lead: Person, team: Sequence[Person], at_ms: int,
    procedure: tuple[str, str] | tuple[None, None] = (None, None), *, closed: int | None = None,
) -> bulk.Row:  # fmt: skip
    return (
        id_of(key, 0), number_, "行政检查", "检查", as_json([f"人员 {p.number}" for p in team]),
        index, at_ms, index, *procedure, id_of("organ", organ_of(lead.unit)),
        id_of("unit", lead.unit), as_json([p.id for p in team]), as_json(["当事人"]), None, False,
        "[]", None, None, closed,
    )  # fmt: skip


# --- recordings -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recording:
    """What is said of one recording; `person` None: nobody knows whose it is."""

    key: str
    person: Person | None
    camera: Person
    kind: str  # video, photo
    start_ms: int
    end_ms: int
    sealed_ms: int
    sealed_index: int
    wish: str | None = None

    @property
    def id(self) -> str:
        return id_of(self.key, 0)


_POLICY = "shipped-1"
_WHY = as_json([{"code": "custody", "text": "issued to this officer when it was recorded"}])


def rows_of(recordings: Sequence[Recording]) -> dict[Table, list[bulk.Row]]:
    """Upload, item, copy, media and attribution of each."""
    upload, item, copy, media, attribution = [], [], [], [], []
    for r in recordings:
        id_, upload_, source = r.id, id_of(r.key, 1), id_of("device", r.camera.number)
        name = (
            f"DSJ-L9_{r.camera.number:07}_{r.sealed_index}.{'jpg' if r.kind == 'photo' else 'mp4'}"
        )
        mime = "image/jpeg" if r.kind == "photo" else "video/mp4"
        size, digest = (r.end_ms - r.start_ms) * 500 + 1, id_ * 2
        times = f'[{{"source":"file-name","time":"{format_time(r.start_ms)}"}}]'
        upload.append((
            upload_, source, name, None, size, mime, None, None, r.wish, times, None,
            r.sealed_index - 2, r.sealed_ms, "sealed", id_, r.sealed_index, None,
        ))  # fmt: skip
        item.append((
            id_, upload_, source, name, None, mime, size, digest, digest, 1 << 20, times, None,
            None, "[]", None, "2056-01-01T00:00:00.000Z", r.sealed_index, digest, r.sealed_ms,
        ))  # fmt: skip
        copy.append((id_, "directory", "original", f"o/{id_}", None, "plain", r.sealed_index))
        verdict = "image" if r.kind == "photo" else "native"
        media.append((id_, verdict, None, "{}", r.end_ms - r.start_ms))
        whose = (None, None, None) if r.person is None else (
            r.person.id, id_of("unit", r.person.unit), id_of("organ", organ_of(r.person.unit)),
        )  # fmt: skip
        attribution.append((
            id_, source, *whose, r.start_ms, r.end_ms, r.kind, "body_camera", r.kind == "video",
            "file-name", 0, 2000, None, "[]", r.end_ms + DAY_MS, "duty", _POLICY, _WHY,
            r.sealed_index + 1,
        ))  # fmt: skip
    return {
        tables.upload: upload, tables.item: item, tables.copy: copy, tables.media: media,
        tables.attribution: attribution,
    }  # fmt: skip


def waiting(start: int, stop: int, end_ms: int) -> Iterator[Rows]:
    """The waiting items number `start` to `stop`, in batches; the millionth comes in at the end."""
    for low in range(start, stop, BATCH):
        some = [_waiting(n, end_ms) for n in range(low, min(low + BATCH, stop))]
        rows = rows_of(some)
        rows[tables.flag] = [
            (r.id, True, as_json([OFFICERS[-1].id]), r.sealed_index + 2) for r in some[::PRIVATE]
        ]
        rows[tables.waiting] = [
            (r.id, *whose[2:5], r.sealed_index, r.sealed_ms, r.end_ms + DAY_MS, None)
            for r, whose in zip(some, rows[tables.attribution], strict=True)
        ]
        yield rows


def _waiting(n: int, end_ms: int) -> Recording:
    drawn = random.Random(n)
    sealed = end_ms - (1_000_000 - n) * STEP_MS
    if n < QUIET_UNTIL and n % QUIET_EACH == 0:
        camera = _QUIET[n // QUIET_EACH % len(_QUIET)]
    else:  # some record much more than others
        camera = _BUSY[int(len(_BUSY) * drawn.random() ** 1.5)]
    end = sealed - drawn.randrange(10 * MINUTE_MS, 2 * DAY_MS)
    return Recording(
        key=f"waiting:{n}", person=None if drawn.random() < 0.02 else camera, camera=camera,
        kind="photo" if drawn.random() < 0.1 else "video",
        start_ms=end - drawn.randrange(MINUTE_MS, 20 * MINUTE_MS), end_ms=end, sealed_ms=sealed,
        sealed_index=FIRST_INDEX + 3 * n,
        wish=number(drawn.randrange(NUMBERED)) if drawn.random() < 0.4 else None,
    )  # fmt: skip
