"""What of a conversion can be watched while it runs: the pieces that are whole.

Guarantee: a piece is listed once it is complete and is never changed afterwards; where it begins
is told as if all pieces were one file, the head first.
Not covered: conversions of other processes; after the end there is the whole copy.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.media import argv

_HEAD: Final = "init.mp4"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the folder, and where it lies in all of them."""

    path: Path
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Watchable:
    """The list as a player takes it, what is in it, and for how long that plays."""

    playlist: str
    pieces: Sequence[Piece]
    length_ms: int

    def piece(self, name: str) -> Piece | None:
        return next((one for one in self.pieces if one.path.name == name), None)


class Live:
    """Which conversions of this process can be watched; kept by the item."""

    def __init__(self) -> None:
        self._folders: dict[str, Path] = {}

    @contextmanager
    def of(self, item: str, work: Path) -> Iterator[None]:
        """While this lasts, what is in `work`/live is that of the item."""
        self._folders[item] = work / argv.LIVE
        try:
            yield
        finally:
            self._folders.pop(item, None)

    def watch(self, item: str) -> Watchable | None:
        """What is whole by now; None while there is nothing.  Reads files: not on the loop."""
        folder = self._folders.get(item)
        if folder is None:
            return None
        with suppress(OSError):  # not begun, or just over
            return read(folder)
        return None


def read(folder: Path) -> Watchable | None:
    """The folder's list and its pieces; None before the first; OSError."""
    text = (folder / argv.PLAYLIST).read_text(encoding="ascii")
    lines = text.splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        return None
    seconds = sum(
        float(line.removeprefix("#EXTINF:").rstrip(","))
        for line in lines
        if line.startswith("#EXTINF:")
    )
    pieces, at = [], 0
    for name in (_HEAD, *names):
        path = folder / Path(name).name
        end = at + path.stat().st_size
        pieces.append(Piece(path, at, end))
        at = end
    return Watchable(text, pieces, round(seconds * 1000))
