"""The procedures that come with Liuhen, as files of the package `cases/procedures`.

Guarantee: every file loads; name and text do not change while the program runs.
Not covered: that a shipped procedure is in force anywhere: an agency puts one into force, changed
or not, under its own version.  They are designed after the statutes they name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from cases.procedure.load import digest, load
from cases.procedure.model import Procedure


@dataclass(frozen=True, slots=True)
class Shipped:
    """A file as it lies in the package, what it says, and its SHA-256 in hex."""

    text: bytes
    procedure: Procedure
    digest: str


@cache
def shipped() -> Mapping[str, Shipped]:
    """All of them by name, in the order of their names."""
    found: dict[str, Shipped] = {}
    folder = files("cases") / "procedures"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            text = file.read_bytes()
            procedure = load(text, source=file.name)
            found[procedure.name] = Shipped(text, procedure, digest(text))
    return MappingProxyType(found)
