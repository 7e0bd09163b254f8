"""A procedure as a flowchart (SVG), with the state of a case on it.

Guarantee: well-formed XML without script, style sheet, id or outside reference; every text is
escaped; every label of the procedure is in it, whole; what a colour says, a sign and a word say
too.  It reads on white paper and in either language.  The box where the case stands has the attribute
`data-current`, for pages that scroll to it.
Not covered: times (a page beside it shows them), and animations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from cases.procedure import words
from cases.procedure.graph import later
from cases.procedure.layout import (
    LANE,
    SIDE,
    Box,
    Content,
    Layout,
    Line,
    arrange,
    column_width,
)
from cases.procedure.machine import mandatory
from cases.procedure.measure import wrap
from cases.procedure.model import GOING_BACK, Document, Label, Procedure, Stage, Transition
from cases.procedure.signs import letter, number, path, sign
from cases.procedure.state import EMPTY, State

INK, SOFT, HAIR, BAND, ACCENT, ACCENT_SOFT = "#1b2430", "#4d5866", "#c3c9d1", "#f4f5f7", "#17497a", "#e8eff6"  # fmt: skip
GOOD_SOFT, BAD, PALE = "#eef4ea", "#9b2c22", "#fafafa"
FONTS = {
    True: "'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei','WenQuanYi Micro Hei','Segoe UI','Noto Sans',Arial,sans-serif",
    False: "'Segoe UI','Helvetica Neue','Noto Sans',Arial,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif",
}  # fmt: skip
TITLE, HEAD, BODY, SMALL = 19.0, 14.5, 12.5, 11.5
INSET, GLYPH = 10.0, 15.0


def svg(
    procedure: Procedure,
    state: State | None = None,
    language: str = "zh-CN",
    *,
    coverage: Mapping[str, str] | None = None,
) -> str:
    """The whole drawing; `coverage` is a verdict (`complete`, `partial`, …) by stage code."""
    return _Drawing(procedure, state, language, coverage or {}).text()


def status(procedure: Procedure, state: State, stage: Stage) -> str:
    """Where the stage stands: a key of `words.STATUS`."""
    if state.current == stage.code:
        return "filed" if state.closed else "suspended" if state.suspended else "current"
    if state.entry_of(procedure, stage.code) is not None:
        return "done"
    if any(code == stage.code for code, _ in state.entered):
        return "again"
    passed = any(state.entry_of(procedure, code) for code in later(procedure)[stage.code])
    if state.outcome is not None:
        return "skipped"
    return ("missing" if mandatory(stage, state) else "skipped") if passed else "open"


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a box: its text, where it begins, and the sign before it."""

    text: str
    size: float
    y: float
    sign: str = ""
    bold: bool = False
    colour: str = INK


