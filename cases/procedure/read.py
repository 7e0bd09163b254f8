"""Reading the tables of a TOML text without stopping at the first fault.

Guarantee: every key of a table is asked for or reported as unknown; every value has the type that
was asked for or is reported, with the line on which it stands, and something harmless is returned.
Not covered: what the values mean together (`load`, `graph`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cases.calendar import Term, parse_term
from cases.procedure.lines import Path, Places
from cases.procedure.model import Claim, Label
from cases.rules import line as one_line
from verify.errors import MalformedError

MAX_LABEL, MAX_BASIS, MAX_PREFIX, MAX_LIST = 120, 500, 40, 100
MAX_CLAIMS = 20
CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KINDS = {str: "text", bool: "true or false", int: "a whole number", list: "an array", dict: "a table"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, on which line of the text."""

    line: int
    where: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.where}: {self.reason}"


class Problems:
    """All that was found so far.  One collector lives as long as one text is read."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.found: dict[Problem, None] = {}  # each once, in order

    def add(self, path: Path, reason: str, where: str = "") -> None:
        self.found[Problem(self.places.of(*path), where or shown(path), reason)] = None


def shown(path: Path) -> str:
    """`stage[2].label.en`, counted from 1 as people do."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "procedure"


class Table:
    """One table of the text.  Ask for every key it may have, then call `finish`."""

    def __init__(self, values: dict[str, object], path: Path, problems: Problems) -> None:
        self.values, self.path, self.problems = values, path, problems
        self.asked: set[str] = set()

    def problem(self, reason: str, *key: str | int) -> None:
        self.problems.add((*self.path, *key), reason)

    def has(self, key: str) -> bool:
        self.asked.add(key)
        return key in self.values

    def missing(self, key: str) -> None:
        self.problem(f"expected the key {key}, got none")

    def raw(self, key: str, kind: type, *, required: bool) -> object | None:
        if not self.has(key):
            if required:
                self.missing(key)
            return None
        value = self.values[key]
        if type(value) is not kind:
            self.problem(f"expected {_KINDS[kind]}, got {named(value)}", key)
            return None
        return value

    def text(self, key: str, limit: int) -> str:
        """A line of text for people; empty if the key is absent."""
        value = self.raw(key, str, required=False)
        return "" if value is None else self.line(str(value), limit, key)

    def line(self, value: str, limit: int, *key: str | int) -> str:
        try:
            return one_line("text", value, limit)
        except MalformedError as exc:
            self.problem(str(exc).removeprefix("text: "), *key)
            return ""

    def code(self, key: str, *, required: bool = True) -> str:
        value = self.raw(key, str, required=required)
        if value is None:
            return ""
        if not CODE.fullmatch(str(value)):
            self.problem(f"expected a-z, 0-9 and _ after a letter, got {value!r}", key)
            return ""
        return str(value)

    def choice(self, key: str, choices: Sequence[str], *, required: bool = True) -> str:
        value = self.raw(key, str, required=required)
        if value is not None and value not in choices:
            self.problem(f"expected one of {', '.join(choices)}, got {value!r}", key)
            return ""
        return str(value or "")

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.raw(key, bool, required=False)
        return default if value is None else bool(value)

    def number(self, key: str, least: int, most: int, *, required: bool) -> int | None:
        value = self.raw(key, int, required=required)
        if not isinstance(value, int):
            return None
        if not least <= value <= most:
            self.problem(f"expected {least} to {most}, got {value}", key)
            return None
        return value

    def label(self, *, required: bool = True) -> Label:
        value = self.raw("label", dict, required=required)
        if not isinstance(value, dict):
            return Label("", "")
        table = Table(value, (*self.path, "label"), self.problems)
        texts = []
        for language in ("zh-CN", "en"):
            text = table.raw(language, str, required=False)
            if not table.has(language):
                table.problem(f"expected a label in {language}, got none")
            texts.append("" if text is None else table.line(str(text), MAX_LABEL, language))
        table.finish()
        return Label(*texts)

    def words(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """An array of texts, each once; its places are `(key, n)`."""
        values = self.raw(key, list, required=required)
        if not isinstance(values, list):
            return ()
        if len(values) > MAX_LIST:
            self.problem(f"expected at most {MAX_LIST}, got {len(values)}", key)
            return ()
        words: list[str] = []
        for number, value in enumerate(values):
            if not isinstance(value, str):
                self.problem(f"expected text, got {named(value)}", key, number)
            elif value in words:
                self.problem(f"expected each once, got {value!r} twice", key, number)
            words.append(value if isinstance(value, str) else "")
        return tuple(words)

    def claims(self, key: str) -> tuple[Claim, ...]:
        """`["x", "not y"]`."""
        claims = []
        words = self.words(key)
        if len(words) > MAX_CLAIMS:
            self.problem(f"expected at most {MAX_CLAIMS} claims, got {len(words)}", key)
            return ()
        for number, word in enumerate(words):
            name = word.removeprefix("not ")
            if word and not CODE.fullmatch(name):
                self.problem(f"expected a condition or «not» and one, got {word!r}", key, number)
                name = ""
            claims.append(Claim(name, holds=name == word))
        return tuple(claims)

    def term(self, *, strict: bool = False) -> Term | None:
        value = self.raw("term", str, required=True)
        if value is None:
            return None
        try:
            return parse_term(str(value), strict=strict)
        except MalformedError as exc:
            self.problem(str(exc).removeprefix("term: "), "term")
            return None

    def table(self, key: str, *, required: bool) -> "Table | None":
        value = self.raw(key, dict, required=required)
        return Table(value, (*self.path, key), self.problems) if isinstance(value, dict) else None

    def tables(self, key: str, limit: int, *, required: bool = False) -> list["Table"]:
        """The tables `[[key]]`, or inline tables of an array."""
        values = self.raw(key, list, required=required)
        if not isinstance(values, list):
            return []
        if len(values) > limit:
            self.problem(f"expected at most {limit}, got {len(values)}", key)
            return []
        tables = []
        for number, value in enumerate(values):
            if not isinstance(value, dict):
                self.problem(f"expected a table, got {named(value)}", key, number)
            tables.append(
                Table(
                    value if isinstance(value, dict) else {},
                    (*self.path, key, number),
                    self.problems,
                )
            )
        return tables

    def finish(self) -> None:
        """Report every key that nobody asked for."""
        for key in self.values:
            if key not in self.asked:
                known = ", ".join(sorted(self.asked))
                self.problem(f"expected one of the keys {known}, got {key!r}", key)


def named(value: object) -> str:
    """What a value is, in words of the format."""
    return next((name for kind, name in _KINDS.items() if type(value) is kind), "something else")
