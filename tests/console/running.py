"""A house whose loop runs in a thread of its own, for clients that wait: the real server, over HTTP."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from console.settings import ConsoleSettings
from tests.console.conftest import House, opened

T = TypeVar("T")


class Running:
    """`with Running(url, folder) as running:` serves until the block ends."""

    house: House

    def __init__(self, url: str, folder: Path, settings: ConsoleSettings | None = None) -> None:
        self._made = opened(url, folder, settings or ConsoleSettings())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="house", daemon=True)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run this in the server's loop and wait for what it answers."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def __enter__(self) -> "Running":
        self._thread.start()
        self.house = self.do(self._made.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.do(self._made.__aexit__(None, None, None))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(30)
            self._loop.close()

    @property
    def url(self) -> str:
        return self.house.url
