"""The cases and recordings of a month: visits as they were, files as cameras wrote them.

Guarantee: every recording is of one visit or of none, and `World` keeps which.
Not covered: see `bench.month_world`, whose odds this follows.
"""

import dataclasses
from collections.abc import Sequence
from datetime import UTC

from bench.month_world import (
    HOUR,
    LOCAL,
    MINUTE,
    OFFICE,
    Camera,
    Month,
    Odds,
    Visit,
    World,
    camera_of,
    near,
    staff,
    stamp,
)  # fmt: skip
from cases.links.caseindex import CaseFacts, Window
from cases.links.clock import DAY_MS
from cases.links.facts import ItemFacts, Source
from cases.links.propose import Wish

UTC_Z = "%Y-%m-%dT%H:%M:%SZ"


@dataclasses.dataclass(slots=True)
class _Case:
    id: str
    number: str
    lead: str
    second: str
    unit: str
    day: int
    placed: bool
    place: tuple[int, int]
    visits: list[Visit] = dataclasses.field(default_factory=list)


def make(seed: int, odds: Odds | None = None) -> World:
    """The month of a seed: visits to all cases first, then more until there is enough footage."""
    m = staff(seed, odds or Odds())
    files = _cases(m)
    wanted = round(m.odds.recordings * (1 - m.odds.caseless))
    queue = list(files)
    while len(m.world.facts) < wanted:
        case = queue.pop(0) if queue else m.rng.choice(files)
        if (visit := _visit(m, case)) is not None:
            case.visits.append(visit)
            m.world.visits.append(visit)
            _footage(m, case, visit)
    while len(m.world.facts) < m.odds.recordings:
        _caseless(m)
    _announce(m, files)
    m.world.cases = [_seen(m, case) for case in files]
    m.rng.shuffle(m.world.facts)
    return m.world


def _cases(m: Month) -> list[_Case]:
    found = []
    for i in range(m.odds.cases):
        lead, second = _pair(m)
        found.append(_Case(
            f"c{i:03d}", f"X市监罚〔2026〕{i + 1}号", lead, second, m.units[lead],
            m.rng.choice(m.days[:-1]), m.chance(m.odds.case_placed), near(m.rng, OFFICE, 4000),
        ))  # fmt: skip
    return found


def _pair(m: Month) -> Sequence[str]:
    unit = m.rng.choice(sorted(m.rooms))
    return m.rng.sample([p for p in m.units if m.units[p] == unit], 2)


