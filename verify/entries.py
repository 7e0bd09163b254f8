"""Entries, the leaves of the log, and the chains that they form.

Guarantee: `decode_entry` returns only for the one canonical form of an entry; if `check_chain`
returns, the entries follow one another without hole, doubling or exchange.
Not covered: that the entries are in a log, that the chain goes on to its true end, that `at` is true.

Format: docs/formats/entries.md, version 1.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from verify import canonical
from verify.errors import ChainError, MalformedError
from verify.merkle import leaf_hash

LARGEST = 65_535  # an entry's length is a uint16 in its bundle
NO_ENTRY = "0" * 64
"""`prev` of the first entry of a chain."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z"
)
# The whole canonical form at once: no group can hold a quote, so no value can reach into the next.
_ENTRY = re.compile(
    r'\{"actor":"(sys|[usw]:[0-9a-f]{32})","at":"([0-9T:.-]{23}Z)","body":"([0-9a-f]{64})",'
    r'"chain":"(sys|[sci]:[0-9a-f]{32})","prev":"([0-9a-f]{64})","seq":(0|[1-9][0-9]{0,15}),'
    r'"type":"([a-z]+(?:[._][a-z0-9]+)*)","v":1\}'
)
_MEMBERS = ("actor", "at", "body", "chain", "prev", "seq", "type", "v")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `body` and `prev` in hex, `at` as `format_time` writes it."""

    actor: str
    at: str
    body: str
    chain: str
    prev: str
    seq: int
    type: str

    def encode(self) -> bytes:
        """The canonical bytes; MalformedError if a value is not what the format allows."""
        text = (
            f'{{"actor":"{self.actor}","at":"{self.at}","body":"{self.body}","chain":"{self.chain}",'
            f'"prev":"{self.prev}","seq":{self.seq},"type":"{self.type}","v":1}}'
        )
        _parse(text)
        return text.encode()


def decode_entry(data: bytes) -> Entry:
    """The entry of these bytes; MalformedError unless they are its canonical form."""
    if len(data) > LARGEST:
        raise MalformedError(f"entry: expected at most {LARGEST} bytes, got {len(data)}")
    try:
        return _parse(data.decode())
    except UnicodeDecodeError:
        raise MalformedError("entry: expected UTF-8, got other bytes") from None


def leaf(data: bytes) -> bytes:
    """The leaf hash of an entry's bytes."""
    return leaf_hash(data)


def check_chain(entries: Iterable[Entry], *, after: Entry | None = None) -> None:
    """Raise ChainError unless these follow one another in one chain.

    They must begin at `seq` 0, or right after the entry `after`.
    """
    last = after
    prev = NO_ENTRY if after is None else leaf_hash(after.encode()).hex()
    for entry in entries:
        seq = 0 if last is None else last.seq + 1
        if last is not None and entry.chain != last.chain:
            raise ChainError(f"chain: expected {last.chain} at seq {seq}, got {entry.chain}")
        if entry.seq != seq:
            raise ChainError(f"chain {entry.chain}: expected seq {seq}, got {entry.seq}")
        if entry.prev != prev:
            raise ChainError(
                f"chain {entry.chain} seq {seq}: expected prev {prev}, got {entry.prev}"
            )
        last, prev = entry, leaf_hash(entry.encode()).hex()


def format_time(ms: int) -> str:
    """UTC milliseconds since 1970 as `2026-11-23T06:00:00.000Z`."""
    if not 0 <= ms <= _LAST_MS:
        raise MalformedError(f"time: expected 0 to {_LAST_MS} ms, got {ms}")
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


def parse_time(text: object) -> int:
    """The milliseconds of what `format_time` writes; MalformedError for anything else."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second, ms = map(int, found.groups())
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise MalformedError(
            f"time: expected UTC like 2026-11-23T06:00:00.000Z, got {text!r:.80}"
        ) from None
    whole = int((moment - _EPOCH).total_seconds())
    if whole < 0:
        raise MalformedError(f"time: expected 1970 or later, got {text}")
    return whole * 1000 + ms


def _parse(text: str) -> Entry:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise MalformedError(_why(text))
    actor, at, body, chain, prev, seq, type_ = found.groups()
    parse_time(at)
    entry = Entry(actor, at, body, chain, prev, int(seq), type_)
    if entry.seq > canonical.LARGEST:
        raise MalformedError("entry: expected seq < 2^53, got a larger number")
    if (entry.seq == 0) != (prev == NO_ENTRY):
        raise MalformedError("entry: expected prev of zeros at seq 0 and only there, got otherwise")
    return entry


def _why(text: str) -> str:
    """A sentence for bytes that are not an entry; the slow way is taken for broken ones only."""
    try:
        value = canonical.decode(text.encode(errors="surrogatepass"))
    except MalformedError as exc:
        return f"entry: {exc}"
    if not isinstance(value, dict):
        return f"entry: expected an object, got {type(value).__name__}"
    if sorted(value) != list(_MEMBERS):
        return f"entry: expected the members {', '.join(_MEMBERS)}, got {', '.join(sorted(value)):.200}"
    if value["v"] != 1:
        return f"entry: expected version 1, got {value['v']!r:.40}"
    return f"entry: expected tokens, digests, time, seq and type of version 1, got {text:.400}"
