"""What a scrub found: each with what, where, expected and got."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from verify.errors import EvidenceError

Kind = Literal["missing", "changed", "extra", "repaired"]

LISTED = 1000  # findings of a kind that an entry lists; the report has them all
_SENTENCE = re.compile(r"expected (.*), got (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between the log and what is there, or its repair."""

    kind: Kind
    what: str
    where: str
    expected: str
    got: str

    @classmethod
    def of(cls, kind: Kind, what: str, where: str, error: EvidenceError) -> "Finding":
        """From an error of the form «…: expected X, got Y»."""
        found = _SENTENCE.search(str(error))
        expected, got = found.groups() if found else ("no error", str(error))
        return cls(kind, what, where, expected, got)

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}, {self.where}: expected {self.expected}, got {self.got}"

    def as_fields(self) -> Mapping[str, str]:
        """As an entry discloses it."""
        return {"what": self.what, "where": self.where, "expected": self.expected, "got": self.got}


@dataclass(slots=True)
class Report:
    """Grows while a scrub runs."""

    entries: int = 0
    objects: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.findings.append(finding)

    def of(self, kind: Kind) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == kind]

    @property
    def good(self) -> bool:
        """Whether nothing is missing or changed (extra objects harm nothing)."""
        return not self.of("missing") and not self.of("changed")

    def as_fields(self) -> dict[str, object]:
        """The fields of `scrub.done`."""
        kinds: tuple[Kind, ...] = ("missing", "changed", "extra", "repaired")
        fields: dict[str, object] = {"checked": self.entries + self.objects, "bytes": self.bytes}
        for kind in kinds:
            fields[kind] = [f.as_fields() for f in self.of(kind)[:LISTED]]
        return fields
