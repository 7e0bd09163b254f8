"""What cases are judged by, over HTTP: whole imports, named mistakes, two persons for a policy."""

import json
from typing import Any

from aiohttp import ClientSession

from cases import policy
from cases.policy import shipped_value
from cases.procedure.shipped import shipped
from console.rules_api import TYPES
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import begun, last_types, size
from tests.console.staff import settled
from tests.console.test_api import call
from verify.entries import format_time, parse_time

FROM = "valid_from=2026-01-01T00:00:00.000Z"
HEADING = "序号,执法类别,记录环节/记录事项,记录方式,开始记录时间点,结束记录时间点,应当/可以\n"
GOOD = HEADING + "1,行政检查,现场检查,执法记录仪,到达现场,离开现场,应当\n"
BAD = HEADING + "1,行政检查,现场检查,千里眼,到达现场,离开现场,应当\n2,行政检查,送达,拍照,,,或许\n"


async def sent(
    client: ClientSession, path: str, body: bytes, type_: str, expected: int, **headers: str
) -> Any:
    async with client.post(path, data=body, headers={"Content-Type": type_, **headers}) as answer:
        text = await answer.text()
        assert answer.status == expected, text
        return json.loads(text)


async def test_a_preview_tells_rows_and_problems_and_records_nothing(house: House) -> None:
    client = await house.client(language="zh-CN")
    before = await size(house)
    shown = await sent(
        client, f"/api/rules/preview?name=清单&version=1&{FROM}", GOOD.encode("gb18030"),
        "text/csv", 200,
    )  # fmt: skip
    assert [r["start"]["code"] for r in shown["rules"]] == ["arrived"]
    wrong = await sent(
        client, f"/api/rules/preview?name=清单&version=1&{FROM}", BAD.encode(), "text/csv", 200
    )
    assert wrong["rules"] == []
    errors = [(p["row"], p["code"]) for p in wrong["problems"] if p["severity"] == "error"]
    assert errors == [(2, "methods"), (3, "must")]
    assert "千里眼" in wrong["problems"][0]["text"]
    assert await size(house) == before


async def test_a_list_with_a_mistake_is_refused_whole_with_every_row(house: House) -> None:
    client = await house.client()
    before = await size(house)
    refused = await sent(
        client, f"/api/rules?name=清单&version=1&{FROM}", BAD.encode(), "text/csv", 422
    )
    assert refused["code"] == "bad-rule-list"
    assert [p["row"] for p in refused["problems"] if p["severity"] == "error"] == [2, 3]
    nameless = await sent(client, "/api/rules", GOOD.encode(), "text/csv", 422)
    assert {p["code"] for p in nameless["problems"]} >= {"no_version", "no_valid_from"}
    assert await size(house) == before
    await sent(client, "/api/rules", b"x", "application/pdf", 400)


async def test_a_list_comes_out_as_each_kind_of_file_and_goes_in_again(house: House) -> None:
    client = await house.client()
    since = await size(house)
    made = await sent(
        client, f"/api/rules?name=清单&version=1&{FROM}", GOOD.encode(), "text/csv", 201
    )
    assert await last_types(house, since) == ["rules.set"]
    listed = (await call(house, client, "GET", "/api/rules", 200))["rules"]
    assert [(r["name"], r["version"], r["in_force"]) for r in listed] == [("清单", "1", True)]
    for number, (kind, type_) in enumerate(TYPES.items(), 2):
        async with client.get(f"/api/rules/{made['id']}?format={kind}") as answer:
            assert answer.headers["Content-Type"].startswith(type_)
            body = await answer.read()
        again = await sent(
            client, f"/api/rules/preview?version={number}", body, type_, 200
        )  # fmt: skip
        assert [r["code"] for r in again["rules"]] == ["1"]
    await call(house, client, "GET", f"/api/rules/{'0' * 32}", 404)


