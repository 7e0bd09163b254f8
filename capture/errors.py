"""Errors that only the device's side can have."""

from verify.errors import IncompleteError, UnavailableError, VerificationError


class ChangedError(IncompleteError):
    """The file changed while it was read: it is still being written, or the medium fails."""

    code = "changed-while-reading"


class PinnedKeyError(VerificationError):
    """The server's log has another key than the one trusted for it."""

    code = "other-log-key"


class RetryError(UnavailableError):
    """No useful answer this time; `after` is how many seconds the server asks to wait."""

    code = "retry"

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after
