"""The errors this project raises on purpose, named by what the caller should do.

    EvidenceError
    ├── MalformedError       the bytes are not what they claim to be: reject them
    ├── VerificationError    readable, but they do not prove the claim: raise an alarm
    │   └── DigestMismatchError
    ├── IncompleteError      nothing is wrong, but not enough was given to decide
    ├── ConflictError        the state is another: read it again, then decide again
    ├── NotFoundError        it is not there: trying again does not help
    ├── DeniedError          this caller may not: ask somebody who may
    └── UnavailableError     no answer, the outcome may be unknown: try again with the same key

Each has a stable `code` (API, log, docs/errors.md).  HTTP statuses and exit codes are tables at
the edge (`console.problems`, `liuhen.cli`), never fields of the error.
Messages read «what: expected X, got Y».
"""

from typing import ClassVar


class EvidenceError(Exception):
    """Base of every error this project raises on purpose."""

    code: ClassVar[str] = "error"


class MalformedError(EvidenceError):
    """The bytes cannot be read as what they claim to be.  Reject them."""

    code = "malformed"


class VerificationError(EvidenceError):
    """The bytes can be read, but do not prove the claim.  Quarantine, raise an alarm."""

    code = "verification-failed"


class DigestMismatchError(VerificationError):
    """Two fingerprints that must be equal are not."""

    code = "digest-mismatch"

    def __init__(self, what: str, *, expected: str, actual: str) -> None:
        super().__init__(f"{what}: expected digest {expected}, got {actual}")
        self.what, self.expected, self.actual = what, expected, actual


class IncompleteError(EvidenceError):
    """Nothing is broken, but what was given does not suffice for a verdict."""

    code = "incomplete"


class ConflictError(EvidenceError):
    """The state is not the one the caller assumed.  Read it again, then decide again."""

    code = "conflict"


class NotFoundError(EvidenceError):
    """It is not there.  Trying again does not help."""

    code = "not-found"


class DeniedError(EvidenceError):
    """This caller has no right to it."""

    code = "denied"


class UnavailableError(EvidenceError):
    """No answer; the outcome may be unknown.  Try again with the same key."""

    code = "unavailable"


# ── what exactly did not prove the claim ─────────────────────────────────────────────────────────


class ProofError(VerificationError):
    """A Merkle proof does not lead to the root that it should lead to."""

    code = "proof-invalid"


class SignatureError(VerificationError):
    """A signature by a known key does not fit the text."""

    code = "signature-invalid"


class CommitmentError(VerificationError):
    """A disclosed value is not the one that was committed to."""

    code = "commitment-broken"


class ChainError(VerificationError):
    """A chain of entries has a hole, a doubled number or another predecessor."""

    code = "chain-broken"


class UntrustedError(IncompleteError):
    """No key that is trusted has signed: good or bad cannot be said."""

    code = "key-not-trusted"


class QuorumError(IncompleteError):
    """Fewer witnesses have signed than the policy asks for."""

    code = "witnesses-missing"
