"""Tiles and entry bundles: the log as files, and proofs read from them alone.

Guarantee: paths and bytes are exactly those of C2SP tlog-tiles; a path or a bundle in any other form
is refused.  Proofs are made of tile hashes only, so they are as true as the tiles: check them.
Not covered: where the files are.  The caller fetches; `inclusion_tiles` and `consistency_tiles` say
what will be asked for, so that an asynchronous caller can fetch first and compute then.

Format: docs/formats/log.md, version 1, sections "Tiles" and "Entry bundles".
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from verify import merkle
from verify.errors import IncompleteError, MalformedError

WIDTH = 256  # hashes of a full tile, entries of a full bundle
HASH = 32
Level: TypeAlias = int | Literal["entries"]
Fetch: TypeAlias = Callable[[int, int, int], bytes]
"""(level, index, width) -> the tile's bytes, or those of a wider one."""

_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Names one tile, or with level "entries" one bundle.  `width` is 1 to 256."""

    level: Level
    index: int
    width: int

    @property
    def path(self) -> str:
        """Its `tile/<L>/<N>[.p/<W>]`."""
        return tile_path(self.level, self.index, self.width)


def index_path(index: int) -> str:
    """The groups of three digits: 0 -> 000, 1234067 -> x001/x234/067."""
    if index < 0:
        raise MalformedError(f"tile index: expected 0 or more, got {index}")
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*("x" + group for group in groups[:-1]), groups[-1]])


def tile_path(level: Level, index: int, width: int = WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]`; level "entries" for a bundle."""
    if level != "entries" and not 0 <= level <= 63:
        raise MalformedError(f"tile level: expected 0 to 63, got {level}")
    if not 1 <= width <= WIDTH:
        raise MalformedError(f"tile width: expected 1 to {WIDTH}, got {width}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{index_path(index)}{partial}"


def parse_tile_path(path: str) -> Tile:
    """The tile that this path names; MalformedError for every other text."""
    found = _PATH.fullmatch(path) if len(path) <= 100 else None
    if found is None:
        raise MalformedError(
            f"tile path: expected tile/<level>/<index>[.p/<width>], got {path!r:.120}"
        )
    level, groups, width = found.groups()
    tile = Tile(
        "entries" if level == "entries" else int(level),
        int(groups.replace("x", "").replace("/", "")),
        WIDTH if width is None else int(width),
    )
    if tile.index > merkle.LARGEST or tile.width > WIDTH or tile.path != path:
        raise MalformedError(f"tile path: expected its shortest form, got {path!r:.120}")
    return tile


# ── bundles ──────────────────────────────────────────────────────────────────────────────────────


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """The bundle of these entries, at most 256, each with its length in two bytes before it."""
    out = bytearray()
    count = 0
    for count, entry in enumerate(entries, 1):  # noqa: B007  # the count is wanted afterwards
        if len(entry) > 0xFFFF:
            raise MalformedError(f"entry: expected at most 65535 bytes, got {len(entry)}")
        out += len(entry).to_bytes(2, "big")
        out += entry
    if count > WIDTH:
        raise MalformedError(f"bundle: expected at most {WIDTH} entries, got {count}")
    return bytes(out)


def decode_bundle(data: bytes, width: int | None = None) -> list[bytes]:
    """The entries of a bundle; MalformedError if it is cut, longer, or has not `width` entries."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or stop > len(data):
            raise MalformedError(
                f"bundle: expected an entry up to byte {stop}, got {len(data)} bytes"
            )
        entries.append(data[at + 2 : stop])
        at = stop
    if width is None and not 1 <= len(entries) <= WIDTH:
        raise MalformedError(f"bundle: expected 1 to {WIDTH} entries, got {len(entries)}")
    if width is not None and len(entries) != width:
        raise MalformedError(f"bundle: expected {width} entries, got {len(entries)}")
    return entries


# ── tiles ────────────────────────────────────────────────────────────────────────────────────────


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """The first `width` hashes of a tile; a wider tile at the same place begins with the same ones."""
    if len(data) % HASH or len(data) > WIDTH * HASH:
        raise MalformedError(
            f"tile: expected up to {WIDTH} hashes of {HASH} bytes, got {len(data)} bytes"
        )
    if len(data) < width * HASH:
        raise MalformedError(f"tile: expected {width} hashes, got {len(data) // HASH}")
    return [data[i : i + HASH] for i in range(0, width * HASH, HASH)]


def tile_of(level: int, index: int, size: int) -> Tile:
    """The tile at this place in a log of `size` entries, as wide as that size has it."""
    width = min(WIDTH, (size >> 8 * level) - index * WIDTH)
    if width < 1:
        raise MalformedError(f"tile {level}/{index}: expected to exist at size {size}, got none")
    return Tile(level, index, width)


def tiles_between(old: int, new: int) -> list[Tile]:
    """The hash tiles that exist at size `new` and did not, or not as wide, at size `old`."""
    found: list[Tile] = []
    level = 0
    while new >> 8 * level:
        had, has = old >> 8 * level, new >> 8 * level
        if had < has:
            found.extend(
                tile_of(level, index, new) for index in range(had // WIDTH, (has - 1) // WIDTH + 1)
            )
        level += 1
    return found


def inclusion_tiles(index: int, size: int) -> list[Tile]:
    """The tiles that `inclusion_proof` will read."""
    return _tiles(merkle.inclusion_spans(index, size), size)


def inclusion_proof(index: int, size: int, fetch: Fetch) -> list[bytes]:
    """The proof that the log's entry `index` is in its tree of `size`."""
    return _roots(merkle.inclusion_spans(index, size), size, fetch)


def consistency_tiles(old: int, new: int) -> list[Tile]:
    """The tiles that `consistency_proof` will read."""
    return _tiles(merkle.consistency_spans(old, new), new)


def consistency_proof(old: int, new: int, fetch: Fetch) -> list[bytes]:
    """The proof that the tree of `old` entries is a beginning of the tree of `new`."""
    return _roots(merkle.consistency_spans(old, new), new, fetch)


def root_tiles(size: int) -> list[Tile]:
    """The tiles that `root` and `edge` will read."""
    return _tiles([(0, size)], size)


def root(size: int, fetch: Fetch) -> bytes:
    """The root of the tree of `size` entries."""
    return edge(size, fetch).root()


def edge(size: int, fetch: Fetch) -> merkle.Edge:
    """The right edge of the tree of `size` entries."""
    node = _reader(size, fetch)
    return merkle.Edge(size, [node(*part) for part in merkle.full_subtrees(0, size)])


def from_map(got: dict[Tile, bytes]) -> Fetch:
    """A fetcher over tiles that are here already; IncompleteError names one that is not."""

    def fetch(level: int, index: int, width: int) -> bytes:
        data = got.get(Tile(level, index, width))
        if data is None:
            raise IncompleteError(
                f"{tile_path(level, index, width)}: expected to be given, got nothing"
            )
        return data

    return fetch


def _place(height: int, index: int, size: int) -> tuple[Tile, int, int]:
    """Where the node (height, index) is: its tile, and the hashes [start, stop) there it is over."""
    level, above = divmod(height, 8)
    first = index << above
    tile = tile_of(level, first // WIDTH, size)
    return tile, first % WIDTH, first % WIDTH + (1 << above)


def _tiles(spans: Sequence[tuple[int, int]], size: int) -> list[Tile]:
    nodes = [node for span in spans for node in merkle.full_subtrees(*span)]
    return list(dict.fromkeys(_place(height, index, size)[0] for height, index in nodes))


def _reader(size: int, fetch: Fetch) -> Callable[[int, int], bytes]:
    seen: dict[Tile, list[bytes]] = {}

    def node(height: int, index: int) -> bytes:
        tile, start, stop = _place(height, index, size)
        if tile not in seen:
            assert tile.level != "entries"  # noqa: S101  # `_place` names hash tiles only
            seen[tile] = decode_tile(fetch(tile.level, tile.index, tile.width), tile.width)
        return merkle.root(seen[tile][start:stop])

    return node


def _roots(spans: Sequence[tuple[int, int]], size: int, fetch: Fetch) -> list[bytes]:
    node = _reader(size, fetch)
    return [merkle.root_of_span(start, stop, node) for start, stop in spans]
