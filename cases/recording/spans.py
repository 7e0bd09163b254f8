"""Unions of recordings: sorted once, merged once for each set of methods that some rule allows.

Guarantee: half-open intervals of whole milliseconds; recordings that touch or overlap are one
stretch, a millisecond between two is a hole.  After one sort of all tracks, a question about one
interval costs two binary searches and what it finds.
Not covered: thresholds and verdicts (`coverage`).

Format: docs/formats/rules.md, version 1, section "Coverage".
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress
from typing import NamedTuple, Self

KINDS = ("photo", "audio", "video")
ALWAYS, NEVER = -(2**62), 2**62  # before and after every time


@dataclass(frozen=True, slots=True)
class Track:
    """One recording linked to the case, its times corrected; a photo is its instant, twice.

    `uncertainty_ms` says how far the correction may be off either way; tracks of one `clock` are
    off together.  `stage` is the category of the stage the link names, if it names one.
    """

    item: str
    kind: str
    carrier: str
    sound: bool
    start_ms: int
    end_ms: int
    uncertainty_ms: int = 0
    stage: str | None = None
    clock: str = ""


class Edge(NamedTuple):
    """What bounds a stretch: by how much it may be off, and by whose clock."""

    uncertainty_ms: int
    clock: str


class Piece(NamedTuple):
    """A stretch that is covered, with what bounds it on either side."""

    start_ms: int
    end_ms: int
    begins: Edge
    ends: Edge


Group = tuple[str, str, bool]
# What of a track is looked at, in the order of sorting: its beginning first, and no ties.
Row = tuple[int, int, int, str, str, str]


def meets(kind: str, carrier: str, sound: bool) -> frozenset[str]:
    """The methods that a recording of this kind is."""
    if kind == "photo":
        return frozenset({"photo"})
    if kind == "audio":
        return frozenset({"audio"})
    methods = {"video"} | ({"audio"} if sound else set())
    return frozenset(methods | ({carrier} & {"body_camera", "surveillance"}))


class Union:
    """The recordings of some methods and carriers: as stretches, and by item.

    Photographs are never in one union with what runs: they are instants, not stretches.
    """

    def __init__(self, rows: Sequence[Row], *, once: bool = False) -> None:
        """`rows` are in order and none is empty; `once`: no item is in two of them."""
        self._once = once
        columns = tuple(zip(*rows, strict=True)) or ((),) * 6
        self._starts, self._ends, self._doubts, self._clocks, self._items, self._stage_of = columns
        self._photos = bool(rows) and self._starts == self._ends
        # The latest end so far never falls, so the first track that reaches a time can be searched.
        self._reach = list(accumulate(self._ends, max))
        # A stretch begins where a track begins after all before it have ended.
        later = zip(range(1, len(rows)), self._starts[1:], self._reach, strict=False)
        self._firsts = [0, *[at for at, start, reach in later if start > reach]]
        self._piece_ends = [self._reach[at - 1] for at in (*self._firsts[1:], len(rows)) if at]
        self._pieces: list[Piece | None] = [None] * len(self._firsts)
        self._doubts_from: list[int] = []  # of the last n tracks
        self._doubts_until: list[int] = []  # of the first n tracks
        self._asked: dict[tuple[int, int], tuple[tuple[str, ...], int]] = {}
        self._stages: dict[str | None, tuple[tuple[str, ...], int]] = {}

    def pieces(self, start: int, end: int) -> list[Piece]:
        """The covered stretches inside [start, end), cut to it."""
        first = bisect_right(self._piece_ends, start)
        last = bisect_left(self._firsts, bisect_left(self._starts, end), first)
        known = self._pieces
        found = [known[at] or self._piece(at) for at in range(first, last)]
        for at in (0, -1) if found else ():  # only the outermost can reach beyond
            cut = max(start, found[at].start_ms), min(end, found[at].end_ms)
            found[at] = Piece(*cut, found[at].begins, found[at].ends)
        return found

    def _piece(self, at: int) -> Piece:
        """One stretch with what bounds it: of several tracks that do, the least certain."""
        first = self._firsts[at]
        after = self._firsts[at + 1] if at + 1 < len(self._firsts) else len(self._starts)
        top, begin, end = self._piece_ends[at], first, first
        if after - first > 1:
            last_begun = bisect_right(self._starts, self._starts[first], first, after)
            reaching = bisect_left(self._reach, top, first, after)
            begin = max(range(first, last_begun), key=self._doubts.__getitem__)
            ending = [n for n in range(reaching, after) if self._ends[n] == top]
            end = max(ending, key=self._doubts.__getitem__)
        begins, ends = (Edge(self._doubts[n], self._clocks[n]) for n in (begin, end))
        piece = self._pieces[at] = Piece(self._starts[first], top, begins, ends)
        return piece

    def used(self, start: int, end: int) -> tuple[tuple[str, ...], int]:
        """The items that show some of [start, end), and their greatest uncertainty.

        A photograph counts at the end as well, and so does what shows the one instant if the two
        are the same.
        """
        known = self._asked.get((start, end))
        if known is None:
            first, inside, last = self._range(start, end)
            before = [at for at in range(first, inside) if self._ends[at] > start]
            items = (*map(self._items.__getitem__, before), *self._items[inside:last])
            doubt = self._doubt(inside, last)
            doubt = max(doubt, *(self._doubts[at] for at in before)) if before else doubt
            known = items if self._once else tuple(dict.fromkeys(items)), doubt
            self._asked[start, end] = known
        return known

    def _doubt(self, first: int, last: int) -> int:
        """The greatest uncertainty of the tracks at these positions, 0 of none.

        Who asks for all from a time on, or up to one, gets it without looking at each.
        """
        if first >= last:
            return 0
        if last == len(self._doubts):
            if not self._doubts_from:
                self._doubts_from = list(accumulate(reversed(self._doubts), max))
            return self._doubts_from[last - 1 - first]
        if first == 0:
            if not self._doubts_until:
                self._doubts_until = list(accumulate(self._doubts, max))
            return self._doubts_until[last - 1]
        greatest: int = max(self._doubts[first:last])
        return greatest

    def shows(self, start: int, end: int) -> bool:
        """Whether some recording shows some of that time."""
        first, inside, last = self._range(start, end)
        # The first track whose end is past `start` is at `first` itself, so one look is enough.
        return first < inside or inside < last

    def _range(self, start: int, end: int) -> tuple[int, int, int]:
        """Three positions: from the first on, tracks may show `start`; from the second on they
        begin there or later; from the third on they begin too late."""
        first = inside = bisect_left(self._starts, start)
        if not self._photos:
            first = bisect_right(self._reach, start)
            inside = max(first, inside)
        late = bisect_right if self._photos or start == end else bisect_left
        return first, inside, max(inside, late(self._starts, end))

    def in_stage(self, stage: str | None) -> tuple[tuple[str, ...], int]:
        """The items that are linked to the stage (None: all), and their greatest uncertainty."""
        known = self._stages.get(stage)
        if known is None:
            items, doubts = self._items, self._doubts
            if stage is not None:
                chosen = [of == stage for of in self._stage_of]
                items, doubts = tuple(compress(items, chosen)), tuple(compress(doubts, chosen))
            known = self._stages[stage] = tuple(dict.fromkeys(items)), max(doubts, default=0)
        return known


class Recordings:
    """All recordings of a case, sorted once; a union is made when a rule first asks for it."""

    def __init__(self, tracks: Iterable[Track]) -> None:
        groups: dict[Group, list[Row]] = {}
        for track in tracks:
            begin, photo = track.start_ms, track.kind == "photo"
            end = begin if photo else track.end_ms
            if end > begin or photo:
                group = (track.kind, track.carrier, track.sound)
                row = (begin, end, track.uncertainty_ms, track.clock, track.item, track.stage or "")
                groups.setdefault(group, []).append(row)
        self._arrange(groups)

    @classmethod
    def of(cls, groups: dict[Group, list[Row]]) -> Self:
        """The same from rows, none of them empty: ten thousand tracks take as long as the rest."""
        made = cls.__new__(cls)
        made._arrange(groups)
        return made

    def changed(self, gone: Iterable[tuple[Group, Row]], come: Iterable[tuple[Group, Row]]) -> Self:
        """The same without some rows and with others; this one stays as it is."""
        groups = dict(self._groups)
        touched: set[Group] = set()

        def of(group: Group) -> list[Row]:
            if group not in touched:
                touched.add(group)
                groups[group] = groups.get(group, []).copy()
            return groups[group]

        for group, row in gone:
            rows = of(group)
            del rows[bisect_left(rows, row)]
        for group, row in come:
            insort(of(group), row)
        made = self.of({group: rows for group, rows in groups.items() if rows})
        if made.groups == self.groups and made._once == self._once:  # the same choices, then
            made._choices = self._choices
            made._unions = {k: u for k, u in self._unions.items() if not k & touched}
        return made

    @property
    def groups(self) -> frozenset[Group]:
        """The kinds of recordings of which there is at least one."""
        return frozenset(self._groups)

    def _arrange(self, groups: dict[Group, list[Row]]) -> None:
        self._groups = groups
        for rows in groups.values():
            rows.sort()
        items = [row[4] for rows in groups.values() for row in rows]
        self._once = len(set(items)) == len(items)
        self._unions: dict[frozenset[Group], Union] = {}
        self._choices: dict[tuple[tuple[str, ...], tuple[str, ...]], frozenset[Group]] = {}

    def holds(self, method: str, carriers: Sequence[str]) -> bool:
        """Whether there is any recording by that method, made by one of the carriers if named."""
        return bool(self.chosen((method,), carriers))

    def union(self, methods: Iterable[str], carriers: Sequence[str]) -> Union:
        """What is allowed by any of the methods and made by one of the carriers, if named."""
        key = self.chosen(tuple(methods), carriers)
        found = self._unions.get(key)
        if found is None:
            together = [row for group in key for row in self._groups[group]]
            if len(key) > 1:
                together.sort()  # sorted runs: the sort only merges them
            found = self._unions[key] = Union(together, once=self._once)
        return found

    def chosen(self, methods: tuple[str, ...], carriers: Sequence[str]) -> frozenset[Group]:
        """The kinds of recordings that are by one of the methods and carriers."""
        asked = methods, tuple(carriers)
        known = self._choices.get(asked)
        if known is None:
            known = self._choices[asked] = frozenset(
                group
                for group in self._groups
                if meets(*group) & {*methods} and (not carriers or group[1] in carriers)
            )
        return known


def intersect(one: Sequence[Piece], other: Sequence[Piece]) -> list[Piece]:
    """What both cover."""
    found: list[Piece] = []
    at = to = 0
    while at < len(one) and to < len(other):
        a, b = one[at], other[to]
        begins, ends = max(a, b, key=lambda p: p.start_ms), min(a, b, key=lambda p: p.end_ms)
        if begins.start_ms < ends.end_ms:
            found.append(Piece(begins.start_ms, ends.end_ms, begins.begins, ends.ends))
        if a.end_ms <= b.end_ms:
            at += 1
        else:
            to += 1
    return found
