"""What a problem says beside its sentence: what is missing, which row of a file is wrong.

A handler notes it on the request before the error leaves; `console.problems` adds it to the answer.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from cases import standing
from cases.approvals import NoHoleError
from cases.filing import UnexplainedHoleError
from cases.procedure.load import BadProcedureError
from cases.procedure.machine import NotAllowedError, NotYourPartError
from cases.procedure.reasons import chinese
from console import course_said
from console.answers import speech
from console.parts import PARTS
from verify.errors import EvidenceError

MEMBERS: web.RequestKey[dict[str, Any]] = web.RequestKey("MEMBERS", dict[str, Any])


@asynccontextmanager
async def telling(request: web.Request, case: str) -> AsyncIterator[None]:
    """Around an act on a case: a refusal names what is missing in the caller's language."""
    try:
        yield
    except NoHoleError as error:
        request[MEMBERS] = {"holes": [course_said.stretch(hole) for hole in error.holes]}
        raise
    except NotYourPartError as error:
        spoken = speech(request)
        names = spoken("format.or").join(spoken.choice("role", role) for role in error.roles)
        request[MEMBERS] = {
            "title": spoken("problem.not-your-part.roles", roles=names), "roles": list(error.roles)
        }  # fmt: skip
        raise
    except (NotAllowedError, UnexplainedHoleError) as error:

        def procedure(conn: Connection) -> Any:
            return standing.read(conn, case).procedure

        async with request.app[PARTS].database.read() as conn:
            known = await conn.run_sync(procedure)
        if isinstance(error, NotAllowedError):
            members = {"missing": course_said.missing(known, error.missing, speech(request))}
        else:
            members = {"holes": course_said.lacking(known, error.verdicts, speech(request))}
        request[MEMBERS] = members
        raise


def bad_procedure(request: web.Request, error: BadProcedureError) -> EvidenceError:
    """The same error, with line and reason (in the caller's language) of every problem noted."""
    zh = speech(request).language.startswith("zh")
    request[MEMBERS] = {
        "problems": [
            {"line": p.line, "where": p.where, "reason": (zh and chinese(p.reason)) or p.reason}
            for p in error.problems
        ]
    }
    return error
