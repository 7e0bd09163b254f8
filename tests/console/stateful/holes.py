"""Holes, reckoned the slow way: every moment at which anything changes is looked at for itself.

Nothing is sorted, merged or searched: between two neighbouring moments a recording runs or it does
not, an explanation speaks of it or it does not.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from tests.console.stateful.law import Element


@dataclass(frozen=True)
class Footage:
    """A recording, as it truly was."""

    item: str
    kind: str
    carrier: str
    sound: bool
    start_ms: int
    end_ms: int

    def is_by(self, methods: Collection[str]) -> bool:
        """Whether it is what one of the methods asks for."""
        ways = {"video", self.carrier} if self.kind == "video" else {self.kind}
        if self.kind == "video" and self.sound:
            ways.add("audio")
        return bool(ways & set(methods))


Points = Mapping[tuple[str, str], list[int]]
Spans = Iterable[tuple[int, int]]


def unexplained(
    rule: Element, points: Points, footage: Iterable[Footage], said: Spans, threshold_ms: int
) -> list[tuple[int, int]]:
    """What of the intervals that this rule requires nobody recorded and nobody explained."""
    tracks = [track for track in footage if track.is_by(rule["methods"])]
    found = []
    for (code, occasion), starts in points.items():
        ends = points.get((rule.get("end", ""), occasion))
        if code != rule["start"] or ends is None:
            continue
        start, end = min(starts), max(ends)
        if end <= start:
            continue
        if any(t.kind == "photo" and start <= t.start_ms <= end for t in tracks):
            continue
        running = [(t.start_ms, t.end_ms) for t in tracks if t.kind != "photo"]
        for hole in runs(start, end, running):
            if hole[1] - hole[0] > threshold_ms:
                rest = runs(*hole, said)
                found += [part for part in rest if part[1] - part[0] > threshold_ms]
    return found


def runs(start: int, end: int, spans: Spans) -> list[tuple[int, int]]:
    """The longest stretches of [start, end) in which none of the spans is."""
    spans = list(spans)
    moments = {start, end} | {m for span in spans for m in span if start < m < end}
    found: list[tuple[int, int]] = []
    ordered = sorted(moments)
    for left, right in pairwise(ordered):
        if any(a <= left and right <= b for a, b in spans):
            continue
        if found and found[-1][1] == left:
            found[-1] = (found[-1][0], right)
        else:
            found.append((left, right))
    return found
