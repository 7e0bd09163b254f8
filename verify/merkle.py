"""RFC 6962 Merkle trees: roots, and proofs of inclusion, consistency and range, as pure functions.

Guarantee: if `check_inclusion` returns, the leaf is at that index under that root; if
`check_consistency` returns, the old tree is the beginning of the new one; if `check_range` returns,
the leaves stand in the tree side by side from that index on.
Not covered: who vouches for the root, and the size: an inclusion proof for size 3 can also pass for
size 4, so take size and root from one signed checkpoint (`verify.checkpoint`).

Leaves are leaf hashes (32 bytes) everywhere.  Sizes go up to 2^63 - 1.
Format: docs/formats/log.md, version 1, section "Hashing".  No file, clock or network is read here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

from verify.errors import DigestMismatchError, MalformedError, ProofError

EMPTY_ROOT = sha256(b"").digest()
LARGEST = 2**63 - 1


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf with this content."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two subtrees."""
    return sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaf hashes."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        # A node without a neighbour rises unchanged: that is the split at the largest power of two.
        above = [
            sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) & 1:
            above.append(level[-1])
        level = above
    return level[0]


# ── which subtrees a proof consists of (shared with verify.tiles) ────────────────────────────────


def split(size: int) -> int:
    """The largest power of two smaller than `size` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees [start, stop) whose roots prove leaf `index`, the leaf's neighbour first."""
    if not 0 <= index < size <= LARGEST:
        raise MalformedError(f"inclusion proof: expected 0 <= index < size, got {index} and {size}")
    spans: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + split(stop - start)
        if index < middle:
            spans.append((middle, stop))
            stop = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[tuple[int, int]]:
    """The subtrees [start, stop) whose roots prove that `old` leaves are a beginning of `new`."""
    if not 0 <= old <= new <= LARGEST:
        raise MalformedError(f"consistency proof: expected 0 <= old <= new, got {old} and {new}")
    if old in (0, new):
        return []
    spans: list[tuple[int, int]] = []
    start, stop = 0, new
    while stop != old:
        middle = start + split(stop - start)
        if old <= middle:
            spans.append((middle, stop))
            stop = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:  # else the old tree is itself a subtree of the new one, and its root is known
        spans.append((start, stop))
    return spans[::-1]