async def test_a_list_that_is_dated_back_says_so_and_leaves_running_and_filed_cases_alone(
    house: House,
) -> None:
    client = await house.client()
    filed, running = await begun(house, client, number="1"), await begun(house, client, number="2")
    await filed.to_the_end()
    await filed.call("POST", "/filing", 201, {"leader": await head_of(house)})
    before = await filed.coverage()
    path = f"/api/rules?name=清单&version=1&{FROM}"
    shown = await sent(client, path.replace("?", "/preview?"), GOOD.encode(), "text/csv", 200)
    assert shown["backdated"] is True
    note = next(p for p in shown["problems"] if p["code"] == "backdated")
    assert (note["severity"], "2026-01-01" in note["text"]) == ("note", True)
    await sent(client, path, GOOD.encode(), "text/csv", 201)
    later = await begun(house, client, number="3")
    await sent(client, path.replace("version=1", "version=2"), GOOD.encode(), "text/csv", 201)
    due = path.replace("2026-01-01", "2099-01-01").replace("version=1", "version=3")
    await sent(client, due, GOOD.encode(), "text/csv", 201)
    listed = (await call(house, client, "GET", "/api/rules", 200))["rules"]
    assert [(r["version"], r["backdated"]) for r in listed] == [
        ("3", False), ("2", True), ("1", True),
    ]  # fmt: skip
    assert await filed.coverage() == before
    assert "清单@2" in (await running.call("GET", "/coverage", 200))["rules"]
    assert "清单@1" in (await later.call("GET", "/coverage", 200))["rules"]


async def head_of(house: House) -> str:
    return await (await settled(house)).person(Role.ORGAN_HEAD)


async def test_a_bad_procedure_is_refused_with_line_and_reason(house: House) -> None:
    client = await house.client()
    text = shipped()["inspection"].text.decode()
    bad = text.replace('to = "inspect"', 'to = "nowhere"', 1)
    before = await size(house)
    refused = await sent(client, "/api/procedures", bad.encode(), "application/toml", 422)
    assert refused["code"] == "bad-procedure"
    line = bad.split("\n").index('to = "nowhere"') + 1
    assert (line, True) in [(p["line"], "nowhere" in p["reason"]) for p in refused["problems"]]
    chinese = await house.client(language="zh-CN")
    said = await sent(chinese, "/api/procedures", bad.encode(), "application/toml", 422)
    told = [(p["line"], p["reason"]) for p in said["problems"]]
    assert (line, "本程序没有环节 'nowhere'") in told
    before += 1  # the token of the second client
    await sent(client, "/api/procedures", b"\xff", "application/toml", 400)
    other = text.replace("检查启动", "启动检查")
    taken = await sent(client, "/api/procedures", other.encode(), "application/toml", 409)
    assert taken["code"] == "procedure-taken"
    assert await size(house) == before


async def test_a_running_case_stays_under_the_version_it_began_with(house: House) -> None:
    client = await house.client()
    old = await begun(house, client)
    newer = shipped()["inspection"].text.decode().replace("version = 1", "version = 2", 1)
    newer = newer.replace("检查启动", "启动检查")
    await sent(client, "/api/procedures", newer.encode(), "application/toml", 201)
    await sent(client, "/api/procedures", newer.encode(), "application/toml", 200)
    new = await begun(house, client, number="2")
    client = new.client = old.client = await house.client(language="zh-CN")
    assert (await old.shown())["stage"]["label"] == "检查启动"
    assert (await new.shown())["stage"]["label"] == "启动检查"
    listed = (await call(house, client, "GET", "/api/procedures", 200))["procedures"]
    assert [p["version"] for p in listed if p["name"] == "inspection"] == [1, 2]
    drawn = "/api/procedures/inspection.svg"
    async with client.get(drawn) as answer:
        assert "启动检查" in await answer.text()
    async with client.get(f"{drawn}?version=1") as answer:
        assert "检查启动" in await answer.text()
    async with client.get("/api/procedures/nothing.svg") as answer:
        assert answer.status == 404


