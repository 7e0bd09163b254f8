"""Upload, seal, append, publish and recovery, crashed at every step of disk, store and COMMIT.

Each scenario is first run without a fault, which tells how many steps it has; then it is run again
and again, crashed at each of them in turn (and, while it recovers, a second time), with some of
the other operations failing, half of those after they had their effect.

`LIUHEN_SIMULATIONS` says how many runs (default 2,000); a failure names its seed:
`LIUHEN_SIMULATION_SEED=123 pytest tests/simulation/test_crashes.py -k one` repeats it.
"""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation.check import check
from tests.simulation.faults import no_faults
from tests.simulation.machine import VirtualLoop
from tests.simulation.world import ORIGIN, World
from verify.notes import SigningKey

RUNS = int(os.environ.get("LIUHEN_SIMULATIONS", "2000"))
SHARDS = 40  # small, so that the last of them is not waited for
SCENARIOS = 6
VKEY = SigningKey(ORIGIN, bytes(range(32))).vkey
SHM = "/dev/shm" if Path("/dev/shm").is_dir() else None


def simulate(seed: int, *, lives: list[int | None], rate: float) -> World:
    """One run; raises where something that must hold does not."""
    scenario = seed % SCENARIOS
    with TemporaryDirectory(dir=SHM) as folder:
        loop = VirtualLoop()
        try:
            world = World(seed, Path(folder), loop, far=scenario % 2 == 1, copies=1 + scenario // 4)
            files = world.files()
            loop.run_until_complete(world.run(files, lives=lives, rate=rate))
            world.steps = world.faults.steps
            world.faults.restart()
            world.step = world.disk.step = no_faults
            for store in world.stores:
                if hasattr(store, "step"):
                    store.step = no_faults
            loop.run_until_complete(check(world, files, VKEY))
        finally:
            loop.close()
    return world


@cache
def steps_of(scenario: int) -> int:
    """How many steps a run of this kind has when nothing breaks."""
    return simulate(scenario, lives=[None], rate=0.0).steps


def plan(seed: int) -> tuple[list[int | None], float]:
    """Where this run crashes: every step of the scenario in turn, then perhaps while recovering."""
    steps = steps_of(seed % SCENARIOS)
    turn = seed // SCENARIOS
    first = 1 + turn % (steps + steps // 8)
    lives: list[int | None] = [first]
    if turn % 3:
        lives.append(1 + (turn * 7919) % 150)  # crash again while it recovers
    if turn % 5 == 0:
        lives.append(1 + (turn * 104729) % 400)
    return [*lives, None], (0.0, 0.01, 0.05)[turn % 3]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_crash_loses_or_doubles_anything(shard: int) -> None:
    for seed in range(shard, RUNS, SHARDS):
        lives, rate = plan(seed)
        try:
            simulate(seed, lives=lives, rate=rate)
        except BaseException as exc:
            exc.add_note(f"LIUHEN_SIMULATION_SEED={seed}: lives {lives}, rate {rate}")
            raise


def test_one_seed() -> None:
    """The seed of the environment, or the first: for repeating a failure."""
    seed = int(os.environ.get("LIUHEN_SIMULATION_SEED", "0"))
    lives, rate = plan(seed)
    simulate(seed, lives=lives, rate=rate)


def test_the_simulation_repeats_exactly() -> None:
    """The same seed gives the same steps: a failure can be looked at twice."""
    runs = [simulate(7, lives=[60, None], rate=0.02) for _ in range(2)]
    assert runs[0].faults.trace == runs[1].faults.trace
    assert runs[0].given.receipts == runs[1].given.receipts
