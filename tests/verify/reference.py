"""Merkle trees as RFC 6962 2.1 defines them, word for word and slowly: what the kernel is held against.

Nothing here is shared with `verify`, so that one mistake cannot stand on both sides.
"""

import hashlib


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def k_of(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    if not d:
        return hashlib.sha256(b"").digest()
    if len(d) == 1:
        return d[0]
    k = k_of(len(d))
    return node(mth(d[:k]), mth(d[k:]))


def path(m: int, d: list[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = k_of(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def proof(m: int, d: list[bytes]) -> list[bytes]:
    return subproof(m, d, True)


def subproof(m: int, d: list[bytes], b: bool) -> list[bytes]:
    if m == len(d):
        return [] if b else [mth(d)]
    k = k_of(len(d))
    if m <= k:
        return [*subproof(m, d[:k], b), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


def range_proof(d: list[bytes], a: int, b: int) -> list[bytes]:
    """The roots of the subtrees outside [a, b), from left to right."""

    def rec(lo: int, hi: int) -> list[bytes]:
        if a <= lo and hi <= b:
            return []
        if hi <= a or b <= lo:
            return [mth(d[lo:hi])]
        k = lo + k_of(hi - lo)
        return rec(lo, k) + rec(k, hi)

    return rec(0, len(d))


def tile_hash(level: int, index: int, d: list[bytes]) -> bytes:
    """Hash `index` at tile level `level`: MTH over its 256**level leaves."""
    width = 256**level
    assert (index + 1) * width <= len(d)
    return mth(d[index * width : (index + 1) * width])


def tile_files(d: list[bytes]) -> dict[str, bytes]:
    """Every hash tile of this tree, by path, as tlog-tiles counts them."""
    files: dict[str, bytes] = {}
    level = 0
    while len(d) // 256**level:
        hashes = [tile_hash(level, i, d) for i in range(len(d) // 256**level)]
        for start in range(0, len(hashes), 256):
            part = hashes[start : start + 256]
            n = start // 256
            assert n < 1000
            suffix = "" if len(part) == 256 else f".p/{len(part)}"
            files[f"tile/{level}/{n:03}{suffix}"] = b"".join(part)
        level += 1
    return files
