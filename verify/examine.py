"""Examining a receipt and a file, step by step: every check that can be made without a server.

Guarantee: the verdict is "good" only if each step is: the receipt proves itself under a trusted log key
and the file's size, SHA-256 and chunk root are the ones it holds.  A step that fails does not hide the
ones after it.  `Report.not_checked` says what no step looked at.
Not covered: see `not_checked`.

Format: docs/formats/receipts.md, version 1, section "Verifying".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from verify import checkpoint, entries, fingerprint, merkle, notes, receipt
from verify.checkpoint import Checkpoint
from verify.errors import (
    EvidenceError,
    IncompleteError,
    MalformedError,
    UnavailableError,
    UntrustedError,
)
from verify.notes import Verified, VerifierKey
from verify.policy import NONE, Policy

T = TypeVar("T")
Outcome = Literal["good", "broken", "incomplete", "malformed", "unavailable"]

EXIT: dict[Outcome, int] = {
    "good": 0,
    "broken": 1,
    "incomplete": 2,
    "malformed": 3,
    "unavailable": 4,
}
_WORST: tuple[Outcome, ...] = ("broken", "malformed", "unavailable", "incomplete", "good")
LARGEST_RECEIPT = 16 << 20

STEPS = (
    "receipt", "commitments", "inclusion", "log-signature", "witnesses",
    "file", "file-size", "file-sha256", "file-root", "tree",
)  # fmt: skip
"""The codes of all steps, in their order."""

NEVER = ("time-stamps", "custody", "device-times", "server-clock", "content", "later-acts")
"""What no step here looks at, ever."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check.  `detail` is the sentence of an error; expected and got stand apart where known."""

    code: str
    outcome: Outcome
    detail: str = ""
    expected: str = ""
    got: str = ""


@dataclass(slots=True)
class Report:
    """What was checked, what came out, what the receipt says, and what nobody checked."""

    steps: list[Step] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Outcome:
        """The worst outcome; a report without steps is incomplete."""
        have = {step.outcome for step in self.steps}
        return next((outcome for outcome in _WORST if outcome in have), "incomplete")

    def compare(self, code: str, expected: object, got: object) -> bool:
        """Record a comparison and say whether it held."""
        good = expected == got
        self.steps.append(Step(code, "good" if good else "broken", "", str(expected), str(got)))
        return good

    def attempt(self, code: str, check: Callable[[], T]) -> T | None:
        """Run a check and record it as one step: good, or what its error says."""
        try:
            found = check()
        except EvidenceError as exc:
            self.steps.append(Step(code, outcome_of(exc), str(exc)))
        except OSError as exc:
            self.steps.append(Step(code, "unavailable", f"{exc.filename}: {exc.strerror}"))
        else:
            self.steps.append(Step(code, "good"))
            return found
        return None

    def passed(self, code: str) -> bool:
        """Whether this step was made and was good."""
        return any(step.code == code and step.outcome == "good" for step in self.steps)


def outcome_of(error: EvidenceError) -> Outcome:
    """Which outcome an error is."""
    if isinstance(error, MalformedError):
        return "malformed"
    if isinstance(error, IncompleteError):
        return "incomplete"
    return "unavailable" if isinstance(error, UnavailableError) else "broken"


