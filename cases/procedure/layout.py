"""Where the parts of a flowchart stand: boxes in bands, lines in the channels between them.

The seven categories are bands from top to bottom; the stages of one category stand side by side
in a grid.  A line leaves its row at the right, goes down or up in the gutter beside its column,
along the channel above the band of its target, and enters that from above.  Lines never cross a
box, because gutters and channels hold none, and lines to different targets never lie on each
other, because each has a track of its own.

Guarantee: pure geometry; the same procedure and texts give the same picture.
Not covered: what is drawn (`draw`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cases.procedure.model import STAGE_CATEGORIES, Procedure

SIDE, LANE, TRACK, PAD = 16.0, 126.0, 8.0, 14.0
COLUMN, LONE_COLUMN, LEAST_WIDTH = 244.0, 420.0, 760.0
EMPTY_BAND = 30.0


class Spot(NamedTuple):
    """A point of the drawing."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Content:
    """What a box needs: its height, and how far below its top each transition's row lies."""

    height: float
    rows: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Band:
    category: str
    top: float
    height: float
    empty: bool


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A transition from one stage; the last spot is where the arrow points."""

    transition: str
    origin: str
    dashed: bool
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    width: float
    bottom: float
    bands: tuple[Band, ...]
    boxes: Mapping[str, Box]
    lines: tuple[Line, ...]


class _Edge(NamedTuple):
    transition: str
    origin: str
    to: str
    dashed: bool


@dataclass(slots=True)
class _Tracks:
    """Which lines share which track of a channel or gutter: those to one target in one style."""

    of: dict[int, list[tuple[str, bool]]] = field(default_factory=dict)

    def take(self, place: int, key: tuple[str, bool]) -> None:
        taken = self.of.setdefault(place, [])
        if key not in taken:
            taken.append(key)

    def offset(self, place: int, key: tuple[str, bool]) -> float:
        return PAD + TRACK * self.of[place].index(key)

    def room(self, place: int) -> float:
        return 2 * PAD + TRACK * max(0, len(self.of.get(place, ())) - 1)


def grid(procedure: Procedure) -> dict[str, tuple[int, int]]:
    """Band and column of each stage."""
    places: dict[str, tuple[int, int]] = {}
    for row, category in enumerate(STAGE_CATEGORIES):
        stages = [stage for stage in procedure.stages if stage.category == category]
        places |= {stage.code: (row, column) for column, stage in enumerate(stages)}
    return places


def column_width(procedure: Procedure) -> float:
    """How wide a box is; where no band has two, they have room."""
    return LONE_COLUMN if all(column == 0 for _, column in grid(procedure).values()) else COLUMN


def arrange(procedure: Procedure, contents: Mapping[str, Content], top: float) -> Layout:
    """Place everything below `top`."""
    return _Plan(procedure, contents, top).layout()


class _Plan:
    def __init__(self, procedure: Procedure, contents: Mapping[str, Content], top: float) -> None:
        self.places, self.contents = grid(procedure), contents
        self.edges = [
            _Edge(t.code, origin, t.to, t.exit is not None)
            for t in procedure.transitions
            for origin in t.origins
            if t.to is not None and t.code in contents[origin].rows
        ]
        self.gutters, self.channels = _Tracks(), _Tracks()
        for edge in self.edges:
            if not self.straight(edge):
                key = (edge.to, edge.dashed)
                self.gutters.take(self.places[edge.origin][1], key)
                self.channels.take(self.places[edge.to][0], key)
        self.lefts = self.columns(column_width(procedure))
        self.bands = list(self.rows(top))
        self.boxes = {
            code: Box(
                self.lefts[column],
                self.bands[row].top + self.channels.room(row),
                column_width(procedure),
                self.inner(row),
            )
            for code, (row, column) in self.places.items()
        }

    def straight(self, edge: _Edge) -> bool:
        """To the neighbour on the right: no way around is needed."""
        (row, column), (to_row, to_column) = self.places[edge.origin], self.places[edge.to]
        return row == to_row and to_column == column + 1

    def columns(self, wide: float) -> list[float]:
        lefts, x = [], SIDE + LANE
        for column in range(1 + max(column for _, column in self.places.values())):
            lefts.append(x)
            x += wide + max(self.gutters.room(column), 2 * PAD)
        self.right = x
        return lefts

    def inner(self, row: int) -> float:
        return max(self.contents[c].height for c, (r, _) in self.places.items() if r == row)

    def rows(self, top: float) -> Iterator[Band]:
        filled = {row for row, _ in self.places.values()}
        for row, category in enumerate(STAGE_CATEGORIES):
            empty = row not in filled
            height = EMPTY_BAND if empty else self.channels.room(row) + self.inner(row) + PAD
            yield Band(category, top, height, empty)
            top += height

    def layout(self) -> Layout:
        return Layout(
            width=max(self.right + SIDE, LEAST_WIDTH),
            bottom=self.bands[-1].top + self.bands[-1].height,
            bands=tuple(self.bands),
            boxes=self.boxes,
            lines=tuple(self.line(edge) for edge in self.edges),
        )

    def line(self, edge: _Edge) -> Line:
        origin, to = self.boxes[edge.origin], self.boxes[edge.to]
        start = Spot(
            origin.x + origin.width, origin.y + self.contents[edge.origin].rows[edge.transition]
        )
        spots: Sequence[Spot]
        if self.straight(edge):
            spots = (start, Spot(to.x, start.y))
        else:
            key = (edge.to, edge.dashed)
            row, column = self.places[edge.to][0], self.places[edge.origin][1]
            x = origin.x + origin.width + self.gutters.offset(column, key)
            y = self.bands[row].top + self.channels.offset(row, key)
            enter = to.x + to.width * (0.62 if edge.dashed else 0.38)
            spots = (start, Spot(x, start.y), Spot(x, y), Spot(enter, y), Spot(enter, to.y))
        return Line(edge.transition, edge.origin, edge.dashed, tuple(spots))
