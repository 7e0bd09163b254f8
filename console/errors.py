"""Errors that only a door for people and programs can have."""

from storage.errors import RightMissingError, TooManyError, UnauthenticatedError
from verify.errors import (
    ConflictError,
    DeniedError,
    MalformedError,
    NotFoundError,
    UnavailableError,
)


class RangeError(MalformedError):
    """The asked bytes lie outside the recording, whose `size` is told where it is known."""

    code = "range-outside"
    size: int | None = None


class NotYourViewError(RightMissingError):
    """The view was granted to somebody else; `item` is what it shows."""

    def __init__(self, view: str, item: str) -> None:
        super().__init__("view", f"the id of view {view}, granted to another person")
        self.item = item


class ViewEndedError(ConflictError):
    """This view is closed or its time is over; ask for a new one."""

    code = "view-ended"


class BytesLostError(NotFoundError):
    """No store has the bytes (any more) that its entry names."""

    code = "bytes-lost"


class NotPlayableError(ConflictError):
    """There is nothing a browser could play yet, or for good; the state says which."""

    code = "not-playable"


class BadTokenError(UnauthenticatedError):
    """The token shown at sign-in is not one of ours, or was revoked."""

    code = "bad-token"


class BadCredentialsError(UnauthenticatedError):
    """Account, password and code do not belong together, or the account is locked or over."""

    code = "bad-credentials"


class OwnCodeError(BadCredentialsError):
    """His role needs a one-time code of this server: the provider's word alone opens nothing."""

    code = "own-code"


class ProviderNotKnownError(BadCredentialsError):
    """The provider named nobody, or nobody whom we know and who is still here: which is not said."""

    code = "provider-not-known"


class ProviderAwayError(UnavailableError):
    """The OpenID provider does not answer, or not as one."""

    code = "provider-away"


class ChangeFirstError(DeniedError):
    """The first password must be changed, or the second factor set up, before anything else."""

    code = "change-first"


class NoPersonError(DeniedError):
    """Only a person who signed in with an account can do this, not a program's token."""

    code = "no-person"


class ApprovalNeededError(RightMissingError):
    """His own right does not reach it, but with an approved request for access it would."""

    code = "approval-needed"


class DutySeparationError(ConflictError):
    """System, security and audit administrator are three persons with no other role."""

    code = "duty-separation"


class OwnRightsError(DeniedError):
    """Nobody gives himself roles, or resets his own second factor."""

    code = "own-rights"


class AdministratorError(DeniedError):
    """Another administrator's password or second factor is reset at the server, not by this API."""

    code = "administrator"


class NoEvidenceError(DeniedError):
    """A token for somebody else that opens evidence is made at the server, not by this API."""

    code = "no-evidence"


class AccountTakenError(ConflictError):
    """Another person has this account or this subject."""

    code = "account-taken"


class OtherOrganError(ConflictError):
    """People, viewers and places of a case or recording are of its own organ."""

    code = "other-organ"


class ForgedRequestError(DeniedError):
    """A browser's session sent a change without its CSRF token."""

    code = "csrf"


class TooManyAttemptsError(TooManyError):
    """Too many failed sign-ins from one place."""

    code = "too-many-attempts"


class NoRouteError(NotFoundError):
    """There is no such page."""

    code = "no-such-page"


class NotBuiltError(UnavailableError):
    """The pages with script were not built into this server."""

    code = "not-built"


class NotAllowedMethodError(MalformedError):
    """The address exists, but not for this method."""

    code = "method-not-allowed"


class NumberTakenError(ConflictError):
    """Another case has this number."""

    code = "case-number-taken"


class AlreadyLinkedError(ConflictError):
    """The item is linked to this case already."""

    code = "already-linked"


class NotLinkedError(ConflictError):
    """The item is not linked to this case."""

    code = "not-linked"


class NotDerivedError(NotFoundError):
    """This poster or waveform does not exist, or not yet."""

    code = "not-derived"
