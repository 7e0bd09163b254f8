"""Who calls, and may he: the protocol that `ingest` and `cases` see; `console` implements it."""

from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from storage.errors import RightMissingError
from storage.rights import Right, Role

MISSING: web.ResponseKey[str] = web.ResponseKey("MISSING", str)
"""On an answer that refuses: the right that was missing, for whoever keeps the book of refusals."""

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """A known caller: a program by its token, or a person with roles and a place.

    `actor` is what entries name: `u:`, `s:` or `w:` and a random token.
    """

    actor: str
    rights: frozenset[Right]  # a person's follow from his roles
    token: str  # id of the token, or the digest of a person's session; never a secret
    name: str
    source: str | None = None  # a source's token fixes the source
    csrf: str | None = None  # set when the caller came by a browser session
    session: str | None = None  # digest of the session of a person who signed in with an account
    person: str | None = None  # id; None: a program
    roles: frozenset[Role] = field(default_factory=frozenset)
    organ: str | None = None  # of a program: the only one that it may see
    unit: str | None = None
    units: frozenset[str] = _NONE  # his unit and all below it; a program's: all of its organ
    supervised: frozenset[str] = _NONE  # organs below his organ
    top: bool = False  # his organ is the topmost one, which what nobody owns yet belongs to
    must_change: bool = False  # a password that somebody else knows: nothing before it is changed
    must_totp: bool = False  # his role asks for a second factor that is not set up yet

    def require(self, right: Right) -> None:
        """Raise DeniedError (RightMissingError) unless the caller has this right."""
        if right not in self.rights:
            raise RightMissingError(right, ", ".join(sorted(self.rights)))


@dataclass(frozen=True, slots=True)
class Visible:
    """Which rows of a list a caller may see: the union of what is named here.

    Private ones only if they are his (`person`, also as a named viewer), or of a unit or an organ
    that he heads.  `everything` says nothing about private ones.
    """

    everything: bool = False
    organs: frozenset[str] = _NONE
    units: frozenset[str] = _NONE
    person: str | None = None
    unowned: bool = False  # what belongs to nobody yet
    private: bool = False  # private ones, whosever
    headed_units: frozenset[str] = _NONE
    headed_organs: frozenset[str] = _NONE

    @property
    def nothing(self) -> bool:
        """Whether no row can be visible."""
        return not (self.everything or self.organs or self.units or self.person or self.unowned)


class Access(Protocol):
    async def caller(self, request: web.Request) -> Caller:
        """Who calls, by `Authorization: Bearer` or session cookie; UnauthenticatedError.

        For a session's unsafe methods (POST, PUT, PATCH, DELETE) the CSRF token is checked here.
        """


__all__ = ["MISSING", "Access", "Caller", "Right", "Role", "Visible"]
