"""Fingerprints: the same whatever the pieces, and a change is found to the chunk."""

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify import reference
from verify import fingerprint
from verify.errors import DigestMismatchError, MalformedError, VerificationError
from verify.fingerprint import CHUNK, ChunkTree

DATA = bytes(range(256)) * (3 * CHUNK // 256) + b"the last, shorter chunk"


def expected_root(data: bytes) -> bytes:
    return reference.mth([reference.leaf(data[i : i + CHUNK]) for i in range(0, len(data), CHUNK)])


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(DATA)])
def test_file(size: int, tmp_path: Path) -> None:
    data = DATA[:size]
    (tmp_path / "f").write_bytes(data)
    seen: list[int] = []
    found = fingerprint.fingerprint_file(tmp_path / "f", seen.append)
    assert (found.size, found.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert found.root == expected_root(data).hex()
    assert len(found.tree) == 32 * fingerprint.chunk_count(size)
    assert seen == sorted(seen)
    assert seen[-1:] == ([size] if size else [])
    fingerprint.check_tree(found.tree, size=size, root=found.root)


@given(st.lists(st.integers(0, 2 * CHUNK), max_size=6), st.integers(0, len(DATA)))
@settings(max_examples=40, deadline=None)
def test_pieces_of_any_size(cuts: list[int], size: int) -> None:
    data, tree = DATA[:size], ChunkTree()
    edges = sorted({0, size, *(cut for cut in cuts if cut < size)})
    for start, stop in pairwise(edges):
        tree.update(data[start:stop])
        assert tree.size == stop
        assert len(tree.full) == 32 * (stop // CHUNK)
    assert tree.root() == expected_root(data)
    assert tree.tree() == b"".join(tree.leaves())


@given(st.integers(0, len(DATA)))
@settings(max_examples=20, deadline=None)
def test_going_on_after_a_restart(cut: int) -> None:
    first = ChunkTree()
    first.update(DATA[:cut])
    second = ChunkTree(first.full)
    second.update(memoryview(DATA)[second.size :])
    assert second.root() == expected_root(DATA)
    assert second.size == len(DATA)


def test_looking_does_not_change_anything() -> None:
    tree = ChunkTree()
    tree.update(DATA[: CHUNK + 5])
    assert tree.root() == tree.root() == expected_root(DATA[: CHUNK + 5])
    tree.update(DATA[CHUNK + 5 :])
    assert tree.root() == expected_root(DATA)


@given(st.integers(0, len(DATA) - 1))
@settings(max_examples=20, deadline=None)
def test_a_changed_byte_is_found_to_the_chunk(at: int) -> None:
    changed = bytearray(DATA)
    changed[at] ^= 1
    good, bad = ChunkTree(), ChunkTree()
    good.update(DATA)
    bad.update(changed)
    assert good.root() != bad.root()
    assert fingerprint.first_difference(good.tree(), bad.tree()) == at // CHUNK


def test_length_differences_are_found_too() -> None:
    tree = ChunkTree()
    tree.update(DATA)
    whole = tree.tree()
    assert fingerprint.first_difference(whole, whole) is None
    assert fingerprint.first_difference(whole, whole[:-32]) == 3
    assert fingerprint.first_difference(whole[:32], whole) == 1


def test_sidecars_are_checked() -> None:
    tree = ChunkTree()
    tree.update(DATA)
    whole, root = tree.tree(), tree.root().hex()
    with pytest.raises(VerificationError, match="expected 4, got 3"):
        fingerprint.check_tree(whole[:-32], size=len(DATA), root=root)
    with pytest.raises(DigestMismatchError):
        fingerprint.check_tree(whole[32:] + whole[:32], size=len(DATA), root=root)
    for bad in (whole[:-1], b"x"):
        with pytest.raises(MalformedError):
            fingerprint.check_tree(bad, size=len(DATA), root=root)
        with pytest.raises(MalformedError):
            ChunkTree(bad)