def _visit(m: Month, case: _Case) -> Visit | None:
    """A visit when the lead has time; None if no time was found."""
    rng, kind = m.rng, "interview" if m.chance(m.odds.interview) else "scene"
    later = [d for d in m.days if d >= case.day]
    for _ in range(20):
        day = rng.choice(later) if case.visits else later[0]
        length = rng.randint(8, 70) * MINUTE
        start = day + rng.randint(9 * 60, 17 * 60) * MINUTE + rng.randint(0, 59_999)
        today = [e for s, e in m.busy[case.lead] if s // DAY_MS == start // DAY_MS]
        if today and m.chance(m.odds.back_to_back):
            start = rng.choice(today) + rng.randint(20_000, 6 * MINUTE)
        span = (start, start + length)
        if span[1] > day + 18 * HOUR or not _free(m, case.lead, span):
            if not case.visits:
                case.day = rng.choice(m.days[:-1])
                later = [d for d in m.days if d >= case.day]
            continue
        second = _second(m, case, span)
        if second is None:
            continue
        here = (case.lead, *second)
        for person in here:
            m.busy[person].append(span)
        return _noted(m, case, kind, span, here)
    return None


def _second(m: Month, case: _Case, span: tuple[int, int]) -> tuple[str, ...] | None:
    """Who comes along: the second officer, a helper, or nobody although the file names two."""
    if _free(m, case.second, span):
        if not m.chance(m.odds.helper):
            return (case.second,)
        mates = [
            p for p in m.units if m.units[p] == case.unit and p not in (case.lead, case.second)
        ]
        helper = m.rng.choice(mates)
        return (helper,) if _free(m, helper, span) else (case.second,)
    return () if m.chance(m.odds.overlapping) else None


def _free(m: Month, person: str, span: tuple[int, int]) -> bool:
    return not any(s < span[1] and span[0] < e for s, e in m.busy[person])


def _noted(m: Month, case: _Case, kind: str, span: tuple[int, int], here: tuple[str, ...]) -> Visit:
    """People note full minutes by their own watch, some of them far off, some nothing."""

    def wrong() -> int:
        scale = m.odds.typed_error_ms * (5 if m.chance(0.05) else 1)
        return round(m.rng.gauss(0, scale / 2))

    noted = tuple((t + wrong()) // MINUTE * MINUTE for t in span)
    place = OFFICE if kind == "interview" else case.place
    said = None if m.chance(m.odds.point_unnoted) or noted[0] >= noted[1] else (noted[0], noted[1])
    return Visit(case.id, kind, *span, said, place, here)


def _footage(m: Month, case: _Case, visit: Visit) -> None:
    """What was recorded of a visit, or not, by the lead and often by whoever came along."""
    rng, odds = m.rng, m.odds
    if m.chance(odds.visit_absent):
        return
    cameras: list[tuple[Camera, str | None]] = []
    if visit.kind == "interview" and m.chance(odds.in_room):
        cameras.append((m.rooms[case.unit], None))
    else:
        cameras += [(camera_of(m, p, visit.start), p) for p in visit.recorders[:1]]
        cameras += [(camera_of(m, p, visit.start), p) for p in visit.recorders[1:] if m.chance(0.5)]
    start = visit.start - rng.randint(60_000, 240_000)
    end = visit.end + rng.randint(60_000, 240_000)
    if m.chance(odds.late_start):
        start = visit.start + rng.randint(4, 12) * MINUTE
    if m.chance(odds.early_stop):
        end = visit.end - rng.randint(4, 10) * MINUTE
    lost = m.chance(odds.file_lost)
    for camera, person in cameras:
        apart = rng.randint(-20_000, 20_000)
        _record(m, camera, person, case.id, (start + apart, end + apart), visit.place, lost=lost)
    if visit.kind == "scene" and m.chance(0.25):
        phone = m.phones[visit.recorders[0]]
        for _ in range(rng.randint(1, 3)):
            at = rng.randint(visit.start, visit.end)
            _file(m, phone, visit.recorders[0], case.id, (at, at), visit.place, photo=True)


def _record(
    m: Month, camera: Camera, person: str | None, case: str | None, span: tuple[int, int],
    place: tuple[int, int], *, lost: bool = False,
) -> None:  # fmt: skip
    """One recording in the camera's files; of a lost one the middle file never comes in."""
    start, end = span
    if end - start < 1000:
        return
    starts = list(range(start, end, camera.split_ms))
    gone = starts[len(starts) // 2] if lost and len(starts) > 2 else None
    for at in starts:
        if at != gone:
            _file(m, camera, person, case, (at, min(at + camera.split_ms, end)), place)


def _caseless(m: Month) -> None:
    """Patrols, checks of a camera before use, things pressed by accident, on the way."""
    person, day = m.rng.choice(sorted(m.units)), m.rng.choice(m.days)
    start = day + m.rng.randint(8 * 60 + 35, 17 * 60) * MINUTE
    length = m.rng.choice((8_000, 20_000, 3 * MINUTE, 12 * MINUTE, 40 * MINUTE))
    if _free(m, person, (start, start + length)):
        m.busy[person].append((start, start + length))
        place = near(m.rng, OFFICE, 4000)
        _record(m, camera_of(m, person, start), person, None, (start, start + length), place)


def _file(
    m: Month, camera: Camera, person: str | None, case: str | None, span: tuple[int, int],
    place: tuple[int, int], *, photo: bool = False,
) -> None:  # fmt: skip
    """One file as its camera wrote it: name, times by its own clock, and what else it tells."""
    item, camera.seq = f"i{len(m.world.facts):05d}", camera.seq + 1
    start, end = (t + camera.clock.offset(span[0]) for t in span)
    name, times = _named(camera, start, end, photo=photo)
    sealed = _sealed(m, camera, span[1])
    copied = m.copied.get((camera.device.id, _day(m, span[1])))
    mtime = end if copied is None else copied + camera.seq % 60 * 1000
    times.append({"source": "file-mtime", "time": stamp(mtime // 2000 * 2000, UTC_Z, UTC)})
    manifest = _told(m, camera, place)
    source = Source("station-" + str(camera.device.unit), unit=camera.device.unit)
    if camera.model == "phone":
        source = Source(f"phone-{person}", camera.device.id, person, camera.device.unit)
    elif camera.model == "room" or camera.model in ("plain", "embedded", "mtime"):
        source = Source(f"s-{camera.device.id}", device=camera.device.id, unit=camera.device.unit)
    m.world.facts.append(ItemFacts(
        item, source, name, "image/jpeg" if photo else "video/mp4", sealed, times, manifest,
        None if photo else span[1] - span[0],
    ))  # fmt: skip
    m.world.truth[item], m.world.spans[item] = case, span
    m.world.batch[item] = len(m.world.visits)


def _named(
    camera: Camera, start: int, end: int, *, photo: bool
) -> tuple[str, list[dict[str, str]]]:
    serial, maker, seq = camera.device.serial, camera.device.maker, camera.seq
    local = stamp(start, "%Y%m%d%H%M%S")
    if camera.model == "coded":
        return f"{serial}_{camera.code}_{local}_{seq % 10_000:04d}.mp4", []
    if camera.model == "at":
        return f"{maker}{serial}@{camera.code}_{local[:8]}_{local[8:]}.mp4", []
    if camera.model == "plain":
        return f"{local[:8]}_{local[8:]}_{seq % 10_000:04d}.MP4", []
    if camera.model == "mtime":
        return f"FILE{seq:04d}.MP4", []
    if photo:
        return f"IMG_{seq}.jpg", [{"source": "exif", "time": stamp(start, "%Y:%m:%d %H:%M:%S")}]
    told = stamp(start, "%Y-%m-%dT%H:%M:%S.000000Z", LOCAL if _local(camera) else UTC)
    return f"VID{seq:06d}.mp4", [{"source": "creation_time", "time": told}]


def _local(camera: Camera) -> bool:
    """Half of the cameras that embed a time write their local time into the field for UTC."""
    return camera.model == "embedded" and int(camera.device.serial) % 2 == 0


def _sealed(m: Month, camera: Camera, end: int) -> int:
    """When the file came in: a phone's soon, a camera's after its dock, some days later."""
    if camera.model == "phone":
        return end + m.rng.randint(1, 180) * MINUTE
    day = _day(m, end)
    came = m.docked.get((camera.device.id, day), day + 19 * HOUR) + m.rng.randint(2, 30) * MINUTE
    return came + (m.rng.randint(1, 4) * DAY_MS if m.chance(0.04) else 0)


def _day(m: Month, at_ms: int) -> int:
    return max(d for d in m.days if d <= at_ms)


def _told(m: Month, camera: Camera, place: tuple[int, int]) -> dict[str, object] | None:
    """A camera with a receiver tells where it was; sometimes it has no fix or an old one."""
    if not camera.gps:
        return None
    lat, lon = near(m.rng, place, 40)
    if m.chance(m.odds.gps_wrong):
        lat, lon = (0, 0) if m.chance(0.5) else near(m.rng, OFFICE, 4000)
    return {"place": {"lat_e7": lat, "lon_e7": lon}}


def _announce(m: Month, files: Sequence[_Case]) -> None:
    """The numbers that people chose at the dock, one for all files of a visit or of a camera."""
    by_id, chosen = {case.id: case for case in files}, dict[tuple[str | None, int], str | None]()
    for facts in m.world.facts:
        case = by_id.get(m.world.truth[facts.item] or "")
        key = (case.id if case else facts.item, m.world.batch[facts.item])
        if key not in chosen:
            chosen[key] = _number(m, case, files)
        m.world.wishes[facts.item] = Wish(chosen[key])


def _number(m: Month, case: _Case | None, files: Sequence[_Case]) -> str | None:
    if case is None:
        return m.rng.choice(files).number if m.chance(m.odds.caseless_announced) else None
    if not m.chance(m.odds.announced):
        return None
    number = case.number
    if m.chance(m.odds.misfiled):
        own = [c.number for c in files if c.lead == case.lead and c is not case]
        slip = number.replace("号", f"{m.rng.randrange(10)}号")
        number = m.rng.choice(
            [*([m.rng.choice(own)] * 3 if own else []), m.rng.choice(files).number, slip]
        )
    if m.chance(0.3):
        number = number.replace("〔", "(").replace("〕", ") ")
    return number


def _seen(m: Month, case: _Case) -> CaseFacts:
    """The case as the office has it: noted times, how long it was open, a place found on a map."""
    windows = [Window(case.day, m.days[-1] + DAY_MS)]
    for visit in case.visits:
        if visit.noted:
            office = visit.kind == "interview" and m.chance(0.7)
            windows.append(Window(*visit.noted, OFFICE if office else None))
    place = near(m.rng, case.place, 80) if case.placed else None
    return CaseFacts(
        case.id, case.number, (case.lead, case.second), case.unit, "o", tuple(windows), place
    )
