"""Unions of recordings: sorted once, merged once for each set of methods that some rule allows.

Guarantee: half-open intervals of whole milliseconds; recordings that touch or overlap are one
stretch, a millisecond between two is a hole.  After one sort of all tracks, a question about one
interval costs two binary searches and what it finds.
Not covered: thresholds and verdicts (`coverage`).

Format: docs/formats/rules.md, version 1, section "Coverage".
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple


KINDS = ("photo", "audio", "video")


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


def meets(kind: str, carrier: str, sound: bool) -> frozenset[str]:
    """The methods that a recording of this kind is."""
    if kind == "photo":
        return frozenset({"photo"})
    if kind == "audio":
        return frozenset({"audio"})
    methods = {"video"} | ({"audio"} if sound else set())
    return frozenset(methods | ({carrier} & {"body_camera", "surveillance"}))


class Union:
    """The recordings of some methods and carriers: as stretches, and by item."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        """`tracks` are in the order of their beginnings and none is empty."""
        self.tracks = tracks
        self._starts = [track.start_ms for track in tracks]
        self._ends = [track.end_ms for track in tracks]
        self._items = [track.item for track in tracks]
        self._doubts = [track.uncertainty_ms for track in tracks]
        # The latest end so far never falls, so the first track that reaches a time can be searched.
        self._reach = list(accumulate(self._ends, max))
        self._pieces = list(_merge(tracks, self._starts, self._ends))
        self._piece_ends = [piece.end_ms for piece in self._pieces]
        self._asked: dict[tuple[int, int], tuple[tuple[str, ...], int]] = {}

    def pieces(self, start: int, end: int) -> list[Piece]:
        """The covered stretches inside [start, end), cut to it."""
        found = []
        for at in range(bisect_right(self._piece_ends, start), len(self._pieces)):
            piece = self._pieces[at]
            if piece.start_ms >= end:
                break
            found.append(
                piece._replace(start_ms=max(start, piece.start_ms), end_ms=min(end, piece.end_ms))
            )
        return found

    def used(self, start: int, end: int) -> tuple[tuple[str, ...], int]:
        """The items that lie in [start, end) with some part, and their greatest uncertainty."""
        known = self._asked.get((start, end))
        if known is None:
            first = bisect_right(self._reach, start)
            inside = max(first, bisect_left(self._starts, start))
            last = max(inside, bisect_left(self._starts, end))
            before = [at for at in range(first, inside) if self._ends[at] > start]
            items = [self._items[at] for at in before] + self._items[inside:last]
            doubts = [self._doubts[at] for at in before] + self._doubts[inside:last]
            known = self._asked[start, end] = (
                tuple(dict.fromkeys(items)),
                max(doubts, default=0),
            )
        return known

    def touches(self, at_ms: int) -> bool:
        """Whether some recording shows that instant."""
        at = bisect_left(self._piece_ends, at_ms)
        return at < len(self._pieces) and self._pieces[at].start_ms <= at_ms

    def inside(self, start: int, end: int) -> tuple[tuple[str, ...], int]:
        """For photographs: the items taken in [start, end], and their greatest uncertainty."""
        first, last = bisect_left(self._starts, start), bisect_right(self._starts, end)
        return tuple(dict.fromkeys(self._items[first:last])), max(
            self._doubts[first:last], default=0
        )


def _merge(tracks: Sequence[Track], starts: Sequence[int], ends: Sequence[int]) -> Iterable[Piece]:
    begin, reach = 0, 0  # positions of the tracks that bound the stretch so far
    for at in range(1, len(tracks) + 1):
        if at < len(tracks) and starts[at] <= ends[reach]:
            if ends[at] > ends[reach] or (
                ends[at] == ends[reach] and tracks[at].uncertainty_ms > tracks[reach].uncertainty_ms
            ):
                reach = at
            if starts[at] == starts[begin]:
                # Of several that begin together, the least certain bounds the stretch.
                begin = max(begin, at, key=lambda n: tracks[n].uncertainty_ms)
            continue
        yield Piece(starts[begin], ends[reach], _edge(tracks[begin]), _edge(tracks[reach]))
        begin = reach = at


def _edge(track: Track) -> Edge:
    return Edge(track.uncertainty_ms, track.clock)


class Recordings:
    """All recordings of a case, sorted once; a union is made when a rule first asks for it."""

    def __init__(self, tracks: Iterable[Track]) -> None:
        self._groups: dict[tuple[str, str, bool], list[Track]] = {}
        for track in sorted(tracks, key=attrgetter("start_ms", "item", "end_ms")):
            if track.end_ms > track.start_ms or track.kind == "photo":
                group = (track.kind, track.carrier, track.sound)
                self._groups.setdefault(group, []).append(track)
        self._unions: dict[tuple[frozenset[str], frozenset[str]], Union] = {}

    def union(self, methods: Iterable[str], carriers: Iterable[str]) -> Union:
        """What is allowed by any of the methods and, if carriers are named, made by one of them."""
        key = frozenset(methods), frozenset(carriers)
        found = self._unions.get(key)
        if found is None:
            groups = [
                tracks
                for (kind, carrier, sound), tracks in self._groups.items()
                if meets(kind, carrier, sound) & key[0] and (not key[1] or carrier in key[1])
            ]
            # Sorted runs one after the other: the sort only has to merge them.
            together = [track for tracks in groups for track in tracks]
            if len(groups) > 1:
                together.sort(key=attrgetter("start_ms", "item", "end_ms"))
            found = self._unions[key] = Union(together)
        return found


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
