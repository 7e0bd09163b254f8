"""What the figures were taken on, what a process has used, and the plain reference.

Guarantee: processor time and memory are read from /proc for one process alone; its children (media
tools, the object store, the database) are not counted with it.
Not covered: what else the machine does meanwhile.  Figures of one run are compared with each other.
"""

import contextlib
import hashlib
import os
import platform
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
GB = 1_000_000_000
_TICK = os.sysconf("SC_CLK_TCK")
_PIECE = 4 << 20


@dataclass(frozen=True, slots=True)
class Table:
    """One result; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    missed: bool = False  # an aim that is held to


@dataclass(frozen=True, slots=True)
class Run:
    """What one run moved, how long it took and what processor time it cost."""

    size: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.size / MB / self.seconds

    @property
    def cost(self) -> float:
        return self.cpu / (self.size / GB)


def cpu_s(pid: int) -> float:
    """Seconds of processor time of this process, its ended threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def peak_mb(pid: int) -> float:
    """The most memory the process ever held (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MB
    raise RuntimeError(f"process {pid}: expected VmHWM, got none")


def median(runs: Sequence[Run], value: Callable[[Run], float]) -> float:
    return statistics.median(value(run) for run in runs)


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that is not below this part of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A fresh folder on the disk that is measured (TMPDIR chooses it); gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="liuhen-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def in_threads(work: Sequence[Callable[[], None]]) -> float:
    """Run all at once; the seconds until the last has ended.  The first error is raised."""
    errors: list[BaseException] = []

    def guarded(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as exc:  # noqa: BLE001 - raised below, in the caller's thread
            errors.append(exc)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if errors:
        raise errors[0]
    return seconds


def write_and_hash(where: Path, size: int, writers: int) -> Run:
    """The reference: the same number of bytes from memory, SHA-256, write, fdatasync."""
    buffer = os.urandom(_PIECE)
    cpu: list[float] = []

    def one(path: Path) -> None:
        begun = time.thread_time()
        digest, left = hashlib.sha256(), size
        with path.open("wb", buffering=0) as file:
            while left:
                piece = memoryview(buffer)[: min(left, _PIECE)]
                digest.update(piece)
                left -= file.write(piece)
            os.fdatasync(file.fileno())
        cpu.append(time.thread_time() - begun)
        path.unlink()

    paths = [where / f"reference-{number}" for number in range(writers)]
    seconds = in_threads([lambda path=path: one(path) for path in paths])  # type: ignore[misc]
    return Run(size * writers, seconds, sum(cpu))


def facts(where: Path) -> Table:
    """The machine in a few lines."""
    info = Path("/proc/cpuinfo").read_text()
    model = next(
        (x.partition(": ")[2] for x in info.splitlines() if x.startswith("model name")), "?"
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB
    one, five, fifteen = os.getloadavg()
    rows = [
        ("processor", f"{model}, {os.cpu_count()} cores"),
        ("memory", f"{memory:.0f} GB"),
        ("kernel, Python", f"{platform.release().split('-')[0]}, {platform.python_version()}"),
        ("file system", _file_system(where)),
        ("load when it began", f"{one:.1f}, {five:.1f}, {fifteen:.1f} over 1, 5 and 15 minutes"),
    ]  # fmt: skip
    return Table("Machine", ("what", "value"), rows)


def _file_system(where: Path) -> str:
    best = ("", "?")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mounted, kind, *_ = line.split()
        if where.resolve().is_relative_to(mounted) and len(mounted) >= len(best[0]):
            best = (mounted, kind)
    return best[1]


def measure(_rounds: int) -> list[Table]:
    """The machine, and how fast the reference itself is on it."""
    with folder() as where:
        table = facts(where)
        runs = [write_and_hash(where, 512 << 20, 1) for _ in range(3)]
    rate, cost = median(runs, lambda r: r.rate), median(runs, lambda r: r.cost)
    reference = ("write + SHA-256 + fdatasync", f"{rate:.0f} MB/s, {cost:.2f} cpu-s/GB")
    return [Table(table.title, table.columns, [*table.rows, reference])]
