"""The API of asking and deciding: interruptions, exemptions, access, and what waits for whom.

Guarantee: whoever asked does not decide, he may withdraw; programs ask, people decide.
Not covered: proposals of policy are made in `console.rules_api` and decided here.
"""

import json
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from cases import approvals, judging, policy
from cases import asked as requests
from cases.course_acts import act_time
from console import matrix
from console.answers import allowed, limit, plain, speech
from console.course_said import recorded
from console.guard import permit
from console.i18n import Speech
from console.parts import PARTS
from console.told import telling
from storage.access import Caller, Right
from storage.errors import RightMissingError
from storage.ledger import Draft
from verify.entries import format_time, parse_time

ROUTES = web.RouteTableDef()


@ROUTES.post("/api/cases/{case}/interruptions")
async def explain(request: web.Request) -> web.Response:
    """Why nothing was recorded for a while 中断说明: of a hole that is there, and no more than it."""
    caller = await allowed(request, Right.CASE)
    parts, body, case = request.app[PARTS], await request.json(), request.match_info["case"]
    start_ms, end_ms = parse_time(body["start"]), parse_time(body["end"])
    now_ms = parts.clock.now_ms()

    def draft(conn: Connection, new: str) -> Draft:
        found = judging.read(conn, case, now_ms)
        rule, occasion = body["rule"], body.get("occasion")
        judging.known_rule(found, rule, occasion)
        return approvals.explain(
            new, case, rule=rule, start_ms=start_ms, end_ms=end_ms, cause=body["cause"],
            text=body["text"], actor=caller.actor,
            holes=[approvals.Stretch(*one) for one in judging.open_holes(found, rule, occasion)],
            waiting=[approvals.Stretch(*one) for one in requests.waiting_for(conn, case, rule)],
        )  # fmt: skip

    async with telling(request, case):
        id_, event = await approvals.ask(parts.ledger, draft)
    told = {"approval": id_, "start": event.fields["start"], "end": event.fields["end"]}
    return plain(recorded(event.index, event.leaf, told), 201)


@ROUTES.post("/api/cases/{case}/exemptions")
async def ask_exemption(request: web.Request) -> web.Response:
    """Why a rule did not have to be followed 免予记录; too late is marked, never refused."""
    caller = await allowed(request, Right.CASE)
    parts, body, case = request.app[PARTS], await request.json(), request.match_info["case"]
    zone, wall_ms = parts.settings.zone, parts.clock.now_ms()

    def draft(conn: Connection, new: str) -> Draft:
        now_ms = act_time(conn, wall_ms)
        found = judging.read(conn, case, now_ms)
        occasion = body.get("occasion")
        known = judging.known_rule(found, body["rule"], occasion)
        rules = found.policy.exemption.term, zone, found.policy.holidays.days()
        due = approvals.exemption_due(judging.should_start(found, known), *rules)
        if occasion is None:
            occasion = judging.only_occasion(found, body["rule"])
        return approvals.ask_exemption(
            new, case, rule=body["rule"], occasion=occasion, ground=body["ground"],
            text=body["text"], due=due, now_ms=now_ms, actor=caller.actor,
        )  # fmt: skip

    id_, event = await approvals.ask(parts.ledger, draft)
    told = {
        "approval": id_, "due": event.fields["due"], "marks": event.fields.get("marks", [])
    }  # fmt: skip
    return plain(recorded(event.index, event.leaf, told), 201)


@ROUTES.post("/api/cases/{case}/access")
async def ask_for_case(request: web.Request) -> web.Response:
    return await _ask_access(request, case=request.match_info["case"])


@ROUTES.post("/api/items/{item}/access")
async def ask_for_item(request: web.Request) -> web.Response:
    return await _ask_access(request, item=request.match_info["item"])


async def _ask_access(
    request: web.Request, *, case: str | None = None, item: str | None = None
) -> web.Response:
    """Ask to see what is beyond one's own right, for a purpose and a while."""
    caller = await allowed(request, Right.READ)
    parts, body = request.app[PARTS], await request.json()
    until_ms, wall_ms = parse_time(body["until"]), parts.clock.now_ms()

    def draft(conn: Connection, new: str) -> Draft:
        if item is not None:
            requests.must_be_there(conn, "item", item)
        else:
            requests.must_be_there(conn, "case", str(case))
        now_ms = act_time(conn, wall_ms)
        most_days = policy.in_force(conn, now_ms).access.most_days
        return approvals.ask_access(
            new, case=case, item=item, purpose=body["purpose"], until_ms=until_ms, now_ms=now_ms,
            most_days=most_days, actor=caller.actor,
        )  # fmt: skip

    id_, event = await approvals.ask(parts.ledger, draft)
    return plain(recorded(event.index, event.leaf, {"approval": id_}), 201)


