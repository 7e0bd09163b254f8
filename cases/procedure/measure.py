"""How wide a text is and where it may be broken, without a font at hand.

Guarantee: no line that `wrap` returns is wider than asked for, by widths that are a little larger
than those of the usual sans-serif faces; nothing but white space at a break is lost.  Chinese
characters count as one em and may be parted anywhere but before closing and after opening marks; U+00A0 parts nothing.
Not covered: scripts that join their letters.
"""

import unicodedata
from functools import cache

NO_START = "，。、；：？！）〕》〉”’」』】…%‰·,.;:!?)]}»"
NO_END = "（〔《〈“‘「『【([{«"
_NARROW, _THIN = frozenset("ijlI.,':;|!`"), frozenset('frt()[]{}-/ "*')
_WIDE = frozenset("MW@%mw—")


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line at a font size, in the same unit."""
    return sum(map(_em, text)) * size * (1.07 if bold else 1.0)


@cache
def _em(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WFA" or unicodedata.category(char) == "So":
        return 1.0
    if char in _NARROW:
        return 0.32
    if char in _THIN:
        return 0.40
    if char in _WIDE:
        return 0.95
    return 0.74 if char.isupper() else 0.60


def wrap(text: str, limit: float, size: float, *, bold: bool = False) -> list[str]:
    """The lines of a text that are each at most `limit` wide."""
    lines, line = [], ""
    for piece in _pieces(text, limit, size, bold=bold):
        if line and width((line + piece).rstrip(), size, bold=bold) > limit:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines or [""]


def _pieces(text: str, limit: float, size: float, *, bold: bool) -> list[str]:
    """What must stay together: words, and characters with the marks that cling to them."""
    pieces: list[str] = []
    for char in text:
        last = pieces[-1] if pieces else ""
        glued = bool(last) and (
            (char in NO_START and not last.isspace())
            or last[-1] in NO_END
            or "\xa0" in (char, last[-1])
            or not (_breaks(last[-1]) or _breaks(char))
        )
        if glued and width(last + char, size, bold=bold) <= limit:
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _breaks(char: str) -> bool:
    return (char.isspace() and char != "\xa0") or unicodedata.east_asian_width(char) in "WF"
