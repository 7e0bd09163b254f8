"""Trees and proofs against the recursive reference, and every forged proof refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify import reference
from verify import merkle
from verify.errors import DigestMismatchError, MalformedError, ProofError
from verify.merkle import Edge

LEAVES = [reference.leaf(b"entry %d" % i) for i in range(1100)]
HASH = st.binary(min_size=32, max_size=32)


@st.composite
def index_and_size(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, 400))
    return draw(st.integers(0, size - 1)), size


@st.composite
def old_and_new(draw: st.DrawFn) -> tuple[int, int]:
    new = draw(st.integers(1, 400))
    return draw(st.integers(1, new)), new


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int, int]:
    size = draw(st.integers(1, 400))
    start = draw(st.integers(0, size - 1))
    return start, draw(st.integers(start + 1, size)), size


def forgeries(proof: list[bytes]) -> list[list[bytes]]:
    """Bit flips, truncation, extension, exchange: each differs from the proof."""
    forged = [proof[:-1], proof[1:]] if proof else []
    forged += [
        [*proof, b"\0" * 32],
        [b"\0" * 32, *proof],
        [*proof, proof[-1] if proof else b"\1" * 32],
    ]
    for at in range(len(proof)):
        flipped = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        forged.append([*proof[:at], flipped, *proof[at + 1 :]])
        forged.append([*proof[:at], proof[at][:-1], *proof[at + 1 :]])
    if len(proof) > 1:
        forged.append(proof[::-1])
    return [f for f in forged if f != proof]


@pytest.mark.parametrize("size", [*range(70), 255, 256, 257, 1023, 1024, 1025])
def test_root_and_edge_are_the_references(size: int) -> None:
    expected = reference.mth(LEAVES[:size])
    assert merkle.root(LEAVES[:size]) == expected
    edge = Edge()
    for leaf in LEAVES[:size]:
        edge = edge.append(leaf)
    assert edge.root() == expected
    assert edge == Edge().extend(LEAVES[:size])
    assert edge.size == size


@given(index_and_size())
def test_inclusion(case: tuple[int, int]) -> None:
    index, size = case
    leaves = LEAVES[:size]
    root = reference.mth(leaves)
    proof = merkle.inclusion(leaves, index)
    assert proof == reference.path(index, leaves)
    merkle.check_inclusion(leaves[index], index, size, proof, root)


@given(index_and_size(), st.data())
def test_forged_inclusion(case: tuple[int, int], data: st.DataObject) -> None:
    index, size = case
    leaves = LEAVES[:size]
    root = reference.mth(leaves)
    proof = merkle.inclusion(leaves, index)
    for forged in forgeries(proof):
        with pytest.raises(ProofError):
            merkle.check_inclusion(leaves[index], index, size, forged, root)
    other = data.draw(st.integers(0, 500).filter(lambda i: i != index))
    with pytest.raises(ProofError):
        merkle.check_inclusion(leaves[index], other, size, proof, root)
    with pytest.raises(ProofError):
        merkle.check_inclusion(LEAVES[-1], index, size, proof, root)
    with pytest.raises(ProofError):
        merkle.check_inclusion(leaves[index], index, size, proof, b"\7" * 32)


@given(index_and_size())
@settings(max_examples=40)
def test_inclusion_binds_the_size_up_to_the_shape_of_the_path(case: tuple[int, int]) -> None:
    """RFC 6962 proofs do not bind the size fully: where they do not, docs/formats/log.md says so."""

    def shape(at: int, size_: int) -> list[bool]:
        return [start < at for start, _ in merkle.inclusion_spans(at, size_)]

    index, size = case
    leaves = LEAVES[:size]
    proof, root = merkle.inclusion(leaves, index), reference.mth(leaves)
    for other in range(max(1, size - 70), size + 70):
        if other <= index or (other != size and shape(index, other) != shape(index, size)):
            with pytest.raises(ProofError):
                merkle.check_inclusion(leaves[index], index, other, proof, root)


@given(old_and_new())
def test_consistency(case: tuple[int, int]) -> None:
    old, new = case
    proof = merkle.consistency(LEAVES[:new], old)
    assert proof == reference.proof(old, LEAVES[:new])
    roots = reference.mth(LEAVES[:old]), reference.mth(LEAVES[:new])
    merkle.check_consistency(old, new, *roots, proof)


@given(old_and_new(), st.data())
def test_forged_consistency(case: tuple[int, int], data: st.DataObject) -> None:
    old, new = case
    proof = merkle.consistency(LEAVES[:new], old)
    old_root, new_root = reference.mth(LEAVES[:old]), reference.mth(LEAVES[:new])
    for forged in forgeries(proof):
        with pytest.raises(ProofError):
            merkle.check_consistency(old, new, old_root, new_root, forged)
    fork = [*LEAVES[: old - 1], LEAVES[-1]]
    with pytest.raises(ProofError):
        merkle.check_consistency(old, new, reference.mth(fork), new_root, proof)
    with pytest.raises(ProofError):
        merkle.check_consistency(old, new, old_root, b"\7" * 32, proof)
    wrong = data.draw(st.integers(1, new).filter(lambda n: n != old) if new > 1 else st.just(2))
    with pytest.raises(ProofError):
        merkle.check_consistency(wrong, new, reference.mth(LEAVES[:wrong]), b"\7" * 32, proof)


def test_consistency_from_nothing() -> None:
    root = reference.mth(LEAVES[:5])
    merkle.check_consistency(0, 5, merkle.EMPTY_ROOT, root, [])
    merkle.check_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])
    assert merkle.consistency(LEAVES[:5], 0) == []
    for old, new, a, b, proof in (
        (0, 5, root, root, []),
        (0, 5, merkle.EMPTY_ROOT, root, [root]),
        (0, 0, root, root, []),
        (0, 0, merkle.EMPTY_ROOT, root, []),
        (5, 5, root, merkle.EMPTY_ROOT, []),
        (5, 5, root, root, [root]),
        (6, 5, root, root, []),
        (-1, 5, root, root, []),
        (3, 5, root, root, []),
        (1, 2**63, root, root, []),
    ):
        with pytest.raises(ProofError):
            merkle.check_consistency(old, new, a, b, proof)


@given(spans())
def test_range(case: tuple[int, int, int]) -> None:
    start, stop, size = case
    leaves = LEAVES[:size]
    root = reference.mth(leaves)
    proof = merkle.prove_range(leaves, start, stop)
    assert proof == reference.range_proof(leaves, start, stop)
    merkle.check_range(leaves[start:stop], start, size, proof, root)


@given(spans())
def test_forged_range(case: tuple[int, int, int]) -> None:
    start, stop, size = case
    leaves = LEAVES[:size]
    part, root = leaves[start:stop], reference.mth(leaves)
    proof = merkle.prove_range(leaves, start, stop)
    for forged in forgeries(proof):
        with pytest.raises(ProofError):
            merkle.check_range(part, start, size, forged, root)
    changed = [*part[:-1], LEAVES[-1]]
    moved = (changed, start), (part, start + 1), (part, start - 1), ([*part, part[-1]], start)
    for leaves_, at in (*moved, (part[:-1], start), ([], start)):
        with pytest.raises(ProofError):
            merkle.check_range(leaves_, at, size, proof, root)
    if len(part) > 1:
        with pytest.raises(ProofError):
            merkle.check_range(part[::-1], start, size, proof, root)


def test_a_range_of_ten_gibibytes_is_proved_in_under_a_kilobyte() -> None:
    chunks = 10 * 1024
    assert max(len(merkle.range_spans(at, at + 1, chunks)) for at in range(0, chunks, 7)) <= 14
    wide = max(len(merkle.range_spans(at, at + 60, chunks)) for at in range(0, chunks - 60, 7))
    assert wide > 14
    assert wide * 32 < 1024


@given(st.lists(HASH, max_size=80), st.integers(0, 2**64), st.integers(0, 2**64))
@settings(max_examples=200)
def test_random_proofs_are_refused(proof: list[bytes], index: int, size: int) -> None:
    with pytest.raises(ProofError):
        merkle.check_inclusion(LEAVES[0], index, size, proof, b"\7" * 32)
    with pytest.raises(ProofError):
        merkle.check_consistency(index, size, LEAVES[0], b"\7" * 32, proof)
    with pytest.raises(ProofError):
        merkle.check_range([LEAVES[0]], index, size, proof, b"\7" * 32)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (0, 2**63)])
def test_spans_outside_the_tree_are_refused(index: int, size: int) -> None:
    with pytest.raises(MalformedError):
        merkle.inclusion_spans(index, size)
    with pytest.raises(MalformedError):
        merkle.range_spans(index, index + 1, size)
    with pytest.raises(MalformedError):
        merkle.consistency_spans(size + 1, size)


@given(st.integers(0, 1000), st.integers(0, 100))
def test_edge_survives_writing(size: int, more: int) -> None:
    edge = Edge().extend(LEAVES[:size])
    again = Edge.decode(edge.encode())
    assert again == edge
    assert hash(again) == hash(edge)
    assert again.extend(LEAVES[size : size + more]).root() == reference.mth(LEAVES[: size + more])
    assert edge.root() == reference.mth(LEAVES[:size]), (
        "appending must not change the edge it began from"
    )


@given(st.binary(max_size=120))
def test_edge_of_random_bytes(data: bytes) -> None:
    try:
        edge = Edge.decode(data)
    except MalformedError:
        return
    assert edge.encode() == data


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 7, b"\0" * 40, b"\0" * 7 + b"\3" + b"\0" * 32, b"\xff" * 8]
)
def test_malformed_edges(data: bytes) -> None:
    with pytest.raises(MalformedError):
        Edge.decode(data)


def test_edge_refuses_short_hashes() -> None:
    with pytest.raises(MalformedError):
        Edge(1, [b"short"])


def test_check_root_names_both() -> None:
    merkle.check_root("root", b"\1" * 32, b"\1" * 32)
    with pytest.raises(DigestMismatchError) as caught:
        merkle.check_root("root at 5", b"\1" * 32, b"\2" * 32)
    assert str(caught.value) == f"root at 5: expected digest {'01' * 32}, got {'02' * 32}"


def test_too_long_and_too_short_are_named_whatever_the_root() -> None:
    leaves = LEAVES[:11]
    proof = merkle.inclusion(leaves, 5)
    for forged, message in (([*proof, LEAVES[0]], "fewer hashes"), (proof[:-1], "more hashes")):
        with pytest.raises(ProofError, match=message):
            merkle.root_from_inclusion(leaves[5], 5, 11, forged)
    part = merkle.prove_range(leaves, 3, 6)
    for forged, message in (([*part, LEAVES[0]], "fewer hashes"), (part[:-1], "more hashes")):
        with pytest.raises(ProofError, match=message):
            merkle.root_from_range(leaves[3:6], 3, 11, forged)
    step = merkle.consistency(leaves, 6)
    for forged, message in (([*step, LEAVES[0]], "fewer hashes"), (step[:-1], "more hashes")):
        with pytest.raises(ProofError, match=message):
            merkle.check_consistency(
                6, 11, reference.mth(leaves[:6]), reference.mth(leaves), forged
            )