# --- deciding -------------------------------------------------------------------------------


@ROUTES.get("/api/approvals")
async def list_approvals(request: web.Request) -> web.Response:
    """What waits for the caller (`waiting`), what he asked (`asked`), or both and what is decided."""
    which = request.query.get("which", "waiting")
    return plain({"approvals": await approvals_value(request, which, limit(request))})


async def approvals_value(
    request: web.Request, which: str, most: int, *, case: str | None = None
) -> list[dict[str, Any]]:
    """The same for the desk, and of one case for its page."""
    caller = await allowed(request, Right.READ)
    now_ms = request.app[PARTS].clock.now_ms()

    def read(conn: Connection) -> list[requests.Listed]:
        person = None
        if caller.person is not None:
            person = requests.person_of(conn, caller.person, now_ms)
        return [
            one for one in requests.listed(conn)
            if case in (None, one.asked.case) and _concerns(which, one, caller, person)
        ][:most]  # fmt: skip

    async with request.app[PARTS].database.read() as conn:
        found = await conn.run_sync(read)
    spoken = speech(request)
    return [_said(one, spoken) for one in found]


def _concerns(
    which: str, one: requests.Listed, caller: Caller, person: requests.Person | None
) -> bool:
    own = one.asked.asked_by == caller.actor
    if which == "asked":
        return own
    if which == "waiting" and one.asked.decision is not None:
        return False
    if caller.person is None:  # a program: of the organ that its token names, if it names one
        return caller.organ is None or caller.organ == one.asked.organ
    asked = one.asked
    decides = person is not None and approvals.may_decide(
        asked.kind, asked.organ, asked.units, person
    )
    return (decides and not own) or (which == "all" and own)


def _said(one: requests.Listed, spoken: Speech) -> dict[str, Any]:
    a = one.asked

    def time(ms: int | None) -> str | None:
        return None if ms is None else format_time(ms)

    return {
        "id": a.id, "kind": a.kind, "kind_text": spoken.choice("approval", a.kind),
        "case": a.case, "case_number": one.number, "item": a.item, "rule": one.rule,
        "occasion": one.occasion, "code": one.code,
        "code_text": None if one.code is None else spoken.choice(f"approval.{a.kind}", one.code),
        "text": one.text, "start": time(one.start_ms), "end": time(a.end_ms),
        "value": None if one.value is None else json.loads(one.value),
        "marks": json.loads(one.marks), "asked_by": a.asked_by, "asked_by_name": one.asker,
        "asked": time(one.asked_ms), "decision": a.decision, "decided_by": one.decided_by,
        "decided_by_name": one.decider, "decided": time(one.decided_ms),
        "decided_reason": one.decided_reason, "until": time(one.until_ms),
    }  # fmt: skip


@ROUTES.post("/api/approvals/{approval}/decision")
async def decide(request: web.Request) -> web.Response:
    """Approve or refuse what another person asked; withdraw what one asked oneself."""
    caller = await request.app[PARTS].access.caller(request)
    parts, body, id_ = request.app[PARTS], await request.json(), request.match_info["approval"]
    if body["decision"] != "withdrawn":
        await _may_decide(request, caller, id_)
    event = await approvals.record_decision(
        parts.ledger, caller.actor, id_, person=caller.person, decision=body["decision"],
        reason=body.get("reason"), until=body.get("until"), now_ms=parts.clock.now_ms(),
    )  # fmt: skip
    told = {"decision": event.fields["decision"], "until": event.fields.get("until")}
    return plain(recorded(event.index, event.leaf, told), 201)


async def _may_decide(request: web.Request, caller: Caller, approval: str) -> None:
    """Only people decide, those whom the matrix lets: a policy has no place, the rest have one."""
    if caller.person is None:
        raise RightMissingError("approval.decide", ", ".join(sorted(caller.rights)))
    async with request.app[PARTS].database.read() as conn:
        asked = await conn.run_sync(requests.asked_of, approval)
    if asked is None or asked.kind != "policy":
        await permit(request, "approval.decide", "approval", approval)
    elif not matrix.anywhere(matrix.shipped(), caller.roles, "policy.decide"):
        raise RightMissingError("policy.decide", ", ".join(sorted(caller.roles)))
