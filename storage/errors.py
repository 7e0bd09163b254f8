"""Errors that only a server with a disk, a database and a store can have."""

from verify.errors import (
    ConflictError,
    DeniedError,
    MalformedError,
    UnavailableError,
    VerificationError,
)


class NotComparedError(UnavailableError):
    """This server has not yet compared its database with the store, so it records nothing."""

    code = "not-compared"


class HaltedError(UnavailableError):
    """Recording has stopped until a restart has compared; the message says why."""

    code = "halted"


class ClockJumpedError(UnavailableError):
    """The clock jumped against CLOCK_BOOTTIME; `liuhen log clock --reason …` goes on."""

    code = "clock-jumped"


class StorageFullError(UnavailableError):
    """There is no room for the bytes; nothing of what was acknowledged is lost."""

    code = "storage-full"


class TooLargeError(MalformedError):
    """More bytes than announced, or than the limits allow."""

    code = "too-large"


class TooManyError(UnavailableError):
    """Too many requests of this caller in a short time."""

    code = "too-many"


class UnauthenticatedError(DeniedError):
    """Nobody known asks."""

    code = "unauthenticated"


class RightMissingError(DeniedError):
    """A known caller lacks a right; `right` is the one that the route asked for."""

    def __init__(self, right: str, has: str) -> None:
        super().__init__(f"right: expected {right}, got {has or 'none'}")
        self.right = str(right)  # plain text: entries take no enumerations


class LostError(ConflictError):
    """This attempt no longer owns the job; nothing of it may be written."""

    code = "lost"


class DatabaseBehindError(VerificationError):
    """The database is older than what was published; `liuhen log recover` brings it forward."""

    code = "database-behind"


class ForkError(VerificationError):
    """The signer was asked for a tree that does not extend the one it signed before."""

    code = "fork"


class OutcomeUnknownError(UnavailableError):
    """COMMIT was sent and no answer came: the change may stand or not.  Look before repeating."""

    code = "outcome-unknown"
