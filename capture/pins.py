"""Which log key is trusted for which server: pinned at the first meeting, refused when changed.

Guarantee: a receipt is only ever checked with a key that was given (`--key`) or seen at the first
meeting and written down then.  A server that shows another key later is refused until a person
says `--key` with the new one.
Not covered: the first meeting itself (trust on first use); compare the printed key with the one
that `liuhen token create` showed.

The file is `$XDG_STATE_HOME/liuhen/keys.json`: canonical JSON, address to vkey.
"""

import fcntl
import os
from pathlib import Path

from capture.errors import PinnedKeyError
from verify import canonical
from verify.errors import MalformedError
from verify.notes import VerifierKey


def state_folder() -> Path:
    """Where the device's side keeps its own files."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "liuhen"


class Pins:
    """The pinned keys, in one file that several processes may share."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / "keys.json"

    def _read(self) -> dict[str, str]:
        try:
            found = canonical.decode(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise MalformedError(f"{self._file}: expected an object of keys, got something else")
        return dict(found)

    def get(self, server: str) -> str | None:
        """The vkey pinned for the server."""
        return self._read().get(_slot(server))

    def set(self, server: str, vkey: str) -> None:
        """Write the key down, durable when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "keys.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            pins = {**self._read(), _slot(server): vkey}
            write_durably(self._file, canonical.encode(pins))


def _slot(server: str) -> str:
    """Canonical JSON allows only plain keys, so an address is written as hex of its UTF-8."""
    return server.encode().hex()


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a small file; old or new bytes survive whatever happens."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def trusted(pins: Pins, server: str, given: str | None, shown: str | None) -> tuple[str, bool]:
    """The key to trust for this server, and whether this is the first meeting.

    `given` comes from `--key`, `shown` from the server (None while it has not been asked).
    Raises PinnedKeyError if they contradict each other.
    """
    if given is not None:
        VerifierKey.parse(given)  # MalformedError before anything is sent
    pinned = pins.get(server)
    trust = given or pinned
    if trust is None:
        if shown is None:
            raise MalformedError("log key: expected the server's, got none")
        VerifierKey.parse(shown)
        return shown, True
    if shown is not None and shown != trust:
        raise PinnedKeyError(
            f"log key of {server}: expected {trust}, got {shown}; nothing was sent. If the log "
            "really has a new key, confirm it with its operators and give it with --key"
        )
    return trust, False
