"""What of a conversion can be watched while it runs: the pieces that are whole.

Guarantee: a piece is listed once it is complete and is never changed afterwards; where it begins
is told as if all pieces were one file, the head first.  The converter is not trusted: its list is
taken line by line as ours would be, and only regular files of its own folder are opened.
Not covered: conversions of other processes; after the end there is the whole copy.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ingest.media import argv

_HEAD: Final = "init.mp4"
_MOST_LIST: Final = 4 << 20  # a line each for more than two days
_PIECE: Final = re.compile(r"index[0-9]{1,6}\.m4s")
_LENGTH: Final = re.compile(r"#EXTINF:([0-9]{1,5}(?:\.[0-9]{1,9})?),")
_OTHER: Final = re.compile(
    r"#EXTM3U|#EXT-X-(?:VERSION:[0-9]{1,2}|TARGETDURATION:[0-9]{1,5}|MEDIA-SEQUENCE:0"
    r"|PLAYLIST-TYPE:EVENT|INDEPENDENT-SEGMENTS|MAP:URI=\"init\.mp4\"|ENDLIST)|"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the folder, and where it lies in all of them."""

    path: Path
    start: int
    end: int

    def open(self) -> BinaryIO:
        """Its bytes; OSError if it is gone or no file of that folder."""
        return _opened(self.path.parent, self.path.name)


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
        with suppress(OSError, ValueError):  # not begun, just over, or not what we asked for
            return read(folder)
        return None


def read(folder: Path) -> Watchable | None:
    """The folder's list and its pieces; None before the first; OSError, ValueError."""
    with _opened(folder, argv.PLAYLIST) as file:
        text = file.read(_MOST_LIST + 1).decode("ascii")
    if len(text) > _MOST_LIST:
        raise ValueError(f"playlist: expected at most {_MOST_LIST} bytes, got more")
    names, seconds = list[str](), 0.0
    for line in text.splitlines():
        if found := _LENGTH.fullmatch(line):
            seconds += float(found[1])
        elif _PIECE.fullmatch(line):
            names.append(line)
        elif not _OTHER.fullmatch(line):
            raise ValueError(f"playlist: expected lines of ours, got {line:.80}")
    if not names:
        return None
    pieces, at = [], 0
    for name in (_HEAD, *names):
        found_at = (folder / name).lstat()
        if not stat.S_ISREG(found_at.st_mode):
            raise ValueError(f"{name}: expected a regular file, got another kind")
        pieces.append(Piece(folder / name, at, at + found_at.st_size))
        at += found_at.st_size
    return Watchable(text, pieces, round(seconds * 1000))


def _opened(folder: Path, name: str) -> BinaryIO:
    """A regular file of this very folder, no link on the way and nothing that waits; OSError."""
    where = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        got = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=where)
    finally:
        os.close(where)
    if not stat.S_ISREG(os.fstat(got).st_mode):
        os.close(got)
        raise OSError(f"{name}: expected a regular file, got another kind")
    return os.fdopen(got, "rb")
