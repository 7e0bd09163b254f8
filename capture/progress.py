"""What a person or a program sees while files go out.

Four ways to show the same facts: bars on a terminal, plain lines elsewhere, one JSON object per
line for programs, and nothing but the end.  Names are shown escaped; tokens never appear.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from capture.source import shown

PHASES = {"read": "reading", "send": "sending", "seal": "waiting for the receipt"}


class Show(Protocol):
    """Told what happens, in any order of files."""

    def phase(self, file: Path, phase: str, total: int) -> None:
        """The file enters a phase (`read`, `send`, `seal`) with so many bytes to go."""

    def moved(self, file: Path, done: int) -> None:
        """So many bytes of the phase are done."""

    def note(self, text: str) -> None:
        """A sentence that matters now (a retry, a pinned key)."""

    def ended(self, file: Path, status: str, text: str) -> None:
        """The file's last word: `stored`, `already-stored` or `failed`."""

    def close(self) -> None: ...


class Quiet:
    """Failures and warnings only."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr

    def phase(self, file: Path, phase: str, total: int) -> None:
        pass

    def moved(self, file: Path, done: int) -> None:
        pass

    def note(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def ended(self, file: Path, status: str, text: str) -> None:
        if status == "failed":
            print(f"{shown(file)}: {text}", file=self._out, flush=True)

    def close(self) -> None:
        pass


class Json:
    """One object per line on standard output; every moved byte is worth a line only each second."""

    def __init__(
        self, out: TextIO | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._now = out or sys.stdout, now
        self._last: dict[Path, float] = {}

    def _write(self, **fields: object) -> None:
        print(json.dumps(fields, ensure_ascii=True), file=self._out, flush=True)

    def phase(self, file: Path, phase: str, total: int) -> None:
        self._write(event="phase", file=shown(file), phase=phase, total=total)

    def moved(self, file: Path, done: int) -> None:
        now = self._now()
        if now - self._last.get(file, -1.0) >= 1.0:
            self._last[file] = now
            self._write(event="moved", file=shown(file), done=done)

    def note(self, text: str) -> None:
        self._write(event="note", text=text)

    def ended(self, file: Path, status: str, text: str) -> None:
        self._write(event="ended", file=shown(file), status=status, text=text)

    def close(self) -> None:
        pass


@dataclass(slots=True)
class _Running:
    phase: str
    total: int
    began: float
    first: int | None = None  # where a resumed phase began: the rate counts from there
    told: float = field(default=0.0)


class Lines:
    """Plain lines: each change of phase, and every five seconds how far, how fast, how long."""

    EVERY = 5.0

    def __init__(
        self, out: TextIO | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._now = out or sys.stderr, now
        self._running: dict[Path, _Running] = {}

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def phase(self, file: Path, phase: str, total: int) -> None:
        now = self._now()
        self._running[file] = _Running(phase, total, now, told=now)
        self._print(f"{shown(file.name)}: {PHASES[phase]} {size_text(total)}".rstrip())

    def moved(self, file: Path, done: int) -> None:
        run, now = self._running.get(file), self._now()
        if run is None:
            return
        if run.first is None:
            run.first = done
        if now - run.told < self.EVERY or not run.total:
            return
        run.told = now
        rate = (done - run.first) / max(now - run.began, 0.001)
        eta = f", {(run.total - done) / rate:.0f} s left" if rate > 0 else ""
        self._print(
            f"{shown(file.name)}: {PHASES[run.phase]} {100 * done // run.total} %, "
            f"{size_text(int(rate))}/s{eta}"
        )

    def note(self, text: str) -> None:
        self._print(text)

    def ended(self, file: Path, status: str, text: str) -> None:
        self._running.pop(file, None)
        self._print(f"{shown(file.name)}: {status.replace('-', ' ')}: {text}")

    def close(self) -> None:
        pass


class Bars:
    """A bar per file with rate and time left, for a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[label]}", markup=False),
            TextColumn("{task.description}", style="dim"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
        )
        self._tasks: dict[Path, TaskID] = {}
        self._progress.start()

    def phase(self, file: Path, phase: str, total: int) -> None:
        old = self._tasks.pop(file, None)
        if old is not None:
            self._progress.remove_task(old)
        self._tasks[file] = self._progress.add_task(
            PHASES[phase], total=total or None, label=shown(file.name)
        )

    def moved(self, file: Path, done: int) -> None:
        if file in self._tasks:
            self._progress.update(self._tasks[file], completed=done)

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def ended(self, file: Path, status: str, text: str) -> None:
        task = self._tasks.pop(file, None)
        if task is not None:
            self._progress.remove_task(task)
        mark = {"stored": "✔", "already-stored": "=", "failed": "✘"}.get(status, " ")
        self.note(f"{mark} {shown(file.name)}: {status.replace('-', ' ')}: {text}")

    def close(self) -> None:
        self._progress.stop()


def size_text(size: int) -> str:
    """A size for people, in powers of ten as file managers show it."""
    if not size:
        return ""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
