"""Tiles: the reference's files, proofs read from them alone, and paths in one form."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify import reference
from verify import merkle, tiles
from verify.errors import IncompleteError, MalformedError
from verify.tiles import Tile

LEAVES = [reference.leaf(b"entry %d" % i) for i in range(66_500)]
SIZES = [1, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 66_500]


@cache
def files(size: int) -> dict[str, bytes]:
    return reference.tile_files(LEAVES[:size])


@cache
def root_of(size: int) -> bytes:
    return merkle.root(LEAVES[:size])


def fetcher(size: int) -> tiles.Fetch:
    def fetch(level: int, index: int, width: int) -> bytes:
        return files(size)[tiles.tile_path(level, index, width)]

    return fetch


@pytest.mark.parametrize("size", SIZES)
def test_the_tiles_of_a_size_are_the_references(size: int) -> None:
    assert sorted(tile.path for tile in tiles.tiles_between(0, size)) == sorted(files(size))


@given(st.sampled_from(SIZES), st.sampled_from(SIZES))
def test_growing_adds_the_tiles_that_were_not_there(one: int, other: int) -> None:
    old, new = sorted((one, other))
    assert {t.path for t in tiles.tiles_between(old, new)} == files(new).keys() - files(old).keys()


@given(st.sampled_from(SIZES), st.data())
@settings(max_examples=150)
def test_inclusion_proof_from_tiles_alone(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    needed = tiles.inclusion_tiles(index, size)
    got = {tile: files(size)[tile.path] for tile in needed}
    proof = tiles.inclusion_proof(index, size, tiles.from_map(got))
    merkle.check_inclusion(LEAVES[index], index, size, proof, root_of(size))
    if size <= 700:
        assert proof == reference.path(index, LEAVES[:size])


@given(st.sampled_from(SIZES), st.data())
@settings(max_examples=150)
def test_consistency_proof_from_tiles_alone(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    needed = tiles.consistency_tiles(old, new)
    got = {tile: files(new)[tile.path] for tile in needed}
    proof = tiles.consistency_proof(old, new, tiles.from_map(got))
    merkle.check_consistency(old, new, merkle.root(LEAVES[:old]), root_of(new), proof)


@pytest.mark.parametrize("size", SIZES)
def test_root_and_edge_from_tiles(size: int) -> None:
    got = {tile: files(size)[tile.path] for tile in tiles.root_tiles(size)}
    assert tiles.root(size, tiles.from_map(got)) == root_of(size)
    assert tiles.edge(size, fetcher(size)) == merkle.Edge().extend(LEAVES[:size])


def test_root_of_nothing_needs_no_tile() -> None:
    assert tiles.root_tiles(0) == []
    assert tiles.root(0, tiles.from_map({})) == merkle.EMPTY_ROOT


def test_a_wider_tile_serves_an_older_size() -> None:
    """A partial tile may be gone once the full one is there."""
    full = files(257)["tile/0/000"]
    proof = tiles.inclusion_proof(3, 100, lambda *_: full)
    assert proof == reference.path(3, LEAVES[:100])


def test_a_tile_that_was_not_given_is_named() -> None:
    with pytest.raises(IncompleteError, match=r"tile/0/000\.p/3"):
        tiles.inclusion_proof(1, 3, tiles.from_map({}))


@pytest.mark.parametrize("data", [b"", b"\0" * 31, b"\0" * 64, b"\0" * 32 * 257, b"\0" * 97])
def test_short_and_odd_tiles_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        tiles.inclusion_proof(1, 3, lambda *_: data)


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")],
)
def test_index_path(index: int, path: str) -> None:
    assert tiles.index_path(index) == path


@given(
    st.one_of(st.just("entries"), st.integers(0, 63)),
    st.one_of(st.integers(0, 2000), st.integers(0, 2**63 - 1)),
    st.integers(1, 256),
)
def test_paths_are_read_back(level: object, index: int, width: int) -> None:
    tile = Tile(level, index, width)  # type: ignore[arg-type]
    assert tiles.parse_tile_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/64/000",
        "tile/-1/000", "tile/0/x000/000", "tile/0/x001", "tile/0/001/000", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000/",
        "/tile/0/000", "tile/0/000\n", "tile/0/../000", "tile/entry/000", "tile/0/٠٠٠",
        "tile/0/" + "x001/" * 30 + "000", "tile/0/x999/x999/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        tiles.parse_tile_path(path)


@given(st.text(max_size=40))
def test_random_paths(text: str) -> None:
    try:
        tile = tiles.parse_tile_path("tile/" + text)
    except MalformedError:
        return
    assert tile.path == "tile/" + text


@pytest.mark.parametrize(
    ("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_no_path_for_what_is_no_tile(level: int, index: int, width: int) -> None:
    with pytest.raises(MalformedError):
        tiles.tile_path(level, index, width)


def test_a_tile_outside_the_log_is_refused() -> None:
    with pytest.raises(MalformedError):
        tiles.tile_of(0, 1, 256)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_are_read_back(entries: list[bytes]) -> None:
    data = tiles.encode_bundle(entries)
    assert tiles.decode_bundle(data) == entries
    assert tiles.decode_bundle(data, len(entries)) == entries
    with pytest.raises(MalformedError):
        tiles.decode_bundle(data, len(entries) + 1)
    with pytest.raises(MalformedError):
        tiles.decode_bundle(data + b"\0")
    with pytest.raises(MalformedError):
        tiles.decode_bundle(data[:-1], len(entries))


@given(st.binary(max_size=200))
def test_random_bundles(data: bytes) -> None:
    try:
        entries = tiles.decode_bundle(data)
    except MalformedError:
        return
    assert tiles.encode_bundle(entries) == data


def test_the_longest_entry() -> None:
    longest = b"x" * 65_535
    assert tiles.decode_bundle(tiles.encode_bundle([longest])) == [longest]
    with pytest.raises(MalformedError):
        tiles.encode_bundle([longest + b"x"])
    with pytest.raises(MalformedError):
        tiles.encode_bundle([b""] * 257)
