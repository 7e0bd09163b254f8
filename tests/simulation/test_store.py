"""The simulated store enforces the contract and fails in both kinds: lost, and persisted."""

import pytest

from storage.objects.port import Class
from tests.simulation.faults import Crash, Faults
from tests.simulation.store import SimulatedStore, in_a_year
from verify.errors import UnavailableError

KEY = "o/" + "a" * 32


async def test_a_call_without_an_answer_may_have_had_its_effect() -> None:
    seen = set()
    for at in range(1, 5):  # versions before and after, put before and after
        faults = Faults(0)
        store = SimulatedStore(1, faults)
        faults.restart(crash_at=at)
        with pytest.raises(Crash):
            await store.create(Class.EVIDENCE, KEY, b"x", retain_until=in_a_year())
        faults.restart()
        seen.add((at, len(await store.versions(Class.EVIDENCE, KEY))))
    assert {(1, 0), (2, 0), (4, 1)} <= seen


async def test_an_unanswered_create_may_land_as_an_extra_version() -> None:
    counts = set()
    for seed in range(100):
        store = SimulatedStore(seed)
        failed = False

        def fail_once(step: str) -> None:
            nonlocal failed
            if step == f"store put {KEY} (before)" and not failed:
                failed = True
                raise UnavailableError("no answer")

        store.step = fail_once
        with pytest.raises(UnavailableError):
            await store.create(Class.EVIDENCE, KEY, b"x", retain_until=in_a_year())
        await store.create(Class.EVIDENCE, KEY, b"x", retain_until=in_a_year())
        store.settle()
        counts.add(len(await store.versions(Class.EVIDENCE, KEY)))
        await store.create(Class.EVIDENCE, KEY, b"x", retain_until=in_a_year())
        assert len(await store.versions(Class.EVIDENCE, KEY)) in counts  # takes one over
    assert counts == {1, 2}


async def test_a_store_that_is_away_answers_nothing() -> None:
    store = SimulatedStore(0)
    await store.replace(Class.PRIVATE, "checkpoint", b"x")
    store.away = True
    with pytest.raises(UnavailableError):
        await store.stat(Class.PRIVATE, "checkpoint")
    with pytest.raises(UnavailableError):
        await store.create(Class.LOG, "tile/0/000", b"x")
    store.away = False
    assert (await store.stat(Class.PRIVATE, "checkpoint")).size == 1


async def test_the_same_seed_gives_the_same_faults() -> None:
    async def run(seed: int) -> list[str]:
        faults = Faults(seed, rate=0.3)
        store = SimulatedStore(seed, faults)
        for number in range(30):
            try:
                await store.create(Class.LOG, f"tile/{number}", b"x")
            except UnavailableError:
                faults.trace.append("failed")
        return faults.trace

    assert await run(3) == await run(3)
    assert await run(3) != await run(4)
