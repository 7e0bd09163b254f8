"""Signed notes (C2SP signed-note): a text, and lines that sign it.

Guarantee: if `open_note` returns, the text is a note's text, every signature by a known key fits it,
and there is at least one; lines by unknown keys are ignored.
Not covered: whose a key is, and what the text says (`verify.checkpoint`).

Keys are Ed25519, as plain signature (type 1) or as cosignature/v1 (type 4, with a time).
Format: docs/formats/log.md, version 1, section "Notes".
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verify.errors import MalformedError, SignatureError, UntrustedError

ED25519 = 1
COSIGNATURE = 4
MOST_SIGNATURES = 128
_DASH = "\u2014 "
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_LONGEST_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name: what a `vkey` says."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if self.kind not in (ED25519, COSIGNATURE):
            raise MalformedError(f"key {self.name}: expected type 1 or 4, got {self.kind}")
        if len(self.public) != 32:
            raise MalformedError(f"key {self.name}: expected 32 bytes, got {len(self.public)}")

    @property
    def key_id(self) -> bytes:
        """The four bytes that name this key in a signature line."""
        text = self.name.encode() + b"\n" + bytes((self.kind,)) + self.public
        return sha256(text).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The key of a vkey `name+id+base64`; MalformedError if it is none or its id is another."""
        parts = text.split("+", 2)  # base64 may hold a plus of its own
        if len(parts) != 3 or _KEY_ID.fullmatch(parts[1]) is None:
            raise MalformedError(f"vkey: expected name+id+key, got {text!r:.120}")
        data = decode_base64(parts[2], f"vkey {parts[0]!r:.80}")
        if not data:
            raise MalformedError(f"vkey {parts[0]!r:.80}: expected a key, got none")
        key = cls(parts[0], data[0], data[1:])
        if key.key_id.hex() != parts[1]:
            raise MalformedError(f"vkey {key.name}: expected id {key.key_id.hex()}, got {parts[1]}")
        return key

    def format(self) -> str:
        """The vkey text."""
        data = bytes((self.kind,)) + self.public
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(data)}"

    def __str__(self) -> str:
        return self.format()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key: a name and a seed of 32 bytes, which no message and no repr shows."""

    name: str
    seed: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        if len(self.seed) != 32:
            raise MalformedError(
                f"signing key {self.name}: expected 32 bytes, got {len(self.seed)}"
            )
        check_key_name(self.name)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return VerifierKey(
            self.name, self.kind, public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        )

    @property
    def vkey(self) -> str:
        """The public half as a vkey text."""
        return self.verifier.format()

    def sign(self, text: str, *, time: int | None = None) -> str:
        """The signature line, newline included, over a note's text.

        `time` (UNIX seconds) is part of what a cosignature says, and of nothing else.
        """
        message = _message(self.kind, check_text(text), time)
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
        stamp = b"" if time is None else time.to_bytes(8, "big")
        payload = self.verifier.key_id + stamp + signature
        return f"{_DASH}{self.name} {encode_base64(payload)}\n"

    def __repr__(self) -> str:
        return f"SigningKey(name={self.name!r}, seed=…)"


class Verified(NamedTuple):
    """A signature that was checked; `time` is that of a cosignature."""

    key: VerifierKey
    time: int | None


class Note(NamedTuple):
    """A note that was opened: its text, and who signed it."""

    text: str
    verified: tuple[Verified, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys that signed."""
        return tuple(signature.key.name for signature in self.verified)


class Line(NamedTuple):
    """A signature line that was read but not checked."""

    name: str
    key_id: bytes
    payload: bytes


def sign_note(text: str, *keys: SigningKey) -> str:
    """The note: text, blank line, one line per (plain) key."""
    return text + "\n" + "".join(key.sign(text) for key in keys)


def add_lines(note: str, lines: str) -> str:
    """The note with more signature lines after its own."""
    whole = note + lines
    split_note(whole)
    return whole


