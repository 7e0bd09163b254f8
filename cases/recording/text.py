"""The text of cells: what is kept of it, and how it is compared.

Guarantee: `clean` is idempotent, and what it returns can be written to CSV, XLSX and canonical
JSON and read again unchanged.  `squeeze` never changes what is kept; it is for comparing only.
Not covered: what a text means (`words`).

Format: docs/formats/rules.md, version 1, section "Text".
"""

import re
import unicodedata

_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(r"[\s\u3000]+")
_NUMERAL = re.compile(r"[零〇一二两三四五六七八九十百]+")
_DIGITS = {
    "零": 0,
    "〇": 0,
    **{digit: n for n, digit in enumerate("一二三四五六七八九", 1)},
    "两": 2,
}


def clean(text: str) -> str:
    """The text as it is kept: line breaks as \\n, no invisible characters, no space at the ends.

    Sheets copied from web pages are full of zero-width spaces and bidi marks; a reader cannot
    see them, so they may not make two texts differ.
    """
    kept = "".join(_visible(c) for c in _BREAKS.sub("\n", text))
    return "\n".join(line.strip() for line in kept.split("\n")).strip()


def _visible(char: str) -> str:
    if char == "\n":
        return char
    if char in "\t\xa0":
        return " "
    kind = unicodedata.category(char)
    # U+FFFE and the like are not characters and cannot stand in XML.
    bad = kind in ("Cc", "Cf", "Cs") or (kind == "Cn" and _noncharacter(ord(char)))
    return "" if bad else char


def _noncharacter(point: int) -> bool:
    return point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF


def squeeze(text: str) -> str:
    """The text for comparing: full-width forms as ordinary ones, no white space, lower case."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text)).lower()


def number(text: str) -> int | None:
    """A whole number in digits or in Chinese numerals up to 999; None if it is something else."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    if not _NUMERAL.fullmatch(text):
        return None
    total = digit = 0
    for char in text:
        if char in "十百":
            total += (digit or 1) * (10 if char == "十" else 100)
            digit = 0
        elif digit:
            return None  # 二三: digits in a row are a year or a telephone number, not a count
        else:
            digit = _DIGITS[char]
    return total + digit
