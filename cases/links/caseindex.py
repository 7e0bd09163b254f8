"""Cases as proposals see them, and an index that finds the few that may matter to one recording.

Guarantee: whatever case has a signal for an item (its number, an officer and a day, a unit and the
day of a visit, a device) is found by that signal.
Not covered: which cases the caller loads; with many years of cases he loads those open then.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cases.links.clock import DAY_MS

_BRACKETS = str.maketrans("({【〔〖「『〈《⟨", "[" * 10) | str.maketrans(
    ")}】〕〗」』〉》⟩", "]" * 10
)
"""Brackets that people write for 〔 〕; full-width ones are made narrow before."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time of a case, of a visit or from opening to closing; `place` if it was elsewhere."""

    start_ms: int
    end_ms: int
    place: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as far as proposals need it: `windows` from its points, stages, opening and closing.

    Places are in ten-millionths of a degree, latitude first.
    """

    id: str
    number: str
    people: tuple[str, ...]
    unit: str | None = None
    organ: str | None = None
    windows: tuple[Window, ...] = ()
    place: tuple[int, int] | None = None
    devices: tuple[str, ...] = ()
    open_ms: tuple[int, int] | None = None
    """From its opening to its filing, where that is known; windows may reach further."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A case with what is asked of it again and again: its number's one form, its visits."""

    case: CaseFacts
    number: str
    visits: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class CaseIndex:
    """Cases by number, by officer and day, by unit and day of a visit, and by device."""

    cases: Mapping[str, Ready]
    numbers: Mapping[str, Sequence[str]]
    days: Mapping[tuple[str, int], Sequence[str]]
    units: Mapping[tuple[str, int], Sequence[str]]
    devices: Mapping[str, Sequence[str]]


@lru_cache(maxsize=16384)
def normal_number(number: str) -> str:
    """A case number in the one form in which two are compared: brackets, width, case, spaces."""
    seen, text = "", number
    while text != seen:  # a second round is rare: capitals that only then can be composed
        seen = text
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
        text = "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")
    return text.translate(_BRACKETS)


def index(cases: Iterable[CaseFacts], *, buffer_ms: int, broad_ms: int) -> CaseIndex:
    """Make cases ready for many items; a window longer than `broad_ms` is no visit."""
    by_id: dict[str, Ready] = {}
    numbers: dict[str, list[str]] = defaultdict(list)
    days: dict[tuple[str, int], list[str]] = defaultdict(list)
    units: dict[tuple[str, int], list[str]] = defaultdict(list)
    devices: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        visits = tuple(w for w in case.windows if w.end_ms - w.start_ms <= broad_ms)
        ready = by_id[case.id] = Ready(case, normal_number(case.number), visits)
        numbers[ready.number].append(case.id)
        for device in case.devices:
            devices[device].append(case.id)
        for day in _days(case.windows, buffer_ms):
            for person in case.people:
                days[person, day].append(case.id)
        for day in _days(visits, buffer_ms) if case.unit else ():
            units[case.unit or "", day].append(case.id)
    return CaseIndex(by_id, dict(numbers), dict(days), dict(units), dict(devices))


def _days(windows: Iterable[Window], buffer_ms: int) -> set[int]:
    """The days of the windows, with one more on each side for clocks that are not sure."""
    return {
        day
        for w in windows
        for day in range(
            (w.start_ms - buffer_ms) // DAY_MS - 1, (w.end_ms + buffer_ms) // DAY_MS + 2
        )
    }