def split_note(note: str) -> tuple[str, list[Line]]:
    """Text and signature lines of a note; MalformedError if it is none."""
    _check_characters(note, "note")
    at = note.rfind("\n\n")  # a text may hold blank lines of its own
    if at < 0 or not note.endswith("\n"):
        raise MalformedError(
            "note: expected a text, a blank line and signature lines, got otherwise"
        )
    text, rest = note[: at + 1], note[at + 2 :]
    lines = [_parse_line(line) for line in rest.split("\n")[:-1]]
    if not 1 <= len(lines) <= MOST_SIGNATURES:
        raise MalformedError(f"note: expected 1 to {MOST_SIGNATURES} signatures, got {len(lines)}")
    return text, lines


def open_note(note: str, keys: Iterable[VerifierKey]) -> Note:
    """The text of a note and who of `keys` signed it.

    SignatureError if a known key's signature does not fit, UntrustedError if no known key signed.
    """
    text, lines = split_note(note)
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise MalformedError(f"keys: expected one key {key.name}+{key.key_id.hex()}, got two")
    verified: dict[VerifierKey, Verified] = {}
    for line in lines:
        signer = known.get((line.name, line.key_id))
        if signer is not None:
            signature = _check_line(text, line, signer)
            verified.setdefault(signer, signature)
    if not verified:
        names = ", ".join(dict.fromkeys(f"{line.name}+{line.key_id.hex()}" for line in lines))
        raise UntrustedError(f"note: expected a signature by a trusted key, got only {names:.400}")
    return Note(text, tuple(verified.values()))


def check_text(text: str) -> bytes:
    """The bytes of a note's text; MalformedError unless it may be one."""
    _check_characters(text, "note text")
    if not text.endswith("\n"):
        raise MalformedError("note text: expected a newline at its end, got none")
    return text.encode()


def check_key_name(name: str) -> None:
    """Raise MalformedError unless this may be a key's name."""
    if not name or "+" in name or any(c.isspace() or ord(c) < 0x20 for c in name):
        raise MalformedError(f"key name: expected text without space or plus, got {name!r:.80}")
    _check_characters(name, "key name")


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def decode_base64(text: str, what: str) -> bytes:
    """The bytes of the one base64 form that `encode_base64` writes; MalformedError for any other."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError(f"{what}: expected base64, got {text!r:.60}") from None
    if encode_base64(data) != text:
        raise MalformedError(f"{what}: expected canonical base64, got {text!r:.60}")
    return data


def _check_characters(text: str, what: str) -> None:
    for char in text:
        if char < " " and char != "\n":
            raise MalformedError(f"{what}: expected no control character but newline, got {char!r}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedError(f"{what}: expected Unicode text, got a lone surrogate") from None


def _parse_line(line: str) -> Line:
    name, _, data = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not data:
        raise MalformedError(f"note: expected a signature line «— name base64», got {line!r:.120}")
    check_key_name(name)
    payload = decode_base64(data, f"signature of {name:.80}")
    if len(payload) < 5:
        raise MalformedError(
            f"signature of {name:.80}: expected more than 4 bytes, got {len(payload)}"
        )
    return Line(name, payload[:4], payload[4:])


def _check_line(text: str, line: Line, key: VerifierKey) -> Verified:
    stamp, signature = (
        (line.payload[:8], line.payload[8:]) if key.kind == COSIGNATURE else (b"", line.payload)
    )
    if len(signature) != 64:
        raise SignatureError(f"signature of {key.name}: expected 64 bytes, got {len(signature)}")
    time = int.from_bytes(stamp, "big") if stamp else None
    if time is not None and time > _LONGEST_TIME:
        raise SignatureError(f"signature of {key.name}: expected a time below 2^63, got {time}")
    try:
        public = Ed25519PublicKey.from_public_bytes(key.public)
        public.verify(signature, _message(key.kind, text.encode(), time))
    except (InvalidSignature, ValueError):
        raise SignatureError(
            f"signature of {key.name}: expected one by key {key.key_id.hex()} over this text, got another"
        ) from None
    return Verified(key, time)


def _message(kind: int, text: bytes, time: int | None) -> bytes:
    """What is signed: the text, or for a cosignature the text under a line with the time."""
    if (kind == COSIGNATURE) != (time is not None):
        raise MalformedError(
            "signature: expected a time for a cosignature and only there, got otherwise"
        )
    return text if time is None else b"cosignature/v1\ntime %d\n%b" % (time, text)
