"""A month of an enforcement office that knows its own truth, and what the system would see of it.

Guarantee: the same seed makes the same month.  `World.facts`, `wishes`, `cases`, `register` hold
only what files, ledgers and people would tell; the truth is in `truth` and `visits`, which nothing
but the reckoning of figures may read.
Not covered: what a picture shows.  A person who looks at a recording knows more than this month.

What is assumed, and how often, is `Odds`; bench/README.md says it in words.
"""

import math
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from cases.links.caseindex import CaseFacts
from cases.links.clock import DAY_MS, Measurement
from cases.links.custody import CustodyRow, UserCode
from cases.links.facts import Device, ItemFacts, Shift
from cases.links.propose import Wish
from cases.links.register import Register, register

ZONE = "Asia/Shanghai"
LOCAL = timezone(timedelta(hours=8))
MINUTE, HOUR = 60_000, 3_600_000
FACTORY_MS = int(datetime(2020, 1, 1, tzinfo=LOCAL).timestamp()) * 1000
"""To what a body camera's clock falls back when its battery was empty."""

OFFICE = (397_000_000, 1_162_000_000)
"""All interviews are held here; no place tells them apart."""


@dataclass(frozen=True, slots=True)
class Odds:
    """How often things go wrong, per thing they go wrong with."""

    recordings: int = 2000
    cases: int = 300
    officers: int = 20
    units: int = 4
    caseless: float = 0.13  # recordings that belong to no case, of all
    back_to_back: float = 0.15  # a visit begins within six minutes of the last one of its lead
    overlapping: float = 0.6  # where the second officer is on another visit: the lead goes alone
    helper: float = 0.06  # somebody who is not of the case records in place of the second
    interview: float = 0.25
    in_room: float = 0.25  # interviews in a room with a fixed recorder, which knows no officer
    visit_absent: float = 0.10  # nobody recorded, or it never came in
    file_lost: float = 0.05
    late_start: float = 0.04
    early_stop: float = 0.03
    point_unnoted: float = 0.04  # a visit of which nobody noted the times
    typed_error_ms: int = 90_000  # of noted times; one in twenty is five times as wrong
    pool: float = 0.5  # officers without a camera of their own
    no_issue_row: float = 0.03
    lent_row: float = 0.04  # per shift of a pool camera: passed on, the ledger has it
    lent_silent: float = 0.04  # passed on, the ledger does not
    stale_code: float = 0.08  # the camera still bears its last user's code
    blank_code: float = 0.05
    drifting: int = 3  # cameras beyond the limit of 3 s a day
    resets: int = 4  # cameras whose clock falls back to the factory date once
    zone_slips: int = 4  # cameras an hour or eight hours off for some days
    unmeasured: int = 1  # cameras whose dock measures nothing
    dock_skipped: float = 0.08
    announced: float = 0.35  # recordings of a case that come with a case number
    misfiled: float = 0.08  # of those: another case's number, or a slip of the pen
    caseless_announced: float = 0.04
    gps: float = 0.5  # of cameras
    gps_wrong: float = 0.03  # no fix, or the place of some time before
    case_placed: float = 0.9
    copied: float = 0.03  # a camera's day copied by hand: its files bear the time of the copy


@dataclass(slots=True)
class Clock:
    """A camera's clock: offset at the last change and milliseconds of drift a day."""

    changes: list[tuple[int, int]]
    drift: float

    def offset(self, at_ms: int) -> int:
        when, offset = max(c for c in self.changes if c[0] <= at_ms)
        return offset + round(self.drift * (at_ms - when) / DAY_MS)

    def set(self, at_ms: int, offset: int) -> None:
        self.changes = [*(c for c in self.changes if c[0] < at_ms), (at_ms, offset)]


@dataclass(slots=True)
class Camera:
    """A device with its model's habits: how it names files, where it writes times, how it splits."""

    device: Device
    model: str
    clock: Clock
    code: str
    gps: bool
    split_ms: int
    owner: str | None = None
    measures: bool = True
    sets: bool = False
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of a case as it was, and the times that people noted (None: nobody did)."""

    case: str
    kind: str
    start: int
    end: int
    noted: tuple[int, int] | None
    place: tuple[int, int]
    recorders: tuple[str, ...]


@dataclass(slots=True)
class World:
    """What is seen, and apart from it what is true."""

    facts: list[ItemFacts] = field(default_factory=list)
    wishes: dict[str, Wish] = field(default_factory=dict)
    cases: list[CaseFacts] = field(default_factory=list)
    known: Register | None = None
    visits: list[Visit] = field(default_factory=list)
    truth: dict[str, str | None] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    batch: dict[str, int] = field(default_factory=dict)  # the visit whose footage it was, from 1


@dataclass(slots=True)
class Month:
    """A month in the making: what `bench.month_footage` fills with cases and recordings."""

    rng: random.Random
    odds: Odds
    world: World
    units: dict[str, str]
    codes: dict[str, str]
    days: list[int]  # local midnights of working days
    shifts: list[Shift] = field(default_factory=list)
    custody: list[CustodyRow] = field(default_factory=list)
    offsets: dict[str, list[Measurement]] = field(default_factory=dict)
    cameras: list[Camera] = field(default_factory=list)
    in_hand: dict[tuple[str, int], list[tuple[int, Camera]]] = field(default_factory=dict)
    docked: dict[tuple[str, int], int] = field(default_factory=dict)
    copied: dict[tuple[str, int], int] = field(default_factory=dict)
    phones: dict[str, Camera] = field(default_factory=dict)
    rooms: dict[str, Camera] = field(default_factory=dict)
    busy: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def chance(self, odds: float) -> bool:
        return self.rng.random() < odds


MODELS = (
    ("coded", 0.35), ("at", 0.2), ("plain", 0.2), ("embedded", 0.15), ("mtime", 0.1),
)  # fmt: skip
"""What a body camera writes: name with user code, maker's name, name with time only, a name that
says nothing beside an embedded time, nothing but the file's own time."""