class _Drawing:
    def __init__(
        self, procedure: Procedure, state: State | None, language: str, coverage: Mapping[str, str]
    ) -> None:
        self.procedure, self.state, self.language = procedure, state, language
        self.coverage = coverage
        self.zh = language.startswith("zh")
        self.out: list[str] = []
        self.exits = [t for t in procedure.transitions if t.exit is not None]
        self.wide = column_width(procedure)
        self.statuses = {
            s.code: status(procedure, state, s) if state is not None else "" for s in procedure.stages
        }  # fmt: skip
        self.rows: dict[str, list[_Row]] = {}
        self.contents = {stage.code: self.content(stage) for stage in procedure.stages}

    def say(self, label: Label) -> str:
        return label.text(self.language)

    # ── what stands in a box ─────────────────────────────────────────────────────────────────────

    def content(self, stage: Stage) -> Content:
        rows: list[_Row] = []
        y = INSET - 2

        def add(text: str, size: float, shape: str = "", *, bold: bool = False, colour: str = INK) -> float:  # fmt: skip
            """Append the lines of a text; the middle of the first is returned."""
            nonlocal y
            first = y + size * 0.75
            room = self.wide - 2 * INSET - (GLYPH if shape else 0)
            for turn, line in enumerate(wrap(text, room, size, bold=bold)):
                y += size * 1.42
                shown = shape if turn == 0 else "indent" if shape else ""
                rows.append(_Row(line, size, y - size * 0.32, shown, bold, colour))
            return first

        place = self.procedure.stages.index(stage) + 1
        add(f"{place} {self.say(stage.label)}", HEAD, self.statuses[stage.code], bold=True)
        add(self.says_of(stage), SMALL, colour=SOFT)
        for shape, text in self.notices(stage):
            add(text, SMALL, shape, bold=True, colour=BAD if shape == "mark" else INK)
        y += 4
        for document in self.procedure.documents_of(stage.code):
            add(self.named(document), BODY, "document+" if self.has(document.code) else "document")
            if document.by:
                add(self.part(document), SMALL, "indent", colour=SOFT)
        for point in self.procedure.points_of(stage.code):
            add(self.say(point.label), BODY, "point+" if self.has(point.code) else "point")
        y += 4
        ways: dict[str, float] = {}
        for transition in self.procedure.transitions:
            dashed = transition.exit in GOING_BACK
            if stage.code in transition.origins and (transition.exit is None or dashed):
                ways[transition.code] = add(
                    self.say(transition.label), BODY, "back" if dashed else "way", colour=ACCENT
                )
                if transition.by:
                    add(self.part(transition), SMALL, "indent", colour=SOFT)
        if letters := self.letters(stage):
            y += 2
            add(letters, SMALL, "exit")
        self.rows[stage.code] = rows
        return Content(y + INSET, ways)

    def says_of(self, stage: Stage) -> str:
        kind = words.MANDATORY if stage.mandatory else words.CONDITIONAL if stage.mandatory_when else words.OPTIONAL  # fmt: skip
        code = self.statuses[stage.code]
        return self.say(kind) + (f" · {self.say(words.STATUS[code])}" if code else "")

    def notices(self, stage: Stage) -> Iterator[tuple[str, str]]:
        if count := self.marks(stage):
            yield "mark", self.say(words.MARKS).format(count)
        if (verdict := self.coverage.get(stage.code)) in words.VERDICT:
            yield f"verdict-{verdict}", self.say(words.VERDICT[verdict])

    def named(self, document: Document) -> str:
        star = "\xa0*" if document.mandatory else "\xa0(*)" if document.mandatory_when else ""
        return self.say(document.label) + star

    def part(self, act: Transition | Document) -> str:
        """Whose part it is."""
        names = (self.say(words.ROLE[role]) for role in act.by)
        return self.say(words.BY).format(self.say(words.JOIN).join(names))

    def has(self, code: str) -> bool:
        state = self.state or EMPTY
        return (state.document(self.procedure, code) or state.point(self.procedure, code)) is not None  # fmt: skip

    def marks(self, stage: Stage) -> int:
        found = 0
        for mark in self.state.marks if self.state else ():
            transition = self.procedure.transition(mark.code) if mark.kind == "transition" else None
            element = self.procedure.document(mark.code) or self.procedure.point(mark.code)
            of = transition.to if transition else element.stage if element else mark.code
            found += of == stage.code
        return found

    def letters(self, stage: Stage) -> str:
        found = [letter(n) for n, t in enumerate(self.exits) if stage.code in t.origins]
        return f"{self.say(words.EXITS)} {' '.join(found)}" if found else ""

    # ── the page ─────────────────────────────────────────────────────────────────────────────────

    def text(self) -> str:
        layout = arrange(self.procedure, self.contents, 0)
        room = layout.width - 2 * SIDE
        top = self.heading(room)
        layout = arrange(self.procedure, self.contents, top)
        self.bands(layout)
        for line in layout.lines:
            self.line(line)
        for stage in self.procedure.stages:
            self.box(stage, layout.boxes[stage.code])
        bottom = self.exit_list(layout.bottom + 14, room)
        size = f"{number(layout.width)} {number(bottom + SIDE)}"
        wide, high = size.split()
        return "".join((
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{wide}" height="{high}"',
            f' role="img" xml:lang={quoteattr(self.language)} lang={quoteattr(self.language)}>',
            f"<title>{escape(self.title())}</title><desc>{escape(self.description())}</desc>",
            f'<rect width="{wide}" height="{high}" fill="#fff"/>',
            f'<g font-family={quoteattr(FONTS[self.zh])} fill="{INK}">',
            *self.out,
            "</g></svg>",
        ))  # fmt: skip

    def title(self) -> str:
        return f"{self.say(self.procedure.label)} · {self.say(words.VERSION).format(self.procedure.version)}"

    def description(self) -> str:
        join, stop = self.say(words.JOIN), self.say(words.STOP)
        parts = [
            self.say(s.label)
            + (f"（{self.say(words.STATUS[self.statuses[s.code]])}）" if self.zh and self.state else "")
            + (f" ({self.say(words.STATUS[self.statuses[s.code]])})" if self.state and not self.zh else "")
            for s in self.procedure.stages
        ]  # fmt: skip
        text = self.say(words.STAGES) + join.join(parts) + stop
        if not self.procedure.enforcement:
            text += self.say(words.NO_POWERS) + stop
        current = self.procedure.stage((self.state or EMPTY).current or "")
        if current is not None:
            text += self.say(words.STANDS) + self.say(current.label) + stop
        return text.strip()

    def heading(self, room: float) -> float:
        y = SIDE
        texts = [(self.title(), TITLE, True, INK)]
        if not self.procedure.enforcement:
            texts.append((self.say(words.NO_POWERS), BODY, True, BAD))
        texts.append((self.say(words.LEGEND), SMALL, False, SOFT))
        for text, size, bold, colour in texts:
            for line in wrap(text, room, size, bold=bold):
                y += size * 1.4
                self.write(line, SIDE, y - size * 0.3, size, bold=bold, colour=colour)
        return y + 8

    def bands(self, layout: Layout) -> None:
        names = words.CATEGORY if self.procedure.enforcement else words.WITHOUT_POWERS
        for place, band in enumerate(layout.bands):
            fill = BAND if place % 2 == 0 else "#fff"
            self.out.append(f'<rect x="{number(SIDE)}" y="{number(band.top)}" width="{number(layout.width - 2 * SIDE)}" height="{number(band.height)}" fill="{fill}" stroke="{HAIR}"/>')  # fmt: skip
            y = band.top + (19 if band.empty else 26)
            for line in wrap(self.say(names[band.category]), LANE - 14, 13, bold=True):
                self.write(line, SIDE + 8, y, 13, bold=True, colour=SOFT if band.empty else INK)
                y += 18
            if band.empty:
                self.write(self.say(words.NONE_HERE), SIDE + LANE, band.top + 19, SMALL, colour=SOFT)  # fmt: skip

    def box(self, stage: Stage, box: Box) -> None:
        code = self.statuses[stage.code]
        fill = {"current": ACCENT_SOFT, "suspended": ACCENT_SOFT, "filed": GOOD_SOFT, "done": GOOD_SOFT, "skipped": PALE, "missing": "#fff"}.get(code, "#fff")  # fmt: skip
        stroke, thick, dash = INK, 1.2, ""
        if code in ("current", "suspended", "filed"):
            stroke, thick = ACCENT, 3.2
        elif code == "missing":
            stroke, thick, dash = BAD, 2.2, "7 4"
        elif code in ("skipped", "again"):
            stroke, dash = SOFT, "4 4"
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        here = ' data-current="true"' if self.state and self.state.current == stage.code else ""
        radius = 14 if stage.final or stage.code == self.procedure.start else 4
        self.out.append(f'<rect x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" height="{number(box.height)}" rx="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="{thick}"{dashes}{here}/>')  # fmt: skip
        for row in self.rows[stage.code]:
            x = box.x + INSET
            if row.sign and row.sign != "indent":
                self.out.append(sign(row.sign, x + 5, box.y + row.y - row.size * 0.36))
            shift = GLYPH if row.sign else 0
            self.write(row.text, x + shift, box.y + row.y, row.size, bold=row.bold, colour=row.colour)  # fmt: skip
        for way, y in self.contents[stage.code].rows.items():
            if self.procedure.transition(way):
                self.out.append(f'<circle cx="{number(box.x + box.width)}" cy="{number(box.y + y)}" r="3" fill="{ACCENT}"/>')  # fmt: skip

    def line(self, line: Line) -> None:
        dash = ' stroke-dasharray="6 4"' if line.dashed else ""
        self.out.append(f'<path d="{path(line)}" fill="none" stroke="{ACCENT}" stroke-width="1.5"{dash}/>')  # fmt: skip
        (x1, y1), (x, y) = line.spots[-2], line.spots[-1]
        dx, dy = (x > x1) - (x < x1), (y > y1) - (y < y1)
        tip = f"{number(x)},{number(y)} {number(x - 8 * dx - 4 * dy)},{number(y - 8 * dy - 4 * dx)} {number(x - 8 * dx + 4 * dy)},{number(y - 8 * dy + 4 * dx)}"
        self.out.append(f'<polygon points="{tip}" fill="{ACCENT}"/>')

    def exit_list(self, y: float, room: float) -> float:
        if not self.exits:
            return self.other_papers(y, room)
        y += 16
        self.write(self.say(words.EXITS), SIDE, y, HEAD, bold=True)
        half = (room - 20) / 2
        for first in range(0, len(self.exits), 2):
            heights = [
                self.exit(n, SIDE + (n - first) * (half + 20), y + 8, half)
                for n in range(first, min(first + 2, len(self.exits)))
            ]
            y += max(heights) + 8
        return self.other_papers(y, room)

    def other_papers(self, y: float, room: float) -> float:
        """The documents that belong to no stage and that no exit asks for."""
        asked = {code for exit_ in self.exits for code in exit_.needs.documents}
        rest = [d for d in self.procedure.documents if d.stage is None and d.code not in asked]
        if rest:
            names = self.say(words.JOIN).join(self.say(d.label) for d in rest)
            for line in wrap(self.say(words.OTHER_PAPERS) + names, room, SMALL):
                y += 17
                self.write(line, SIDE, y, SMALL)
        return y + 8 if rest else y

    def exit(self, place: int, x: float, y: float, room: float) -> float:
        """One exit of the list; its height is returned."""
        transition = self.exits[place]
        taken = self.taken(transition)
        lines = [(line, True) for line in wrap(self.exit_name(transition, taken=taken), room - 44, BODY, bold=True)]  # fmt: skip
        lines += [(line, False) for line in wrap(self.exit_way(transition), room - 44, SMALL)]
        height = len(lines) * 17 + 10
        look = (ACCENT, "2.6", "") if taken else (SOFT, "1", ' stroke-dasharray="4 3"')
        self.out.append(f'<rect x="{number(x)}" y="{number(y)}" width="{number(room)}" height="{number(height)}" rx="4" fill="#fff" stroke="{look[0]}" stroke-width="{look[1]}"{look[2]}/>')  # fmt: skip
        self.write(letter(place), x + 10, y + 18, HEAD, bold=True, colour=ACCENT)
        for n, (line, bold) in enumerate(lines):
            self.write(line, x + 36, y + 18 + 17 * n, BODY if bold else SMALL, bold=bold, colour=INK if bold else SOFT)  # fmt: skip
        return height

    def exit_name(self, transition: Transition, *, taken: bool) -> str:
        kinds = words.EXIT if self.procedure.enforcement else words.EXIT_WITHOUT_POWERS
        kind, name = self.say(kinds[transition.exit or ""]), self.say(transition.label)
        shown = name if kind.lower() == name.lower() else f"{name} [{kind}]"
        return shown + (f" · {self.say(words.TAKEN)}" if taken else "")

    def exit_way(self, transition: Transition) -> str:
        join, stages = self.say(words.JOIN), self.procedure.stage
        origins = [self.say(s.label) for code in transition.origins if (s := stages(code))]
        target = stages(transition.to or "")
        to = self.say(words.ANYWHERE_TO) + self.say(target.label) if target else self.say(words.STAYS)  # fmt: skip
        needed = [d for c in transition.needs.documents if (d := self.procedure.document(c))]
        papers = join.join(self.say(d.label) for d in needed)
        way = f"{self.say(words.FROM)}{join.join(origins)}{'；' if self.zh else '. '}{to}"
        return way + (f"{'；' if self.zh else '. '}{papers}" if papers else "")

    def taken(self, transition: Transition) -> bool:
        return any(e.happening.code == transition.code for e in (self.state or EMPTY).exits)

    def write(
        self, text: str, x: float, y: float, size: float, *, bold: bool = False, colour: str = INK
    ) -> None:
        weight = ' font-weight="600"' if bold else ""
        fill = f' fill="{colour}"' if colour != INK else ""
        self.out.append(f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}"{weight}{fill}>{escape(text)}</text>')  # fmt: skip
