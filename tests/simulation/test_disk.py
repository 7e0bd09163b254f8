"""The simulated disk really loses what was not synced, and keeps what was."""

import errno
from collections.abc import Callable, Iterator

import pytest

from storage.disk import Disk
from storage.errors import StorageFullError
from tests.simulation.disk import SECTOR, SimulatedDisk
from tests.simulation.faults import Crash, Faults

SEEDS = range(200)


def _outcomes(
    run: Callable[[SimulatedDisk], None], look: Callable[[SimulatedDisk], object]
) -> set[object]:
    """What can be there after a crash, over many seeds."""
    found = set()
    for seed in SEEDS:
        disk = SimulatedDisk(seed)
        run(disk)
        disk.crash()
        found.add(look(disk))
    return found


def _held(path: str) -> Callable[[SimulatedDisk], bytes | None]:
    def look(disk: SimulatedDisk) -> bytes | None:
        if not disk.exists(path):
            return None
        return disk.open(path).read_at(0, 1 << 20)

    return look


def _make(disk: Disk, path: str, data: bytes, *, sync: bool = True, name: bool = True) -> None:
    file = disk.create(path)
    file.write_at(0, [data])
    if sync:
        file.sync()
    file.close()
    if name:
        disk.sync_folder(path.rpartition("/")[0])


def test_what_was_synced_stays() -> None:
    assert _outcomes(lambda disk: _make(disk, "a/f", b"bytes"), _held("a/f")) == {b"bytes"}


def test_a_name_without_its_folder_synced_may_go() -> None:
    found = _outcomes(lambda disk: _make(disk, "a/f", b"bytes", name=False), _held("a/f"))
    assert found == {None, b"bytes"}


def test_syncing_another_folder_does_not_help() -> None:
    def run(disk: SimulatedDisk) -> None:
        _make(disk, "a/f", b"bytes", name=False)
        disk.sync_folder("")
        disk.sync_folder("b")

    assert None in _outcomes(run, _held("a/f"))


def test_bytes_without_sync_may_go_and_tear() -> None:
    data = b"1" * SECTOR + b"2" * SECTOR + b"3" * 10
    found = _outcomes(lambda disk: _make(disk, "a/f", data, sync=False), _held("a/f"))
    assert {b"", data, data[: 2 * SECTOR]} <= found
    assert bytes(SECTOR) + data[SECTOR:] in found  # the later sector without the first
    assert None not in found


def test_a_second_write_may_reach_the_disk_without_the_first() -> None:
    def run(disk: SimulatedDisk) -> None:
        _make(disk, "f", b"aaaa")
        file = disk.open("f", write=True)
        file.write_at(0, [b"b"])
        file.write_at(3, [b"c"])

    assert _outcomes(run, _held("f")) == {b"aaaa", b"baaa", b"aaac", b"baac"}


def test_a_rename_is_whole_or_not_at_all() -> None:
    def run(disk: SimulatedDisk) -> None:
        _make(disk, "d/old", b"old")
        _make(disk, "n/new", b"new")
        disk.replace("n/new", "d/old")

    look = _held("d/old"), _held("n/new")
    assert _outcomes(run, lambda disk: (look[0](disk), look[1](disk))) == {
        (b"old", b"new"),
        (b"new", None),
    }

    def synced(disk: SimulatedDisk) -> None:
        run(disk)
        disk.sync_folder("d")

    assert _outcomes(synced, _held("d/old")) == {b"new"}


def test_a_removal_may_come_back_until_it_is_synced() -> None:
    def run(disk: SimulatedDisk) -> None:
        _make(disk, "d/f", b"x")
        disk.remove("d/f")

    assert _outcomes(run, _held("d/f")) == {None, b"x"}


def test_a_link_shares_bytes_and_stands_alone() -> None:
    def run(disk: SimulatedDisk) -> None:
        _make(disk, "s/f", b"x")
        disk.link("s/f", "o/f")
        disk.remove("s/f")
        disk.sync_folder("s")

    assert _outcomes(run, _held("o/f")) == {None, b"x"}  # unlinked before the link was durable

    def right(disk: SimulatedDisk) -> None:
        _make(disk, "s/f", b"x")
        disk.adopt(disk.root / "s/f", "o/f")
        disk.sync_folder("o")
        disk.remove("s/f")

    assert _outcomes(right, _held("o/f")) == {b"x"}