def staff(seed: int, odds: Odds) -> Month:
    """Officers, cameras, their clocks and their ledger for a month; no case and no footage yet."""
    rng = random.Random(seed)
    units = {f"p{i:02d}": f"u{i % odds.units}" for i in range(odds.officers)}
    codes = {p: f"{rng.randrange(1, 999999):06d}" for p in units}
    first = datetime(2026, 11, 1, tzinfo=LOCAL)
    days = [first + timedelta(days=d) for d in range(30)]
    working = [int(d.timestamp()) * 1000 for d in days if d.weekday() < 5]
    month = Month(rng, odds, World(), units, codes, working)
    _roster(month)
    _devices(month)
    for day in working:
        _hand_out(month, day)
    _register(month)
    return month


def _roster(m: Month) -> None:
    for day in m.days:
        for person in m.units:
            m.shifts.append(Shift(person, day + 8 * HOUR + HOUR // 2, day + 18 * HOUR))


def _devices(m: Month) -> None:
    rng, begin = m.rng, m.days[0]
    for i, person in enumerate(m.units):
        camera = _camera(m, i, m.units[person])
        camera.owner = None if m.chance(m.odds.pool) else person
        if camera.owner:
            m.custody.append(CustodyRow(camera.device.id, "issued", begin - 90 * DAY_MS, person))
            camera.code = m.codes[person]
        else:
            m.custody.append(CustodyRow(camera.device.id, "returned", begin - DAY_MS))
        m.cameras.append(camera)
        phone = Device(f"phone{i:02d}", f"F{i:06d}", m.units[person], "o", "phone", ZONE)
        steady = Clock([(0, rng.randint(-800, 800))], 0.0)
        m.phones[person] = Camera(
            phone, "phone", steady, "", rng.random() < 0.8, 30 * MINUTE, person
        )
    for unit in sorted(set(m.units.values())):
        room = Device(f"room-{unit}", f"R{unit:0>6}", unit, "o", "room", ZONE, fixed=True)
        clock = Clock([(0, rng.randint(-3000, 3000))], rng.uniform(-1000, 1000))
        m.rooms[unit] = Camera(room, "room", clock, "", gps=False, split_ms=30 * MINUTE)
    unlucky = rng.sample(m.cameras, m.odds.drifting + m.odds.unmeasured)
    for camera in unlucky[: m.odds.drifting]:
        camera.clock.drift = rng.choice((-1, 1)) * rng.uniform(3500, 12_000)
    for camera in unlucky[m.odds.drifting :]:
        camera.measures = camera.sets = False


def _camera(m: Month, i: int, unit: str) -> Camera:
    rng = m.rng
    model = rng.choices([n for n, _ in MODELS], [w for _, w in MODELS])[0]
    device = Device(
        f"cam{i:02d}", f"{rng.randrange(10**7):07d}", unit, "o", "body_camera", ZONE,
        maker=f"DSJX{i % 3}",
    )  # fmt: skip
    clock = Clock([(0, 0)], rng.gauss(0, 900) if rng.random() < 0.9 else 0.0)
    clock.drift = max(-2900.0, min(2900.0, clock.drift))
    clock.set(m.days[0] - DAY_MS, rng.randint(-20_000, 20_000))
    return Camera(
        device, model, clock, "000000", m.chance(m.odds.gps), rng.choice((5, 10, 10, 30, 30)) * MINUTE,
        sets=unit in ("u0", "u1"),
    )  # fmt: skip


def _hand_out(m: Month, day: int) -> None:
    """One day's issue, lending, clock troubles and docks; who holds which camera is the truth."""
    rng, odds = m.rng, m.odds
    slips = rng.random() < (odds.resets + odds.zone_slips) / len(m.days)
    victim = rng.choice(m.cameras) if slips else None
    pool = {u: [c for c in m.cameras if not c.owner and c.device.unit == u] for u in m.rooms}
    for cameras in pool.values():
        rng.shuffle(cameras)
    for person in rng.sample(sorted(m.units), len(m.units)):
        own = [c for c in m.cameras if c.owner == person]
        if own:
            m.in_hand[person, day] = [(0, own[0])]
            continue
        if not pool[m.units[person]]:
            continue
        camera, at = pool[m.units[person]].pop(), day + 8 * HOUR + rng.randint(10, 40) * MINUTE
        back = day + 18 * HOUR + rng.randint(-10, 50) * MINUTE
        if not m.chance(odds.no_issue_row):
            m.custody.append(CustodyRow(camera.device.id, "issued", at, person))
        camera.code = _written_code(m, camera, person)
        m.custody.append(CustodyRow(camera.device.id, "returned", back))
        m.in_hand[person, day] = [(0, camera)]
    _lend(m, day)
    for camera in m.cameras:
        if camera is victim:
            _upset(m, camera, day)
        _dock(m, camera, day)


def _written_code(m: Month, camera: Camera, person: str) -> str:
    if m.chance(m.odds.stale_code):
        return camera.code
    return "000000" if m.chance(m.odds.blank_code) else m.codes[person]


def _lend(m: Month, day: int) -> None:
    """Some cameras pass to a colleague at noon; who gave one away goes on with the phone."""
    for person in sorted(m.units):
        silent = m.chance(m.odds.lent_silent)
        if (person, day) not in m.in_hand or not (silent or m.chance(m.odds.lent_row)):
            continue
        camera, at = m.in_hand[person, day][-1][1], day + 12 * HOUR + m.rng.randint(0, 40) * MINUTE
        mate = m.rng.choice([p for p in m.units if p != person and m.units[p] == m.units[person]])
        m.in_hand.setdefault((mate, day), []).append((at, camera))
        m.in_hand[person, day].append((at, m.phones[person]))
        if not silent:
            m.custody.append(CustodyRow(camera.device.id, "issued", at, mate))
            if camera.owner:
                m.custody.append(CustodyRow(camera.device.id, "returned", day + 19 * HOUR))
                m.custody.append(CustodyRow(camera.device.id, "issued", day + 20 * HOUR, person))


def camera_of(m: Month, person: str, at_ms: int) -> Camera:
    """Which camera a person really had at a time; who has none uses the phone."""
    day = max(d for d in m.days if d <= at_ms)
    had = [camera for since, camera in m.in_hand.get((person, day), ()) if since <= at_ms]
    return had[-1] if had else m.phones[person]


def _upset(m: Month, camera: Camera, day: int) -> None:
    at = day + m.rng.randint(9 * 60, 16 * 60) * MINUTE
    if m.rng.random() < m.odds.resets / (m.odds.resets + m.odds.zone_slips):
        camera.clock.set(at, FACTORY_MS - at)
    else:
        hours = m.rng.choice((-1, 1, -8, 8))
        camera.clock.set(at, camera.clock.offset(at) + hours * HOUR)


def _dock(m: Month, camera: Camera, day: int) -> None:
    """In the evening the dock measures the clock, and in some units sets it.

    Where the dock does not, a person sets a clock that is wildly wrong, some time the next morning.
    """
    rng, at = m.rng, day + 18 * HOUR + m.rng.randint(55, 100) * MINUTE
    m.docked[camera.device.id, day] = at
    if m.chance(m.odds.copied):
        m.copied[camera.device.id, day] = at - m.rng.randint(0, 60) * MINUTE
    if camera.measures and not m.chance(m.odds.dock_skipped):
        seen, sets = camera.clock.offset(at) + rng.randint(-900, 900), camera.sets
        m.offsets.setdefault(camera.device.id, []).append(
            Measurement(at, seen, 1000, 0 if sets else None)
        )
        if sets:
            camera.clock.set(at, rng.randint(-900, 900))
    if abs(camera.clock.offset(at)) > 10 * MINUTE and m.chance(0.6):
        noticed = day + DAY_MS + rng.randint(8 * 60, 15 * 60) * MINUTE
        camera.clock.changes.append((noticed, rng.randint(-30_000, 30_000)))


def _register(m: Month) -> None:
    codes = [UserCode(code, person, 0) for person, code in m.codes.items()]
    codes.pop()  # the newest officer is not in the table yet
    cameras = [*m.cameras, *m.phones.values(), *m.rooms.values()]
    for room in m.rooms.values():
        m.offsets[room.device.id] = [
            Measurement(d + 20 * HOUR, room.clock.offset(d + 20 * HOUR), 500) for d in m.days[::5]
        ]
    m.world.known = register(
        [c.device for c in cameras], custody=m.custody, codes=codes, offsets=m.offsets,
        shifts=m.shifts, units={p: (u, "o") for p, u in m.units.items()},
    )  # fmt: skip


def near(rng: random.Random, place: tuple[int, int], metres: float) -> tuple[int, int]:
    """A place at about this distance (normal in both directions)."""
    lat = rng.gauss(0, metres) / 111_195 * 1e7
    lon = rng.gauss(0, metres) / 111_195 * 1e7 / math.cos(math.radians(place[0] / 1e7))
    return place[0] + round(lat), place[1] + round(lon)


def stamp(ms: int, form: str, zone: timezone = LOCAL) -> str:
    """A time as a device writes it."""
    return datetime.fromtimestamp(ms // 1000, zone).strftime(form)
