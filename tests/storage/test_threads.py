"""`in_thread` never lets go of what still runs."""

import asyncio
import threading

import pytest

from storage.threads import in_thread, inline


async def test_gives_the_result_and_the_error() -> None:
    def fail(text: str) -> None:
        raise KeyError(text)

    assert await in_thread(pow, 2, 10) == await inline(pow, 2, 10) == 1024
    assert await in_thread(threading.current_thread) is not threading.current_thread()
    assert await inline(threading.current_thread) is threading.current_thread()
    for run in (in_thread, inline):
        with pytest.raises(KeyError, match="x"):
            await run(fail, "x")


@pytest.mark.parametrize("fails", [True, False])
async def test_a_cancelled_caller_waits_for_the_thread(fails: bool) -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(10)
        ended.set()
        if fails:
            raise KeyError

    caller = asyncio.create_task(in_thread(work))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    for _ in range(3):
        caller.cancel()
        await asyncio.sleep(0.01)
        assert not caller.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()