def test_a_truncation_may_be_lost() -> None:
    def run(disk: SimulatedDisk) -> None:
        _make(disk, "f", b"abcdef")
        disk.open("f", write=True).truncate(2)

    assert _outcomes(run, _held("f")) == {b"abcdef", b"ab"}


def test_a_failed_sync_is_not_made_good_by_another() -> None:
    def run(disk: SimulatedDisk) -> None:
        _make(disk, "f", b"a")
        file = disk.open("f", write=True)
        file.write_at(0, [b"b"])

        def fail(step: str) -> None:
            if step == "disk sync f (before)":
                raise OSError(errno.EIO, "simulated")

        disk.step = fail
        with pytest.raises(OSError, match="simulated"):
            file.sync()
        disk.step = lambda _: None
        with pytest.raises(OSError, match="an earlier sync failed"):
            file.sync()
        assert disk.open("f").read_at(0, 1) == b"b"  # still in the page cache
        disk.open("f").sync()

    assert _outcomes(run, _held("f")) == {b"a", b"b"}


def test_a_killed_process_loses_only_its_open_files() -> None:
    disk = SimulatedDisk(0)
    file = disk.create("a/f")
    file.write_at(0, [b"x"])
    disk.kill()
    with pytest.raises(OSError, match="from before the crash"):
        file.write_at(1, [b"y"])
    assert _held("a/f")(disk) == b"x"


def test_nothing_has_an_effect_after_the_crash() -> None:
    faults = Faults(0, crash_at=3)
    disk = SimulatedDisk(0, faults)
    file = disk.create("f")
    with pytest.raises(Crash, match="disk write f"):
        file.write_at(0, [b"x"])
    for attempt in (file.sync, lambda: disk.remove("f"), lambda: disk.sync_folder("")):
        with pytest.raises(Crash):
            attempt()
    disk.crash()
    faults.restart()
    assert _held("f")(disk) in (None, b"")


def test_every_step_can_fail_before_and_after_its_effect() -> None:
    for at, expected in ((1, False), (2, True)):
        disk = SimulatedDisk(0)
        calls = iter(range(1, 100))

        def fail(step: str, at: int = at, calls: Iterator[int] = calls) -> None:
            if next(calls) == at:
                raise OSError(errno.EIO, step)

        disk.step = fail
        with pytest.raises(OSError, match="create f"):
            disk.create("f")
        disk.step = lambda _: None
        assert disk.exists("f") is expected


def test_the_same_seed_gives_the_same_ruin() -> None:
    def ruin(seed: int) -> list[object]:
        disk = SimulatedDisk(seed)
        for number in range(20):
            _make(disk, f"d/{number}", bytes([number]) * 2000, sync=number % 3 == 0, name=False)
        disk.crash()
        return [(path, _held(path)(disk)) for path in disk.list("")]

    assert ruin(7) == ruin(7)
    assert ruin(7) != ruin(8)


def test_room_is_limited_and_reserved() -> None:
    disk = SimulatedDisk(0, capacity=1000)
    first, second = disk.create("a"), disk.create("b")
    first.reserve(800)
    assert first.size() == 0
    assert disk.free() == 200
    with pytest.raises(StorageFullError, match="b: expected room for 201 bytes"):
        second.write_at(0, [bytes(201)])
    first.write_at(0, [bytes(800)])
    second.write_at(0, [bytes(200)])
    with pytest.raises(StorageFullError):
        first.write_at(800, [b"x"])


def test_protected_bytes_cannot_be_written() -> None:
    disk = SimulatedDisk(0)
    file = disk.create("f")
    disk.protect("f")
    with pytest.raises(AssertionError, match="written after it was protected"):
        file.write_at(0, [b"x"])
    with pytest.raises(PermissionError):
        disk.open("f", write=True)
