"""Are two streams the same bytes, however they are cut into pieces?"""

from collections.abc import AsyncIterator


async def same_bytes(left: AsyncIterator[bytes], right: AsyncIterator[bytes]) -> bool:
    """Read both to the first difference or to the end; memory holds one piece of each."""
    a = b = b""
    while True:
        a = a or await _next(left)
        b = b or await _next(right)
        if not a or not b:
            return a == b
        length = min(len(a), len(b))
        if a[:length] != b[:length]:
            return False
        a, b = a[length:], b[length:]


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    """The next piece that is not empty; nothing at the end."""
    async for piece in pieces:
        if piece:
            return piece
    return b""
