"""Trust files (C2SP tlog-policy): which logs are known, and how many witnesses must have signed.

Guarantee: a witness counts once, whatever its groups and names; if `check_quorum` returns, as many
witnesses as the file asks for are among those given.
Not covered: how the file came to be trusted.  URLs are read over.  The file must be UTF-8.

Format: docs/formats/log.md, version 1, section "Trust files".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from verify.errors import MalformedError, QuorumError
from verify.notes import COSIGNATURE, ED25519, Verified, VerifierKey

NONE = "none"
LONGEST = 1 << 20
_SPACE = re.compile(r"[ \t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of `members` (witnesses or groups) must have signed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a trust file says.  `quorum` names a witness or a group, or is "none"."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str

    def check_quorum(self, verified: Iterable[Verified]) -> None:
        """Raise QuorumError unless these witnesses' signatures, checked before, are enough."""
        if self.quorum == NONE:
            return
        keys = {signature.key for signature in verified}
        signed = {name: key in keys for name, key in self.witnesses.items()}
        for name, group in self.groups.items():  # a group names only what stands before it
            signed[name] = sum(signed[member] for member in group.members) >= group.threshold
        if not signed[self.quorum]:
            have = ", ".join(name for name in self.witnesses if signed[name]) or "none"
            raise QuorumError(f"witnesses: expected the quorum {self.quorum}, got {have}")


@dataclass(slots=True)
class _Reading:
    logs: dict[bytes, VerifierKey] = field(default_factory=dict)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    quorum: str | None = None

    def new_name(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise MalformedError(f"policy: expected a new name, got {name!r:.80}")

    def old_name(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise MalformedError(f"policy: expected a name from a line before, got {name!r:.80}")

    def add_log(self, vkey: str) -> None:
        key = _key(vkey, ED25519)
        if self.logs.setdefault(key.public, key) is not key:
            raise MalformedError(f"policy: expected log key {key.name} once, got twice")

    def add_witness(self, name: str, vkey: str) -> None:
        self.new_name(name)
        key = _key(vkey, COSIGNATURE)
        if any(key.public == other.public for other in self.witnesses.values()):
            raise MalformedError(f"policy: expected witness key {key.name} once, got twice")
        self.witnesses[name] = key

    def add_group(self, name: str, threshold: str, *members: str) -> None:
        self.new_name(name)
        for member in members:
            self.old_name(member)
            if member in self.members:  # else one witness could count twice
                raise MalformedError(f"policy: expected {member!r:.80} in one group, got it twice")
            self.members.add(member)
        count = {"all": str(len(members)), "any": "1"}.get(threshold, threshold)
        if _COUNT.fullmatch(count) is None or not 1 <= int(count) <= len(members):
            raise MalformedError(
                f"policy group {name!r:.80}: expected all, any or 1 to {len(members)}, got {threshold!r:.40}"
            )
        self.groups[name] = Group(int(count), members)

    def set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise MalformedError("policy: expected one quorum line, got another")
        if name != NONE:
            self.old_name(name)
        self.quorum = name

    def line(self, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self.add_log(vkey)
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self.add_witness(name, vkey)
            case ["group", name, threshold, member, *members]:
                self.add_group(name, threshold, member, *members)
            case ["quorum", name]:
                self.set_quorum(name)
            case _:
                raise MalformedError(
                    f"policy: expected a log, witness, group or quorum line, got {' '.join(words)!r:.120}"
                )


def parse_policy(text: str) -> Policy:
    """The policy of a trust file; MalformedError if a line is not understood or quorum is missing."""
    if len(text) > LONGEST:
        raise MalformedError(f"policy: expected at most {LONGEST} characters, got {len(text)}")
    if (bad := _CONTROL.search(text)) is not None:
        raise MalformedError(
            f"policy: expected no control character but tab and newline, got {bad[0]!r}"
        )
    reading = _Reading()
    for raw in text.split("\n"):
        line = raw.strip(" \t")
        if line and not line.startswith("#"):
            reading.line(_SPACE.split(line))
    if reading.quorum is None:
        raise MalformedError("policy: expected one quorum line, got none")
    return Policy(tuple(reading.logs.values()), reading.witnesses, reading.groups, reading.quorum)


def _key(vkey: str, kind: int) -> VerifierKey:
    key = VerifierKey.parse(vkey)
    if key.kind != kind:
        raise MalformedError(f"policy key {key.name}: expected type {kind}, got {key.kind}")
    return key