def range_spans(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """The subtrees whose roots, with the leaves [start, stop), give the root of `size` leaves."""
    if not 0 <= start < stop <= size <= LARGEST:
        raise MalformedError(
            f"range proof: expected 0 <= start < stop <= size, got {start}, {stop} and {size}"
        )

    def walk(low: int, high: int) -> Iterator[tuple[int, int]]:
        if start <= low and high <= stop:
            return
        if high <= start or stop <= low:
            yield low, high
            return
        middle = low + split(high - low)
        yield from walk(low, middle)
        yield from walk(middle, high)

    return list(walk(0, size))


# ── making proofs from leaves ────────────────────────────────────────────────────────────────────


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The inclusion proof of leaf `index`."""
    return [root(leaves[a:b]) for a, b in inclusion_spans(index, len(leaves))]


def consistency(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """The proof that the tree of the first `old` leaves is a beginning of the tree of all."""
    return [root(leaves[a:b]) for a, b in consistency_spans(old, len(leaves))]


def prove_range(leaves: Sequence[bytes], start: int, stop: int) -> list[bytes]:
    """The proof that the leaves [start, stop) stand there in the tree of all."""
    return [root(leaves[a:b]) for a, b in range_spans(start, stop, len(leaves))]


# ── checking proofs ──────────────────────────────────────────────────────────────────────────────


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that this proof leads to; ProofError if it is too short or too long (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size <= LARGEST:
        raise ProofError(f"inclusion proof: expected 0 <= index < size, got {index} and {size}")
    _check_hashes(leaf, *proof)
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError(
                f"inclusion proof: expected fewer hashes for size {size}, got {len(proof)}"
            )
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        at >>= 1
        last >>= 1
    if last:
        raise ProofError(f"inclusion proof: expected more hashes for size {size}, got {len(proof)}")
    return found


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Raise ProofError unless the leaf is at `index` of the tree with this size and root."""
    found = root_from_inclusion(leaf, index, size, proof)
    if found != expected_root:
        raise ProofError(
            f"inclusion of leaf {index}: expected root {expected_root.hex()}, got {found.hex()}"
        )


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the old tree is the beginning of the new one (RFC 9162 2.1.4.2).

    From size 0 the proof is empty and the old root is that of the empty tree, as C2SP has it.
    """
    if not 0 <= old <= new <= LARGEST:
        raise ProofError(f"consistency proof: expected 0 <= old <= new, got {old} and {new}")
    _check_hashes(old_root, new_root, *proof)
    if old in (0, new):
        if proof:
            raise ProofError(f"consistency {old} to {new}: expected no hashes, got {len(proof)}")
        expected = EMPTY_ROOT if old == 0 else new_root
        if old_root != expected or (new == 0 and new_root != EMPTY_ROOT):
            raise ProofError(
                f"consistency {old} to {new}: expected old root {expected.hex()}, got {old_root.hex()}"
            )
        return
    if not proof:
        raise ProofError(f"consistency {old} to {new}: expected hashes, got none")
    first, second = _roots_from_consistency(old, new, old_root, proof)
    for what, expected, found in (("old", old_root, first), ("new", new_root, second)):
        if found != expected:
            raise ProofError(
                f"consistency {old} to {new}: expected {what} root {expected.hex()}, got {found.hex()}"
            )


def _roots_from_consistency(
    old: int, new: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Both roots that a proof leads to, 0 < old < new; ProofError if it is too short or too long."""
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    at, last = old - 1, new - 1
    while at & 1:
        at >>= 1
        last >>= 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError(f"consistency {old} to {new}: expected fewer hashes, got {len(proof)}")
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        at >>= 1
        last >>= 1
    if last:
        raise ProofError(f"consistency {old} to {new}: expected more hashes, got {len(proof)}")
    return first, second


def root_from_range(
    leaves: Sequence[bytes], start: int, size: int, proof: Sequence[bytes]
) -> bytes:
    """The root that these leaves, from `start` on, and the proof lead to."""
    stop = start + len(leaves)
    if not 0 <= start < stop <= size <= LARGEST:
        raise ProofError(f"range proof: expected leaves within size {size}, got {start} to {stop}")
    _check_hashes(*leaves, *proof)
    rest = iter(proof)

    def walk(low: int, high: int) -> bytes:
        if high <= start or stop <= low:
            sibling = next(rest, None)
            if sibling is None:
                raise ProofError(
                    f"range proof: expected more hashes for size {size}, got {len(proof)}"
                )
            return sibling
        if start <= low and high <= stop:
            return root(leaves[low - start : high - start])
        middle = low + split(high - low)
        left = walk(low, middle)
        return node_hash(left, walk(middle, high))

    found = walk(0, size)
    if next(rest, None) is not None:
        raise ProofError(f"range proof: expected fewer hashes for size {size}, got {len(proof)}")
    return found


def check_range(
    leaves: Sequence[bytes], start: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Raise ProofError unless these leaves stand in the tree, side by side, from `start` on."""
    found = root_from_range(leaves, start, size, proof)
    if found != expected_root:
        raise ProofError(
            f"range {start} to {start + len(leaves)}: expected root {expected_root.hex()}, got {found.hex()}"
        )


def check_root(what: str, expected: bytes, actual: bytes) -> None:
    """Raise DigestMismatchError unless two roots are equal."""
    if expected != actual:
        raise DigestMismatchError(what, expected=expected.hex(), actual=actual.hex())


def root_of_span(start: int, stop: int, node: Callable[[int, int], bytes]) -> bytes:
    """The root of the subtree [start, stop), from its full subtrees: `node(height, index)`."""
    parts = [node(height, index) for height, index in full_subtrees(start, stop)]
    return fold(parts)


def full_subtrees(start: int, stop: int) -> list[tuple[int, int]]:
    """The full subtrees (height, index) of a subtree [start, stop) of a tree, the largest first.

    `start` must be a multiple of the largest of them, as in every subtree of a tree.
    """
    parts: list[tuple[int, int]] = []
    while start < stop:
        height = (stop - start).bit_length() - 1
        parts.append((height, start >> height))
        start += 1 << height
    return parts


def fold(parts: Sequence[bytes]) -> bytes:
    """The root over full subtrees, the largest first; EMPTY_ROOT of none."""
    if not parts:
        return EMPTY_ROOT
    found = parts[-1]
    for part in reversed(parts[:-1]):
        found = node_hash(part, found)
    return found


def _check_hashes(*hashes: bytes) -> None:
    if any(len(h) != 32 for h in hashes):
        raise ProofError("proof: expected hashes of 32 bytes, got another length")


class Edge:
    """The right edge of a tree: as much of it as is needed to append and to know the root.

    A value: `append` and `extend` give a new edge.  It holds one hash per one-bit of the size.
    """

    __slots__ = ("_parts", "_size")

    def __init__(self, size: int = 0, parts: Iterable[bytes] = ()) -> None:
        self._size, self._parts = size, tuple(parts)
        if not 0 <= size <= LARGEST or len(self._parts) != size.bit_count():
            raise MalformedError(
                f"right edge of size {size}: expected {size.bit_count()} hashes, got {len(self._parts)}"
            )
        if any(len(part) != 32 for part in self._parts):
            raise MalformedError("right edge: expected hashes of 32 bytes, got another length")

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The roots of the full subtrees, the largest first."""
        return self._parts

    def root(self) -> bytes:
        """The root of the tree."""
        return fold(self._parts)

    def append(self, leaf: bytes) -> "Edge":
        """The edge with one more leaf."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "Edge":
        """The edge with these leaves after the others."""
        size, parts = self._size, list(self._parts)
        for leaf in leaves:
            found, full = leaf, size
            while full & 1:
                found = sha256(b"\1" + parts.pop() + found).digest()
                full >>= 1
            parts.append(found)
            size += 1
        return Edge(size, parts)

    def encode(self) -> bytes:
        """The size in 8 bytes, big-endian, and the hashes, the largest subtree first."""
        return self._size.to_bytes(8, "big") + b"".join(self._parts)

    @classmethod
    def decode(cls, data: bytes) -> "Edge":
        """The edge of what `encode` wrote; MalformedError for anything else."""
        if len(data) < 8 or len(data) % 32 != 8:
            raise MalformedError(f"right edge: expected 8 + n * 32 bytes, got {len(data)}")
        size = int.from_bytes(data[:8], "big")
        return cls(size, (data[i : i + 32] for i in range(8, len(data), 32)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edge) and (self._size, self._parts) == (other._size, other._parts)

    def __hash__(self) -> int:
        return hash((self._size, self._parts))

    def __repr__(self) -> str:
        return f"Edge(size={self._size}, root={self.root().hex()})"
