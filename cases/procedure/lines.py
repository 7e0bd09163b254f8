"""Where tables, keys and the strings of arrays stand in a TOML text, which `tomllib` does not tell.

Guarantee: for a text that `tomllib` accepts, `Places.of` gives the line of what a path names, and
`depth` is at least the depth of its nesting.  It ends for any text, in time linear in its length.
Not covered: whether the text is TOML; it must be asked of `tomllib`, after `depth` was looked at.
"""

import re
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r'(?P<multi>"""|\'\'\')'
    r"|(?P<basic>\"(?:[^\"\\\n]|\\.)*\"?)|(?P<literal>'[^'\n]*'?)"
    r"|(?P<comment>\#[^\n]*)|(?P<newline>\n)|(?P<space>[ \t\r]+)"
    r"|(?P<bare>[A-Za-z0-9_\-]+)|(?P<sign>.)"
)


@dataclass(slots=True)
class Places:
    """Lines by path: `("stage", 0)` is a table, `("stage", 0, "code")` a key; one more number is a
    string or an inline table of its array."""

    lines: dict[Path, int] = field(default_factory=dict)
    depth: int = 0

    def of(self, *path: str | int) -> int:
        """The line of the path, or of the nearest thing that holds it; 1 for the text itself."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return line
        return 1


def places(text: str) -> Places:
    """Walk the text once and note where things begin."""
    return _Walk(text).run()


class _Walk:
    """A reader that knows of TOML only what decides where a table or a key begins."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.started, self.line = text, 0, 0, 1
        self.found = Places()
        self.counts: dict[Path, int] = {}

    def run(self) -> Places:
        table: Path = ()
        while self.at < len(self.text):
            kind, _, line = self.token()
            if kind in ("newline", "space", "comment"):
                continue
            self.at = self.started
            if self.text[self.at] == "[":
                table = self.header(line)
            else:
                self.assignment(table, line)
        return self.found

    def token(self) -> tuple[str, str, int]:
        """The next token with its line; a string of several lines is one token."""
        self.started, line = self.at, self.line
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise AssertionError("the tokens cover every character")
        kind, value = match.lastgroup or "sign", match.group()
        self.at = match.end()
        if kind == "multi":
            self.at = self.end_of_multi(value)
            kind, value = "string", ""
        elif kind in ("basic", "literal"):
            kind, value = "string", value[1:-1]
        self.line += self.text.count("\n", self.started, self.at)
        return kind, value, line

    def end_of_multi(self, quote: str) -> int:
        at = self.at
        while True:
            end = self.text.find(quote, at)
            if end < 0:
                return len(self.text)
            backslashes = len(self.text[at:end]) - len(self.text[at:end].rstrip("\\"))
            if quote == "'''" or backslashes % 2 == 0:
                while self.text.startswith(quote[0], end + 3):  # up to two quotes may end the text
                    end += 1
                return end + 3
            at = end + 1

    def header(self, line: int) -> Path:
        """`[a.b]` or `[[a.b]]`; the path has the number of the table in its array."""
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        parts = self.key("]")
        self.found.depth = max(self.found.depth, len(parts))
        path: Path = ()
        for place, part in enumerate(parts):
            path += (part,)
            last = place == len(parts) - 1
            if last and array:
                self.counts[path] = self.counts.get(path, -1) + 1
                self.found.lines.setdefault(path, line)
            if path in self.counts:
                path += (self.counts[path],)
        self.found.lines.setdefault(path, line)
        self.rest_of_line()
        return path

    def key(self, end: str) -> list[str]:
        parts: list[str] = []
        while self.at < len(self.text):
            kind, value, _ = self.token()
            if kind in ("bare", "string"):
                parts.append(value)
            elif kind == "newline" or value == end:
                break
        return parts

    def rest_of_line(self) -> None:
        while self.at < len(self.text) and self.token()[0] != "newline":
            pass

    def assignment(self, table: Path, line: int) -> None:
        path = (*table, *self.key("="))
        for length in range(len(table) + 1, len(path) + 1):
            self.found.lines.setdefault(path[:length], line)
        self.found.depth = max(self.found.depth, len(path))
        self.value(path)

    def value(self, path: Path) -> None:
        """Everything up to the end of the line outside brackets."""
        open_, elements, outer = 0, 0, ""
        while self.at < len(self.text):
            kind, value, line = self.token()
            if kind == "newline" and open_ == 0:
                return
            opens = kind == "sign" and value in "[{"
            if open_ == 1 and outer == "[" and (opens or kind == "string"):
                self.found.lines.setdefault((*path, elements), line)
                elements += 1
            if opens:
                outer = outer or value
                open_ += 1
                self.found.depth = max(self.found.depth, len(path) + open_)
            elif kind == "sign" and value in "]}":
                open_ = max(0, open_ - 1)