def examine(
    receipt_path: Path,
    file_path: Path,
    *,
    logs: Sequence[VerifierKey] = (),
    policy: Policy | None = None,
    tree_path: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check a receipt file and the recording it speaks of.

    Trusted are `logs`, or those of `policy`, whose quorum is then asked for as well.  `tree_path` is
    a sidecar of chunk hashes, which tells where a changed file was changed.
    """
    report = Report()
    examine_receipt(report, receipt_path, logs=logs, policy=policy)
    if report.passed("receipt"):
        if report.passed("commitments"):
            examine_file(report, file_path, tree_path, progress)
        else:
            report.not_checked.append("file")
    else:
        report.not_checked.extend(("file", "log-signature"))
    asked = policy is not None and policy.quorum != NONE
    report.not_checked.extend(([] if asked else ["witnesses"]) + list(NEVER))
    return report


def examine_receipt(
    report: Report, path: Path, *, logs: Sequence[VerifierKey], policy: Policy | None
) -> None:
    """The steps that need the receipt only."""
    read = report.attempt("receipt", lambda: _read(path))
    if read is None:
        return
    parsed, stated = read
    entry = parsed.entry
    report.facts |= {
        "type": entry.type, "chain": entry.chain, "seq": entry.seq, "actor": entry.actor,
        "recorded": entry.at, "index": parsed.proof.index, "tree_size": stated.size,
        "origin": stated.origin,
    }  # fmt: skip
    shown = report.attempt("commitments", lambda: receipt.check_entry(parsed))
    if shown is not None:
        report.facts["disclosed"] = shown
        report.facts["withheld"] = sorted(parsed.body.keys() - shown.keys())
    leaf = entries.leaf(entry.encode())
    place = parsed.proof
    report.attempt(
        "inclusion",
        lambda: merkle.check_inclusion(leaf, place.index, stated.size, place.hashes, stated.root),
    )
    signed = report.attempt("log-signature", lambda: _check_signature(place.note, logs, policy))
    if signed is not None:
        report.facts["vkey"] = signed[0].format()
    if policy is not None and policy.quorum != NONE:
        cosigned = signed[1] if signed is not None else ()
        report.facts["witnesses"] = [signature.key.name for signature in cosigned]
        report.attempt("witnesses", lambda: policy.check_quorum(cosigned))


def _read(path: Path) -> tuple[receipt.Parsed, Checkpoint]:
    """The receipt and what its checkpoint states; whether that is signed is a step of its own."""
    parsed = receipt.parse_receipt(read_text(path, "receipt"))
    return parsed, checkpoint.parse(notes.split_note(parsed.proof.note)[0])


def _check_signature(
    note: str, logs: Sequence[VerifierKey], policy: Policy | None
) -> tuple[VerifierKey, tuple[Verified, ...]]:
    trusted = policy.logs if policy is not None else tuple(logs)
    if not trusted:
        raise UntrustedError("log key: expected one that you trust (--key or --policy), got none")
    witnesses = policy.witnesses.values() if policy is not None else ()
    _, key, cosigned = checkpoint.check_checkpoint(note, trusted, witnesses)
    return key, cosigned


def examine_file(
    report: Report,
    path: Path,
    tree_path: Path | None,
    progress: Callable[[int], None] | None,
) -> None:
    """The steps that compare the file with what the receipt discloses."""
    facts = report.facts["disclosed"]
    found = report.attempt("file", lambda: _fingerprint(report, path, progress))
    if found is None:
        return
    report.compare("file-size", facts["size"], found.size)
    report.compare("file-sha256", facts["sha256"], found.sha256)
    same = report.compare("file-root", facts["root"], found.root)
    if tree_path is not None:
        tree = report.attempt("tree", lambda: _read_tree(tree_path, facts["size"], facts["root"]))
        if tree is not None and not same:
            report.facts["first_wrong"] = _first_wrong(tree, found, facts["size"])
    if not same and "first_wrong" not in report.facts:
        report.not_checked.append("where")


def _fingerprint(
    report: Report, path: Path, progress: Callable[[int], None] | None
) -> fingerprint.Fingerprint:
    facts, kind = report.facts["disclosed"], report.facts["type"]
    missing = [name for name in ("size", "sha256", "chunk", "root") if name not in facts]
    if kind != "item.sealed" or missing:
        what = f"{kind} without {', '.join(missing)}" if missing else kind
        raise IncompleteError(
            f"receipt: expected an item.sealed that discloses its fingerprints, got {what}"
        )
    if facts["chunk"] != fingerprint.CHUNK:
        raise IncompleteError(
            f"chunk: expected {fingerprint.CHUNK}, which is all this program knows, got {facts['chunk']}"
        )
    return fingerprint.fingerprint_file(path, progress)


def _read_tree(path: Path, size: int, root: str) -> bytes:
    tree = read_bytes(path, "tree", fingerprint.HASH * fingerprint.chunk_count(size))
    fingerprint.check_tree(tree, size=size, root=root)
    return tree


def _first_wrong(tree: bytes, found: fingerprint.Fingerprint, size: int) -> dict[str, int]:
    """The first chunk that differs, and its bytes [from, to)."""
    chunk = fingerprint.first_difference(tree, found.tree) or 0
    stop = min((chunk + 1) * fingerprint.CHUNK, max(size, found.size))
    return {"chunk": chunk, "from": chunk * fingerprint.CHUNK, "to": stop}


def read_text(path: Path, what: str) -> str:
    """A text file's text; MalformedError if it is too long or not UTF-8."""
    try:
        return read_bytes(path, what, LARGEST_RECEIPT).decode()
    except UnicodeDecodeError as exc:
        raise MalformedError(f"{what}: expected UTF-8, got another byte at {exc.start}") from None


def read_bytes(path: Path, what: str, most: int) -> bytes:
    """A file's bytes; MalformedError if there are more than `most`."""
    with open(path, "rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise MalformedError(f"{what}: expected at most {most} bytes, got more")
    return data
