"""What the S3 tests share: stores on one server, and contents that are nowhere in memory."""

import secrets
from collections.abc import AsyncIterator

from storage.objects.content import BytesContent
from storage.objects.s3 import S3Store
from tests.services import S3Server
from tests.simulation.store import in_a_year

YEAR = in_a_year()
KEY = "o/" + "0" * 32
PART = 8 << 20


class Zeros(BytesContent):
    """Any number of zero bytes that are nowhere in memory."""

    def __init__(self, size: int) -> None:
        super().__init__(b"")
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    async def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        piece = bytes(1 << 20)
        for at in range(start, self._size if end is None else end, len(piece)):
            yield piece[: (self._size if end is None else end) - at]


def fresh_prefix() -> str:
    """Buckets of a test's own on a server that several tests share."""
    return f"t{secrets.token_hex(5)}"


def a_store(server: S3Server, prefix: str, endpoint: str | None = None, **more: object) -> S3Store:
    return S3Store(
        endpoint or server.endpoint,
        str(more.pop("access_key", server.access_key)),
        str(more.pop("secret_key", server.secret_key)),
        bucket_prefix=prefix,
        secure=False,
        name=server.name,
        part_size=PART,
        **more,  # type: ignore[arg-type]
    )
