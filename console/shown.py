"""How values look on a page: names, sizes, times.  Pure; nothing here decides anything.

Guarantee: `visible` lets no character through that could hide, reorder or break text on a screen;
what it shows is reversible (every hidden character appears as its escape).
Not covered: HTML escaping, which the templates do.
"""

import re
import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

# Cc control, Cf format (bidi marks, joiners, BOM), Zl/Zp separators, Co private use, Cs surrogates
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn"})
_SPACES = re.compile(r" {2,}")
_EDGES = re.compile(r"^[\s.]+|[\s.]+$")


def visible(text: str) -> str:
    """`text` with control, bidi and other invisible characters written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if unicodedata.category(c) not in _HIDDEN else f"\\u{{{ord(c):04x}}}" for c in text
    )


def size(count: int) -> str:
    """Bytes in binary units with three significant digits: 0 B, 1.21 GiB."""
    value, units = float(count), iter(("KiB", "MiB", "GiB", "TiB", "PiB"))
    unit = "B"
    while value >= 1024 and (larger := next(units, None)) is not None:
        value, unit = value / 1024, larger
    if unit == "B":
        return f"{count} B"
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def grouped(count: int) -> str:
    """Digits in groups of three: 1,296,123,904."""
    return f"{count:,}"


def percent(part: int, whole: int | None) -> int | None:
    """How much is there, rounded down, so that 100 means all; None while the whole is unknown."""
    if whole is None:
        return None
    return 100 if whole == 0 else min(100, part * 100 // whole)


def duration(ms: int) -> str:
    """1:02:03 or 2:03."""
    seconds = ms // 1000
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def about(ms: int) -> str:
    """Seconds for an uncertainty: tenths, rounded up, so that it never looks better than it is."""
    tenths = -(-ms // 100)
    return f"{tenths // 10}.{tenths % 10}" if tenths % 10 else f"{tenths // 10}"


def tool(text: str) -> str:
    """A tool's name and version, without the copyright line that follows it."""
    return visible(text.split(" Copyright", maxsplit=1)[0].replace(" version ", " "))


def local_time(ms: int, zone: ZoneInfo, pattern: str) -> str:
    """The instant in the server's zone by a `strftime` pattern, the offset appended: … +08:00."""
    moment = datetime.fromtimestamp(ms / 1000, zone)
    offset = f"{moment:%z}"
    # strftime is not asked about the pattern's own text: Chinese in it breaks in a C locale
    parts = {c: f"{moment:%{c}}" for c in "YmdHMS"}
    parts |= {"e": str(moment.day), "n": str(moment.month), "b": f"{moment:%b}"}
    text = re.sub(r"%([A-Za-z])", lambda m: parts.get(m[1], m[0]), pattern)
    return f"{text} {offset[:3]}:{offset[3:]}"


def safe_filename(name: str) -> str:
    """A name that a browser may save: no folders, no hidden characters, never empty, not too long."""
    base = re.split(r"[\\/]", name)[-1]
    kept = "".join(
        c if unicodedata.category(c) not in _HIDDEN and c not in '<>:"|?*' else "_" for c in base
    )
    kept = _EDGES.sub("", _SPACES.sub(" ", kept)) or "recording"
    stem, dot, suffix = kept.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = kept, ""
    while len(f"{stem}.{suffix}".encode()) > 180:
        stem = stem[:-1].rstrip()
    return f"{stem}.{suffix}" if suffix else stem
