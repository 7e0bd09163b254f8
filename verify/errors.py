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
