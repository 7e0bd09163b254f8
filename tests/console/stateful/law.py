"""A procedure as its file says it: read here a second time, so that nothing is shared.

A stage comes before another if the ordinary way (transitions that are no exit) leads from it to
the other.
"""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "cases" / "procedures"
Element = dict[str, Any]


@dataclass(frozen=True)
class Law:
    """One shipped procedure; elements are the tables of its file."""

    file: Element
    _later: dict[str, frozenset[str]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def name(self) -> str:
        return str(self.file["name"])

    @property
    def version(self) -> str:
        return f"{self.name}@{self.file['version']}"

    @property
    def start(self) -> str:
        return str(self.file["start"])

    def all(self, kind: str) -> list[Element]:
        return list(self.file.get(kind, []))

    def codes(self, kind: str) -> list[str]:
        return [element["code"] for element in self.all(kind)]

    def one(self, kind: str, code: str | None) -> Element | None:
        return next((e for e in self.all(kind) if e["code"] == code), None)

    def final(self, stage: str) -> bool:
        return bool((self.one("stage", stage) or {}).get("final"))

    def after(self, stage: str) -> frozenset[str]:
        """The stages to which the ordinary way leads from this one."""
        if stage not in self._later:
            found: set[str] = set()
            grown = {stage}
            while grown:
                grown = {
                    t["to"]
                    for t in self.all("transition")
                    if "exit" not in t and "to" in t and set(t["from"]) & grown
                } - found
                found |= grown
            self._later[stage] = frozenset(found - {stage})
        return self._later[stage]

    def before(self, stage: str) -> list[str]:
        """The stages from which the ordinary way leads to this one."""
        return [code for code in self.codes("stage") if stage in self.after(code)]


@cache
def laws() -> list[Law]:
    """All shipped procedures, by name."""
    return [Law(tomllib.loads(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.toml"))]
