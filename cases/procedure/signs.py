"""The small signs of a flowchart, drawn and not taken from a font, so that every printer has them.

Guarantee: signs differ in shape, so that nothing depends on colour; the geometry has at most one
decimal, so that the same drawing has the same bytes everywhere.
Not covered: what they mean (`words`); each stands beside its word.
"""

from cases.procedure.layout import Line, Spot

INK, ACCENT, BAD = "#1b2430", "#17497a", "#9b2c22"


def number(value: float) -> str:
    """At most one decimal, no trailing zero."""
    return f"{value:.1f}".removesuffix(".0")


def letter(place: int) -> str:
    """A, B, … Z, AA, AB."""
    return (letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def sign(name: str, x: float, y: float) -> str:
    """The sign with its middle at (x, y), about ten units wide; empty for an unknown name."""
    draw = _SIGNS.get(name)
    return "" if draw is None else f'<g transform="translate({number(x)} {number(y)})">{draw}</g>'


def path(line: Line) -> str:
    """The line through its spots with rounded corners.

    It begins at the arrow, so that the dashes of lines that share a track lie on each other.
    """
    spots = line.spots[::-1]
    parts = [f"M{number(spots[0].x)} {number(spots[0].y)}"]
    for before, corner, after in zip(spots, spots[1:], spots[2:], strict=False):
        into, out = _near(corner, before), _near(corner, after)
        parts.append(f"L{number(into.x)} {number(into.y)}Q{number(corner.x)} {number(corner.y)} {number(out.x)} {number(out.y)}")  # fmt: skip
    parts.append(f"L{number(spots[-1].x)} {number(spots[-1].y)}")
    return "".join(parts)


def _near(corner: Spot, other: Spot) -> Spot:
    """A spot at most five units from the corner towards the other."""
    dx, dy = other.x - corner.x, other.y - corner.y
    length = abs(dx) + abs(dy)
    part = min(5.0, length / 2) / length if length else 0.0
    return Spot(corner.x + dx * part, corner.y + dy * part)


def _stroke(d: str, colour: str = INK, thick: float = 1.8) -> str:
    return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'


def _ring(fill: str = "none", colour: str = INK, radius: float = 4) -> str:
    return f'<circle r="{radius}" fill="{fill}" stroke="{colour}" stroke-width="1.3"/>'


_CHECK, _CROSS = "M-5 0L-1.5 4L5 -4.5", "M-4 -4L4 4M-4 4L4 -4"
_SIGNS = {
    "done": _stroke(_CHECK, INK, 2.2),
    "filed": _stroke("M-5 -5H5V5H-5Z", ACCENT) + _stroke("M-3 0L-1 2.5L3 -3", ACCENT),
    "current": f'<path d="M-4 -5.5L6 0L-4 5.5Z" fill="{ACCENT}"/>',
    "suspended": f'<path d="M-5 -5.5H-1.5V5.5H-5ZM1.5 -5.5H5V5.5H1.5Z" fill="{ACCENT}"/>',
    "skipped": _stroke("M-5 0H5"),
    "missing": _stroke(_CROSS, BAD, 2.4),
    "again": _stroke("M4.5 -2.5A5 5 0 1 0 5 1M5.5 -5.5V-2H2"),
    "open": _ring(radius=4.5),
    "mark": f'<path d="M0 -6L6 5H-6Z" fill="{BAD}"/><path d="M0 -2.5V1.5M0 2.6V4" stroke="#fff" stroke-width="1.5"/>',
    "document": _stroke("M-3.5 -4.5H3.5V4.5H-3.5Z", INK, 1.1),
    "document+": f'<path d="M-3.5 -4.5H3.5V4.5H-3.5Z" fill="{INK}" stroke="{INK}" stroke-width="1.1"/>',
    "point": _ring(radius=3.6),
    "point+": _ring(INK, radius=3.6),
    "way": _stroke("M-4.5 0H4M1 -3L4 0L1 3", ACCENT, 1.4),
    "back": _stroke("M4.5 0H-4M-1 -3L-4 0L-1 3", ACCENT, 1.4),
    "exit": _stroke("M-4.5 -4.5H4.5V4.5H-4.5Z", INK, 1.1).replace(
        "/>", ' stroke-dasharray="2.5 2"/>'
    ),
    "verdict-complete": _ring(INK),
    "verdict-partial": _ring() + f'<path d="M0 -4A4 4 0 0 1 0 4Z" fill="{INK}"/>',
    "verdict-missing": _stroke(_CROSS, INK, 1.8),
    "verdict-exempt": _ring() + _stroke("M-3 3L3 -3", INK, 1.3),
    "verdict-unjudgeable": _ring()
    + f'<text y="2.6" font-size="7" text-anchor="middle" fill="{INK}">?</text>',
}
