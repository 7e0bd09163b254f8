"""The files of the log: their names, what they hold, and how far a store's go.

Everything here is a pure function of committed rows, or reads a store.  Full tiles and full entry
bundles are of class LOG, partial ones and disclosure bundles of class PRIVATE.

Guarantee: what is read is of the form that the name promises, or MalformedError.
Not covered: whether it is true (`storage.log.history` checks against hashes).

Format: docs/formats/log.md, version 1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from storage.objects.port import Class, ObjectStore, read_all
from verify import canonical, tiles
from verify.commitments import Disclosure
from verify.errors import MalformedError, NotFoundError
from verify.tiles import WIDTH

CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Row:
    """One committed entry with its disclosures, both as the canonical text they are kept in."""

    index: int
    raw: bytes
    body: str
    disclosed: str


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One line of a disclosure bundle."""

    index: int
    body: dict[str, str]
    triples: tuple[Disclosure, ...]

    @property
    def row_texts(self) -> tuple[str, str]:
        """Body and disclosures as the database keeps them."""
        triples = [list(t) for t in self.triples]
        return canonical.encode(self.body).decode(), canonical.encode(triples).decode()


def bundle_path(number: int, width: int = WIDTH) -> str:
    return tiles.tile_path("entries", number, width)


def disclosures_path(number: int) -> str:
    """`disclosures/<N>`, N grouped as in tiles."""
    return f"disclosures/{tiles.index_path(number)}"


def class_of(path: str) -> Class:
    """Where a tile or an entry bundle of this name lies."""
    return Class.PRIVATE if ".p/" in path else Class.LOG


def disclosure_bundle(rows: Iterable[Row]) -> bytes:
    """One line per entry; the texts are canonical already, and `body` < `disclosed` < `index`."""
    lines = (
        f'{{"body":{row.body},"disclosed":{row.disclosed},"index":{row.index}}}\n' for row in rows
    )
    return "".join(lines).encode()


def disclosure_line(line: Disclosed) -> bytes:
    """The line of a disclosure bundle that `parse_line` reads, newline included."""
    body, disclosed = line.row_texts
    return disclosure_bundle([Row(line.index, b"", body, disclosed)])


def parse_disclosures(number: int, data: bytes) -> list[Disclosed]:
    """The lines of bundle `number`; MalformedError names the line that is none."""
    path = disclosures_path(number)
    if data and not data.endswith(b"\n"):
        raise MalformedError(f"{path}: expected a line end at byte {len(data)}, got none")
    found: list[Disclosed] = []
    for line in data.split(b"\n")[:-1]:
        index = number * WIDTH + len(found)
        try:
            found.append(parse_line(index, line))
        except MalformedError as exc:
            raise MalformedError(f"{path}, line of entry {index}: {exc}") from None
    if len(found) > WIDTH:
        raise MalformedError(f"{path}: expected at most {WIDTH} lines, got {len(found)}")
    return found


def parse_line(index: int, line: bytes) -> Disclosed:
    """One line of a disclosure bundle; MalformedError unless it is that of entry `index`."""
    value = canonical.decode(line)
    if not isinstance(value, dict) or sorted(value) != ["body", "disclosed", "index"]:
        raise MalformedError("expected an object of body, disclosed and index, got another")
    if value["index"] != index:
        raise MalformedError(f"expected index {index}, got {value['index']!r:.40}")
    body, triples = value["body"], value["disclosed"]
    if not isinstance(body, dict) or not isinstance(triples, list):
        raise MalformedError("expected body to be an object and disclosed a list, got others")
    return Disclosed(index, body, tuple(_triple(t) for t in triples))


def _triple(value: Any) -> Disclosure:
    if not isinstance(value, list) or len(value) != 3:
        raise MalformedError("expected [salt, name, value], got something else")
    salt, name, content = value
    if not isinstance(salt, str) or not isinstance(name, str):
        raise MalformedError("expected salt and name to be text, got something else")
    return salt, name, content


async def partial_widths(store: ObjectStore, full_path: str) -> Sequence[int]:
    """The widths of the partial tiles or bundles that the store holds beside `full_path`."""
    prefix = f"{full_path}.p/"
    names = [key.removeprefix(prefix) async for key in store.list(Class.PRIVATE, prefix)]
    return sorted(int(name) for name in names if name.isdecimal())


async def has(store: ObjectStore, class_: Class, key: str) -> bool:
    try:
        await store.stat(class_, key)
    except NotFoundError:
        return False
    return True


async def widest(store: ObjectStore, full_path: str) -> int:
    """How many entries or hashes the store holds of this tile or bundle."""
    if await has(store, Class.LOG, full_path):
        return WIDTH
    return max(await partial_widths(store, full_path), default=0)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the files of a store go: entries in bundles, and leaves in tiles."""

    entries: int
    leaves: int


async def extent(store: ObjectStore, base: int) -> Extent:
    """Look from size `base` upwards; files are written in order, so they end where one is missing."""

    async def end(level: tiles.Level) -> int:
        number = base // WIDTH
        while (width := await widest(store, tiles.tile_path(level, number, WIDTH))) == WIDTH:
            number += 1
        return number * WIDTH + width

    return Extent(await end("entries"), await end(0))


async def read_bundle(store: ObjectStore, number: int, width: int) -> list[bytes]:
    """At least the first `width` entries of a bundle (more if that is what the store holds)."""
    full = bundle_path(number)
    held = await widest(store, full)
    if held < width:
        raise NotFoundError(f"{full}: expected {width} entries or more, got {held}")
    path = bundle_path(number, held)
    try:
        return tiles.decode_bundle(await read_all(store, class_of(path), path), held)
    except MalformedError as exc:
        raise MalformedError(f"{path}: {exc}") from None


async def read_disclosures(store: ObjectStore, number: int) -> list[Disclosed]:
    """The lines of a disclosure bundle; NotFoundError if there is none."""
    path = disclosures_path(number)
    return parse_disclosures(number, await read_all(store, Class.PRIVATE, path))
