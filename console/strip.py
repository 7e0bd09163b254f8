"""The coverage of a case as a picture: one lane per rule, what had to be recorded and what was.

Guarantee: plain SVG without script, style or address; every text is escaped; holes are hatched and
named, so that nothing hangs on a colour; the verdict stands beside its lane in words.
Not covered: choosing what is shown (`console.case_page`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from cases.recording.verdicts import Hole, Verdict
from console.i18n import Speech
from console.shown import local_time

WIDTH, LEFT, RIGHT, TOP, LANE, BAR = 1120, 236, 250, 26, 46, 16
MOST_LANES = 40
TWO_TEXTS = 230  # how long a bar must be for a time at each end
MOST_HOLES = 400
_MARGIN = 12  # one part in so many of the whole time, left free on both sides
_INK, _SOFT, _LINE, _ACCENT, _BAD = "#1b2430", "#5a6675", "#d8dde3", "#17497a", "#9b2c22"

_HATCHED = (
    '<defs><pattern id="none" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="7" height="7" fill="#fbeeec"/>'
    f'<line x1="0" y1="0" x2="0" y2="7" stroke="{_BAD}" stroke-width="1.6"/></pattern></defs>'
)


@dataclass(frozen=True, slots=True)
class Lane:
    """A rule and what became of it."""

    matter: str
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Scale:
    """Times onto the picture."""

    start_ms: int
    end_ms: int

    def x(self, ms: int) -> float:
        bounded = min(max(ms, self.start_ms), self.end_ms)
        share = (bounded - self.start_ms) / (self.end_ms - self.start_ms)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def scale(lanes: Sequence[Lane]) -> Scale | None:
    """All required times with a margin; None where no time is known."""
    times = [ms for lane in lanes for ms in lane.verdict.required or ()]
    if not times:
        return None
    start, end = min(times), max(times)
    margin = max((end - start) // _MARGIN, 1000)
    return Scale(start - margin, end + margin)


def _text(
    x: float, y: float, text: str, *, fill: str = _INK, size: int = 13, end: bool = False
) -> str:
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}"{anchor}>{escape(text)}</text>'


def _short(text: str, cells: int) -> str:
    """As much of the text as fits; a Chinese character takes two cells."""
    taken = 0
    for place, char in enumerate(text):
        taken += 2 if ord(char) > 0x2E80 else 1
        if taken > cells:
            return f"{text[:place]}…"
    return text


def _bar(axis: Scale, span: tuple[int, int], y: float, look: str) -> str:
    x = axis.x(span[0])
    width = max(axis.x(span[1]) - x, 1.5)
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" {look}/>'


def _hole(axis: Scale, hole: Hole, y: float, speech: Speech) -> str:
    small = hole.state == "below_threshold"
    look = f'fill="url(#none)" stroke="{_SOFT if small else _BAD}" stroke-width="1"'
    if hole.state == "explained":
        look += ' stroke-dasharray="4 3"'
    told = speech(
        "strip.hole", seconds=f"{hole.length_ms / 1000:g}", state=speech(f"hole.{hole.state}")
    )
    bar = _bar(axis, (hole.start_ms, hole.end_ms), y, look)
    label = ""
    if axis.x(hole.end_ms) - axis.x(hole.start_ms) > 60:
        middle = (axis.x(hole.start_ms) + axis.x(hole.end_ms)) / 2
        words = speech("strip.seconds", seconds=f"{hole.length_ms / 1000:g}")
        label = (
            f'<text x="{middle:.1f}" y="{y + 12.5:.1f}" fill="{_BAD}" font-size="12" '
            f'font-weight="600" text-anchor="middle" stroke="#fff" stroke-width="3" '
            f'paint-order="stroke">{escape(words)}</text>'
        )
    return f"<g><title>{escape(told)}</title>{bar}{label}</g>"


def _lane(axis: Scale, lane: Lane, y: float, speech: Speech) -> list[str]:
    v = lane.verdict
    parts = [_text(0, y + 13, _short(lane.matter, 34))]
    must = speech("rule.must" if v.rule.must else "rule.may")
    parts.append(_text(0, y + 29, must, fill=_SOFT, size=12))
    bad = v.rule.must and v.verdict in ("partial", "missing")
    colour = _BAD if bad else _INK
    parts.append(_text(WIDTH - RIGHT + 14, y + 13, _short(lane.text, 42), fill=colour))
    if v.required is None:
        return parts
    parts.append(_bar(axis, v.required, y, f'fill="#fff" stroke="{_SOFT}" stroke-width="1"'))
    parts += [_bar(axis, span, y, f'fill="{_ACCENT}"') for span in v.covered[:MOST_HOLES]]
    parts += [_hole(axis, hole, y, speech) for hole in v.holes[:MOST_HOLES]]
    return [*parts, *_ends(axis, v.required, y + 30, speech)]


def _ends(axis: Scale, span: tuple[int, int], y: float, speech: Speech) -> list[str]:
    """When it had to begin and to end, in one text where the bar is too short for two."""
    left, right = axis.x(span[0]), axis.x(span[1])
    first, last = clock(span[0], speech), clock(span[1], speech)
    if right - left > TWO_TEXTS:
        return [
            _text(left, y, first, fill=_SOFT, size=12),
            _text(right, y, last, fill=_SOFT, size=12, end=True),
        ]
    same_day = first[:5] == last[:5]
    both = f"{first} – {last[6:] if same_day else last}"
    at_end = left > (LEFT + WIDTH - RIGHT) / 2
    return [_text(right if at_end else left, y, both, fill=_SOFT, size=12, end=at_end)]


def clock(ms: int, speech: Speech) -> str:
    return local_time(ms, speech.zone, "%m-%d %H:%M:%S").rsplit(" ", 1)[0]


def strip(lanes: Sequence[Lane], speech: Speech) -> Markup | None:
    """The picture, or None where there is nothing to draw."""
    shown = [lane for lane in lanes if lane.verdict.required is not None][:MOST_LANES]
    axis = scale(shown)
    if axis is None:
        return None
    height = TOP + LANE * len(shown)
    title = speech("strip.title")
    parts = [
        f'<svg class="strip" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        _HATCHED,
    ]
    for n, lane in enumerate(shown):
        y = TOP + n * LANE
        if n:
            parts.append(f'<line x1="0" y1="{y - 9}" x2="{WIDTH}" y2="{y - 9}" stroke="{_LINE}"/>')
        parts += _lane(axis, lane, y, speech)
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704  # every text in it went through `escape`
