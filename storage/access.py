"""Who calls, and may he: the protocol that `ingest` and `cases` see; `console` implements it."""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from storage.errors import RightMissingError
from storage.rights import Right

MISSING: web.ResponseKey[str] = web.ResponseKey("MISSING", str)
"""On an answer that refuses: the right that was missing, for whoever keeps the book of refusals."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A known caller.  `actor` is what entries name: `u:`, `s:` or `w:` and a random token."""

    actor: str
    rights: frozenset[Right]
    token: str  # id of the token, not its secret
    name: str
    source: str | None = None  # a source's token fixes the source
    csrf: str | None = None  # set when the caller came by a browser session

    def require(self, right: Right) -> None:
        """Raise DeniedError (RightMissingError) unless the caller has this right."""
        if right not in self.rights:
            raise RightMissingError(right, ", ".join(sorted(self.rights)))


class Access(Protocol):
    async def caller(self, request: web.Request) -> Caller:
        """Who calls, by `Authorization: Bearer` or session cookie; UnauthenticatedError.

        For a session's unsafe methods (POST, PUT, PATCH, DELETE) the CSRF token is checked here.
        """


__all__ = ["MISSING", "Access", "Caller", "Right"]
