"""Two streams are compared by their bytes, not by how they are cut."""

from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from storage.objects.compare import same_bytes

pieces = st.lists(st.binary(max_size=6), max_size=6)


async def stream(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@given(pieces, pieces)
async def test_like_comparing_them_whole(left: list[bytes], right: list[bytes]) -> None:
    assert await same_bytes(stream(left), stream(right)) is (b"".join(left) == b"".join(right))


@given(pieces, st.integers(1, 5))
async def test_the_same_bytes_cut_otherwise(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    again = [data[at : at + size] for at in range(0, len(data), size)]
    assert await same_bytes(stream(parts), stream(again))
    assert not await same_bytes(stream(parts), stream([*again, b"x"]))