async def test_a_policy_holds_once_another_person_approves_and_its_day_has_come(
    house: House,
) -> None:
    staff = await settled(house)
    admin = await staff.signed_in(Role.SYSTEM_ADMIN, None, None)
    head = await staff.signed_in(Role.ORGAN_HEAD)
    unit_head = await staff.signed_in(Role.UNIT_HEAD)
    value = json.loads(json.dumps(dict(shipped_value()), default=str))
    value["coverage"] = {"hole_ms": 60_000}
    proposal = {
        "version": "city-1", "valid_from": format_time(house.clock.now_ms() + 3_600_000),
        "value": value, "reason": "本市规定",
    }  # fmt: skip
    wrong = {**proposal, "value": {**value, "coverage": {"hole_ms": -1}}}
    bad = await call(house, admin, "POST", "/api/policies", 422, wrong)
    assert bad["code"] == "bad-policy"
    since = await size(house)
    asked = await call(house, admin, "POST", "/api/policies", 201, proposal)
    taken = await call(house, admin, "POST", "/api/policies", 409, proposal)
    assert taken["code"] == "version-taken"
    decision = f"/api/approvals/{asked['approval']}/decision"
    for who in (admin, unit_head):
        await call(house, who, "POST", decision, 403, {"decision": "approved"})
    waiting = await call(house, head, "GET", "/api/approvals", 200)
    assert [a["code"] for a in waiting["approvals"]] == ["city-1"]
    await call(house, head, "POST", decision, 201, {"decision": "approved"})
    types = [t for t in await last_types(house, since) if t != "access.denied"]
    assert types == ["policy.proposed", "approval.decided"]
    shown = await call(house, head, "GET", "/api/policies", 200)
    assert (shown["in_force"], [p["state"] for p in shown["policies"]]) == (
        "shipped-1", ["shipped", "approved"],
    )  # fmt: skip
    house.clock.shift_ms += 3_700_000
    client = await house.client()
    later = await call(house, client, "GET", "/api/policies", 200)
    assert later["in_force"] == "city-1"
    course = await begun(house, client)
    await course.point("arrived", 0)
    await course.point("left", 600)
    await course.recording(-1, 300)
    await course.recording(340, 601)
    found = await course.call("GET", "/coverage", 200)
    scene = next(v for v in found["verdicts"] if v["rule"] == "inspection/record_scene")
    assert (found["policy"], scene["verdict"]) == ("city-1", "complete")


async def test_a_policy_does_not_hold_before_its_approval(house: House) -> None:
    staff = await settled(house)
    admin = await staff.signed_in(Role.SYSTEM_ADMIN, None, None)
    head = await staff.signed_in(Role.ORGAN_HEAD)
    value = json.loads(json.dumps(dict(shipped_value()), default=str))
    before_ms = house.clock.now_ms()
    proposal = {
        "version": "city-1", "valid_from": "2020-01-01T00:00:00.000Z", "value": value,
        "reason": "本市规定",
    }  # fmt: skip
    asked = await call(house, admin, "POST", "/api/policies", 201, proposal)
    decision = f"/api/approvals/{asked['approval']}/decision"
    await call(house, head, "POST", decision, 201, {"decision": "approved"})
    async with house.database.read() as conn:
        then = await conn.run_sync(policy.in_force, before_ms - 1)
        now = await conn.run_sync(policy.in_force, house.clock.now_ms() + 1)
    assert (then.version, now.version) == ("shipped-1", "city-1")
    shown = (await call(house, head, "GET", "/api/policies", 200))["policies"][1]
    assert parse_time(shown["valid_from"]) >= before_ms


async def test_programs_ask_and_people_decide(house: House) -> None:
    client, staff = await house.client(), await settled(house)
    course = await begun(house, client, organ=staff.organ(), unit=staff.unit())
    ask = {"rule": "inspection/record_scene", "ground": "secret", "text": "涉及隐私"}
    asked = await course.call("POST", "/exemptions", 201, ask)
    decision = f"/api/approvals/{asked['approval']}/decision"
    await call(house, client, "POST", decision, 403, {"decision": "approved"})
    await call(house, client, "POST", decision, 201, {"decision": "withdrawn"})


async def test_a_sheet_with_pictures_in_it_may_be_larger_than_other_bodies(small: House) -> None:
    client = await small.client()
    rows = "序号,执法类别,执法事项,记录方式,应当/可以,备注\n" + "".join(
        f"{n},行政检查,事项{n},录像,应当,{'备' * 400}\n" for n in range(1, 401)
    )
    body = rows.encode()
    assert len(body) > 256 * 1024
    query = "name=L&version=1&valid_from=2026-01-01T00:00:00.000Z"
    for expected, data in ((200, body), (413, b"x" * (8 * 1024 * 1024 + 1))):
        async with client.post(
            f"/api/rules/preview?{query}", data=data, headers={"Content-Type": "text/csv"}
        ) as answer:
            assert answer.status == expected, await answer.text()
