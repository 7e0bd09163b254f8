"""Pairs of characters, by which the words of a case are found without reading every case.

Guarantee: whatever contains a text of two characters or more, capital or small, has all its pairs.
Not covered: texts of one character, which have no pair.
"""

from collections.abc import Iterable


def folded(text: str) -> str:
    """The text without its capitals, character by character."""
    return text.casefold()


def of(texts: Iterable[str]) -> list[str]:
    """The pairs of neighbouring characters in these texts, each once, sorted."""
    return sorted({
        pair
        for text in map(folded, texts)
        for pair in (text[at : at + 2] for at in range(len(text) - 1))
        if not pair.isspace()
    })  # fmt: skip
