"""The course of a case over HTTP: acts are gated, facts are never refused, and both leave entries."""

from typing import Any

import pytest
from sqlalchemy import select

from storage import tables
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import NUMBER, Course, begun, last_types, size
from tests.console.staff import settled
from tests.console.test_api import call
from tests.storage.samples import dump
from tests.storage.test_replay import brought_back, records
from verify.entries import format_time

SCENE = "inspection/record_scene"


async def test_m01_no_document_of_a_later_stage_is_issued_while_a_mandatory_one_is_missing(
    house: House,
) -> None:
    """M01: acts are gated and told what is missing, in both languages."""
    course = await begun(house, await house.client())
    before = await size(house)
    refused = await course.issue("result_sheet", 409)
    assert refused["code"] == "not-allowed"
    assert {(m["kind"], m["code"]) for m in refused["missing"]} >= {
        ("document", "inspection_record"), ("stage", "inspect"),
    }  # fmt: skip
    assert "Record of the inspection" in " ".join(m["text"] for m in refused["missing"])
    course.client = await house.client(language="zh-CN")
    said = await course.issue("result_sheet", 409)
    assert "缺少文书：行政检查笔录" in [m["text"] for m in said["missing"]]
    assert (await course.act("concluded", 409))["code"] == "not-allowed"
    assert (await course.call("POST", "/filing", 409, {}))["code"] == "not-allowed"
    tokens = 1  # of the second client
    assert await size(house) == before + tokens


async def test_m01_a_fact_that_happened_all_the_same_is_recorded_with_its_permanent_mark(
    house: House,
) -> None:
    """M01 and finding 13: the mark stays when what was missing comes later."""
    course = await begun(house, await house.client())
    added = await course.fact("result_sheet", at=course.at(10), source="document")
    assert "missing-predecessor:inspection_record" in added["marks"]
    entered = await course.call(
        "POST", "/stages", 201, {"how": "fact", "stage": "inform", "at": course.at(20)}
    )
    assert "missing-predecessor:inspect" in entered["marks"]
    gone = await course.call("POST", "/stages", 201, {"how": "fact", "transition": "nowhere"})
    assert gone["marks"] == ["not-in-procedure"]
    odd = await course.point("something else", -10)
    assert odd["marks"] == ["not-in-procedure"]
    later = await course.point("arrived", 7 * 86_400)
    assert "in-future" in later["marks"]
    await course.fact("inspection_record", at=course.at(30))
    shown = await course.shown()
    marks = {(m["what"], m["code"], m["mark"]) for m in shown["marks"]}
    assert ("document", "result_sheet", "missing-predecessor:inspection_record") in marks
    assert ("stage", "inform", "missing-predecessor:inspect") in marks
    assert ("point", "arrived", "in-future") in marks
    assert shown["stage"]["code"] == "inform"


async def test_who_describes_a_case_by_what_no_longer_stands_there_undoes_nobodys_words(
    house: House,
) -> None:
    course = await begun(house, await house.client(), place={"text": "和平路1号"})
    read = (await course.shown())["changed_index"]
    mine = {"changed_index": read, "reason": "更正"}
    await course.call("POST", "/changes", 201, mine | {"parties": ["甲公司"]})
    before = await size(house)
    late = await course.call("POST", "/changes", 409, mine | {"parties": ["乙公司"]})
    assert late["code"] == "case-changed"
    assert await size(house) == before
    shown = await course.shown()
    assert shown["parties"] == ["甲公司"]
    again = mine | {"changed_index": shown["changed_index"], "place": None}
    await course.call("POST", "/changes", 201, again)
    assert (await course.shown())["place"] is None, "a place can be taken back"


async def test_every_accepted_call_leaves_exactly_its_entries_and_replay_gives_the_same_rows(
    house: House, tmp_path: Any
) -> None:
    course = await begun(house, await house.client())
    since = await size(house)
    await course.to_the_end()
    await course.point("arrived", 0)
    await course.point("left", 600)
    first = (await course.shown())["points"][0]["index"]
    await course.point("identity_shown", -5, replaces=first)
    await course.recording(-10, 700)
    await course.call("POST", "/judgements", 201, {})
    changed = {"title": "律所检查（改）", "parties": ["某律师事务所"], "reason": "更正"}
    await course.call("POST", "/changes", 201, changed)
    filed = await course.call("POST", "/filing", 201, {})
    assert (filed["defects"], filed["leader"]) == ([], None)
    assert await last_types(house, since) == [
        "document.issued", "case.stage", "case.point", "case.point", "document.issued",
        "case.stage", "document.issued", "case.stage", "case.point", "document.issued",
        "case.stage", "document.issued", "case.point", "case.point", "case.point",
        "upload.opened", "item.sealed", "item.attributed", "item.linked", "coverage.judged",
        "case.changed", "case.closed",
    ]  # fmt: skip
    rows = await dump(house.database)
    from storage.database import Database  # noqa: PLC0415

    empty = f"sqlite:///{tmp_path / 'again.db'}"
    database = await Database.open(empty)
    await database.close()
    again, replayed = await brought_back(empty, await records(house.database))
    assert replayed.unexplained == ()
    assert again == rows


async def test_an_opened_case_records_its_shipped_procedure_once(house: House) -> None:
    client = await house.client()
    since = await size(house)
    one = await begun(house, client)
    two = await begun(house, client, number="2")
    assert await last_types(house, since) == ["procedure.set", "case.opened", "case.opened"]
    shown = await two.shown()
    assert shown["procedure"] == {
        "name": "inspection", "version": 1, "title": "Administrative inspection",
        "category": "inspection", "enforcement": True,
    }  # fmt: skip
    assert (shown["kind"], shown["stage"]["code"]) == ("inspection", "prepare")
    ways = {w["transition"]: w["missing"] for w in shown["ways"]}
    assert [m["code"] for m in ways["approved"]] == ["inspection_approval"]
    assert one.case != two.case


async def test_the_case_of_another_system_is_opened_once(house: House) -> None:
    client = await house.client()
    body = {
        "number": NUMBER, "title": "占道经营", "kind": "penalty", "parties": ["某公司"],
        "place": {"text": "人民路 1 号", "lat_e7": 312000000, "lon_e7": 1214000000},
        "external": {"system": "办案平台", "key": "A-17"},
    }  # fmt: skip
    first = await call(house, client, "POST", "/api/cases", 201, body)
    before = await size(house)
    again = await call(house, client, "POST", "/api/cases", 200, body | {"title": "另一标题"})
    assert (again, await size(house)) == (first, before)
    shown = await call(house, client, "GET", f"/api/cases/{first['id']}", 200)
    assert shown["external"] == {"system": "办案平台", "key": "A-17"}
    assert shown["place"]["lat_e7"] == 312000000
    taken = await call(
        house, client, "POST", "/api/cases", 409, body | {"external": {"system": "x", "key": "y"}}
    )
    assert taken["code"] == "case-number-taken"
    await call(house, client, "POST", "/api/cases", 400, {"number": "3", "title": "无种类"})
    nothing = {"number": "3", "title": "无程序", "procedure": "no_such_procedure"}
    await call(house, client, "POST", "/api/cases", 404, nothing)
    stranger = {"number": "3", "title": "x", "kind": "x", "people": ["0" * 32]}
    await call(house, client, "POST", "/api/cases", 404, stranger)


async def test_numbers_of_documents_go_on_by_organ_prefix_and_year_and_are_given_once(
    house: House,
) -> None:
    client, staff = await house.client(), await settled(house)
    city = {"organ": staff.organ("city"), "unit": staff.unit("city")}
    one = await begun(house, client, **city)
    two = await begun(house, client, number="2", **city)
    other = await begun(house, client, number="3", organ=staff.organ("county"))
    four = await begun(house, client, number="4", **city)
    for course in (one, two, other, four):
        await course.issue("inspection_approval")
    numbers = [(await c.issue("inspection_notice"))["number"] for c in (one, two, other, four)]
    year = format_time(house.clock.now_ms())[:4]
    assert [n.partition("〕")[2] for n in numbers] == ["1号", "2号", "1号", "3号"]
    assert numbers[0].startswith("检通〔" + year[:2])
    five = await begun(house, client, number="5", **city)
    await five.issue("inspection_approval")
    refused = await five.issue("inspection_notice", 409, number=numbers[0])
    assert refused["code"] == "document-number-taken"
    assert (await five.issue("inspection_notice", number="自编 7"))["number"] == "自编 7"
    noted = await two.fact("inspection_notice", number=numbers[0], at=two.at(0))
    assert "number-taken" in noted["marks"]
    listed = (await one.call("GET", "/documents", 200))["documents"]
    assert [d["number"] for d in listed] == [None, numbers[0]]


async def test_a_document_that_is_there_is_not_issued_again_and_a_fact_of_it_is_marked(
    house: House,
) -> None:
    client = await house.client(language="zh-CN")
    course = await begun(house, client)
    await course.issue("inspection_approval")
    await course.issue("inspection_notice")
    before = await size(house)
    refused = await course.issue("inspection_notice", 409)
    [lacks] = refused["missing"]
    assert (lacks["kind"], lacks["text"]) == ("issued", "已经制发过文书：行政检查通知书")
    assert await size(house) == before
    noted = await course.fact("inspection_notice")
    assert noted["marks"] == ["issued-again"]
    assert "重复制发" in {m["text"] for m in (await course.shown())["marks"]}


async def test_only_whose_part_it_is_issues_an_opinion_but_anybody_notes_that_it_exists(
    house: House,
) -> None:
    staff = await settled(house)
    officer = await staff.signed_in(Role.OFFICER)
    course = await begun(house, officer, procedure="legal_review")
    for language, named in (("en", "legal reviewer"), ("zh-CN", "法制审核员")):
        officer.headers["Accept-Language"] = language
        for body in ({"kind": "review_opinion"}, {"transition": "examined"}):
            path = "/documents" if "kind" in body else "/stages"
            refused = await course.call("POST", path, 403, {"how": "act", **body})
            assert (refused["code"], refused["roles"]) == ("not-your-part", ["reviewer"])
            assert named in refused["title"]
    await course.fact("review_opinion")
    await course.call("POST", "/stages", 201, {"how": "fact", "transition": "examined"})
    for who in (await staff.signed_in(Role.REVIEWER), await house.client()):
        course.client = who
        assert (await course.issue("review_opinion", 409))["code"] == "not-allowed"


async def test_a_fact_that_names_a_case_of_others_is_recorded_in_ones_own(house: House) -> None:
    staff, program = await settled(house), await house.client()
    mine = await begun(house, await staff.signed_in(Role.OFFICER))
    place = {"organ": staff.organ("county"), "unit": staff.unit("county")}
    theirs = await begun(house, program, number="2", **place)
    told = {"how": "fact", "exit": "transferred", "stage": "file", "other": theirs.case}
    since = await size(house)
    await mine.call("POST", "/stages", 201, told)
    assert await last_types(house, since) == ["case.stage"]
    assert (await mine.shown())["stages"][0]["other"] == theirs.case
    assert (await theirs.shown())["stages"] == []
    await mine.call("POST", "/stages", 404, told | {"other": "0" * 32})
    await mine.call(
        "POST", "/stages", 403, {"how": "act", "transition": "merge", "other": theirs.case}
    )


async def test_a_point_without_a_label_is_told_in_the_words_of_the_list(house: House) -> None:
    client = await house.client(language="zh-CN")
    rows = (
        "序号,执法类别,记录环节/记录事项,记录方式,开始记录时间点,结束记录时间点,应当/可以\n"
        "1,行政检查,送达,执法记录仪,送达开始,送达结束,应当\n"
    )
    query = "?name=清单&version=1&valid_from=2026-01-01T00:00:00.000Z"
    headers = {"Content-Type": "text/csv"}
    async with client.post("/api/rules" + query, data=rows.encode(), headers=headers) as answer:
        assert answer.status == 201
    course = await begun(house, client)
    verdict = (await course.coverage())["清单/1"]
    assert verdict["missing_points"] == ["service_started", "service_ended"]
    assert verdict["text"] == "缺失（缺少时间点：送达开始、送达结束）"


async def test_exits_join_two_cases_and_end_one(house: House) -> None:
    client = await house.client()
    one, two = await begun(house, client), await begun(house, client, number="2")
    await one.issue("merge_approval")
    lacking = await one.act("merge", 409)
    assert [m["code"] for m in lacking["missing"]] == ["other case"]
    since = await size(house)
    merged = await one.act("merge", other=two.case, reason="同一事由")
    assert (merged["exit"], merged["stage"]) == ("merged", "file")
    assert await last_types(house, since) == ["case.stage", "case.stage"]
    ended = await one.shown()
    assert (ended["stage"]["outcome"], ended["stage"]["code"]) == ("merged", "file")
    going = await two.shown()
    assert (going["stage"]["outcome"], going["stage"]["code"]) == (None, "prepare")
    assert going["stages"][0]["other"] == one.case
    noted = await two.call(
        "POST", "/stages", 201, {"how": "fact", "exit": "suspended", "reason": "口头决定"}
    )
    assert noted["exit"] == "suspended"
    assert (await two.shown())["stage"]["suspended"] is True


async def test_a_point_is_corrected_by_another_and_both_stay(house: House) -> None:
    course = await begun(house, await house.client())
    first = await course.point("arrived", 0)
    await course.point("arrived", 30, replaces=first["index"], text="看错表")
    points = (await course.call("GET", "/points", 200))["points"]
    assert [(p["replaced"], p["replaces"]) for p in points] == [
        (True, None), (False, first["index"]),
    ]  # fmt: skip
    await course.call(
        "POST", "/points", 404, {"point": "arrived", "at": course.at(0), "replaces": 0}
    )


# --- coverage -------------------------------------------------------------------------------


async def test_m03_three_files_with_a_hole_of_forty_seconds_are_partial_and_the_hole_is_told(
    house: House,
) -> None:
    """M03: to the second, in both languages, with the versions it was judged under."""
    course = await begun(house, await house.client(language="zh-CN"))
    course.start_ms -= course.start_ms % 600_000
    await course.point("arrived", 0)
    await course.point("left", 600)
    assert (await course.coverage())[SCENE]["verdict"] == "missing"
    await course.recording(-5, 100)
    await course.recording(90, 200)
    await course.recording(240, 640)
    found = await course.call("GET", "/coverage", 200)
    assert found["policy"] == "shipped-1"
    assert found["rules"] == ["inspection@1"]
    scene = next(v for v in found["verdicts"] if v["rule"] == SCENE)
    assert (scene["verdict"], scene["missing_ms"], scene["due"]) == ("partial", 40_000, True)
    [hole] = scene["holes"]
    assert (hole["start"], hole["end"]) == (course.at(200), course.at(240))
    begin = format_time(course.start_ms + 200_000 + 8 * 3_600_000)[11:19]
    end = format_time(course.start_ms + 240_000 + 8 * 3_600_000)[11:19]
    assert scene["text"] == f"部分（缺 40 秒，{begin}–{end}）"
    course.client = await house.client(language="en")
    english = (await course.coverage())[SCENE]["text"]
    assert english == f"partial (40 s are missing, {begin}–{end})"
    await course.recording(195, 245)
    assert (await course.coverage())[SCENE]["verdict"] == "complete"


async def test_m02_an_imported_list_asks_at_once_and_the_verdict_keeps_its_version(
    house: House,
) -> None:
    """M02: 缺项 before linking, 齐全 after, the rule version stored with the verdict."""
    client = await house.client()
    rows = (
        "序号,执法类别,记录环节/记录事项,记录方式,开始记录时间点,结束记录时间点,应当/可以\n"
        "1,行政强制,实施查封,执法记录仪,到达现场,离开现场,应当\n"
    )
    query = "?name=查封清单&version=2026-1&valid_from=2026-01-01T00:00:00.000Z"
    headers = {"Content-Type": "text/csv"}
    for version, expected in (("2026-1", 201), ("2026-1", 409)):
        async with client.post(
            "/api/rules" + query.replace("2026-1&", version + "&"), data=rows.encode(),
            headers=headers,
        ) as answer:  # fmt: skip
            assert answer.status == expected, await answer.text()
    course = await begun(house, client, procedure="coercion")
    verdict = (await course.coverage())["查封清单/1"]
    assert verdict["verdict"] == "missing"
    await course.point("arrived", 0)
    await course.point("left", 60)
    await course.recording(-1, 61)
    assert (await course.coverage())["查封清单/1"]["verdict"] == "complete"
    kept = await course.call("POST", "/judgements", 201, {"why": "review"})
    assert "查封清单@2026-1" in kept["rules"]
    async with house.database.read() as conn:
        row = (await conn.execute(select(tables.judgement))).one()
    assert (row.policy, "查封清单@2026-1" in row.rules, row.why) == ("shipped-1", True, "review")


async def filed_with_hole(house: House, course: Course) -> None:
    await course.to_the_end()
    await course.point("arrived", 0)
    await course.point("left", 600)
    await course.recording(-10, 300)
    await course.recording(340, 610)


async def test_m04_filing_with_an_unexplained_hole_needs_the_leaders_name_and_leaves_a_mark(
    house: House,
) -> None:
    """M04: the defect is shown in every later view of the case."""
    client, staff = await house.client(), await settled(house)
    place = {"organ": staff.organ("city"), "unit": staff.unit("city")}
    course = await begun(house, client, **place)
    await filed_with_hole(house, course)
    refused = await course.call("POST", "/filing", 409, {})
    assert refused["code"] == "unexplained-hole"
    assert [(h["rule"], h["missing_ms"]) for h in refused["holes"]] == [(SCENE, 40_000)]
    officer = await staff.person(Role.OFFICER)
    elsewhere = await staff.person(Role.ORGAN_HEAD, "county")
    beside = await staff.person(Role.UNIT_HEAD, "city", "two")
    below = await staff.person(Role.UNIT_HEAD, "city", "one-below")
    for person in (officer, elsewhere, beside, below):
        denied = await course.call("POST", "/filing", 409, {"leader": person})
        assert denied["code"] == "not-a-leader"
    await course.call("POST", "/filing", 404, {"leader": "0" * 32})
    ended = await staff.person(Role.ORGAN_HEAD, name="ended", ended=format_time(1))
    await course.call("POST", "/filing", 404, {"leader": ended})
    leader = await staff.person(Role.ORGAN_HEAD)
    filed = await course.call("POST", "/filing", 201, {"leader": leader, "reason": "设备无法恢复"})
    assert [d["missing_ms"] for d in filed["defects"]] == [40_000]
    await course.recording(290, 350)  # found afterwards: the mark stays
    shown = await course.shown()
    assert shown["filed"] is True
    assert ("filing", SCENE) in {(m["what"], m["code"]) for m in shown["marks"]}
    told = shown["filings"][0]
    assert (told["leader"], told["leader_name"]) == (leader, "organ_head city one")
    assert (told["by"][:2], told["by_name"]) == ("u:", "李敏")
    async with client.get(f"/cases/{course.case}") as page:
        text = await page.text()
    assert "filed by 李敏" in text
    assert "in the name of organ_head city one" in text
    listed = await call(house, client, "GET", "/api/cases?marked=true", 200)
    assert [c["id"] for c in listed["cases"]] == [course.case]
    again = await course.call("POST", "/filing", 409, {"leader": leader})
    assert again["code"] == "not-allowed"


async def test_a_filed_case_that_is_taken_up_again_is_open_until_it_is_filed_anew(
    house: House,
) -> None:
    """A fact reopens it: the page, the list and the filter say so; the old filing stays on record."""
    client = await house.client()
    course = await begun(house, client)
    await course.to_the_end()
    await course.recording(-70, 610)
    await course.call("POST", "/filing", 201, {})
    before = await course.shown()
    fact = {"how": "fact", "transition": "remake", "source": "document", "reason": "法院撤销"}
    early = fact | {"at": course.at(200)}  # before the filing: it changes nothing
    await course.call("POST", "/stages", 201, early)
    assert ((await course.shown())["filed"], before["filed"]) == (True, True)
    house.clock.shift_ms += 60_000
    await course.call("POST", "/stages", 201, fact | {"at": format_time(house.clock.now_ms())})
    shown = await course.shown()
    assert (shown["filed"], len(shown["filings"])) == (False, 1)
    for state, found in (("open", [course.case]), ("filed", [])):
        listed = await call(house, client, "GET", f"/api/cases?state={state}", 200)
        assert [c["id"] for c in listed["cases"]] == found


async def test_a_hole_does_not_vanish_when_its_point_is_noted_anew(house: House) -> None:
    """A second note shrinks nothing; a correction that does is kept and marked for ever."""
    course = await begun(house, await house.client())
    await course.to_the_end()
    arrived = await course.point("arrived", 0)
    await course.point("left", 600)
    await course.recording(-70, 100)
    await course.recording(300, 610)
    await course.point("arrived", 300)
    assert (await course.coverage())[SCENE]["missing_ms"] == 200_000
    wider = await course.point("arrived", -60, replaces=arrived["index"])
    assert wider["marks"] == []
    corrected = await course.point("arrived", 300, replaces=wider["index"])
    assert corrected["marks"] == ["narrowed"]
    assert (await course.coverage())[SCENE]["verdict"] == "complete"
    harmless = await course.point("arrived", 310, replaces=corrected["index"])
    assert harmless["marks"] == []
    filed = await course.call("POST", "/filing", 201, {})
    defects = [(d["mark"], d["point"], d["index"]) for d in filed["defects"]]
    assert defects == [("narrowed", "arrived", corrected["index"])]
    shown = await course.shown()
    found = {(m["what"], m["code"], m["text"]) for m in shown["marks"]}
    text = "Corrected to less time where a recording had a hole"
    assert found >= {("point", "arrived", text), ("filing", "arrived", text)}


async def test_a_leader_finds_what_was_filed_in_his_name(house: House) -> None:
    client, staff = await house.client(), await settled(house)
    place = {"organ": staff.organ("city"), "unit": staff.unit("city")}
    course = await begun(house, client, **place)
    await begun(house, client, number="2", **place)
    await filed_with_hole(house, course)
    head = await staff.person(Role.UNIT_HEAD)
    await course.call("POST", "/filing", 201, {"leader": head})
    for who, leader, found in (
        (client, head, [course.case]), (client, "me", []), (client, "0" * 32, []),
        (await staff.browser(head), "me", [course.case]),
        (await staff.signed_in(Role.ORGAN_HEAD), "me", []),
    ):  # fmt: skip
        listed = await call(house, who, "GET", f"/api/cases?leader={leader}", 200)
        assert [c["id"] for c in listed["cases"]] == found
    await call(house, client, "GET", "/api/cases?leader=x", 400)


async def test_m04_an_explained_hole_needs_nobodys_name(house: House) -> None:
    """M04: reason code, text and approver; waiting is not enough."""
    client, staff = await house.client(), await settled(house)
    place = {"organ": staff.organ("city"), "unit": staff.unit("city")}
    course = await begun(house, client, **place)
    await filed_with_hole(house, course)
    told = {
        "rule": SCENE, "start": course.at(300), "end": course.at(340), "cause": "battery",
        "text": "电池耗尽，更换后继续",
    }  # fmt: skip
    asked = await course.call("POST", "/interruptions", 201, told)
    hole = (await course.coverage())[SCENE]["holes"][0]
    assert (hole["state"], hole["asked"]) == ("unexplained", True)
    assert (await course.call("POST", "/filing", 409, {}))["code"] == "unexplained-hole"
    head = await staff.signed_in(Role.UNIT_HEAD)
    waiting = await call(house, head, "GET", "/api/approvals", 200)
    assert [(a["id"], a["code_text"]) for a in waiting["approvals"]] == [
        (asked["approval"], "battery empty")
    ]
    decision = f"/api/approvals/{asked['approval']}/decision"
    await call(house, head, "POST", decision, 201, {"decision": "approved"})
    again = await call(house, head, "POST", decision, 409, {"decision": "refused"})
    assert again["code"] == "already-decided"
    assert (await course.coverage())[SCENE]["holes"][0]["state"] == "explained"
    filed = await course.call("POST", "/filing", 201, {})
    assert filed["defects"] == []


async def test_an_explanation_speaks_of_a_hole_that_is_there(house: House) -> None:
    course = await begun(house, await house.client(language="zh-CN"))
    told = {
        "rule": SCENE, "start": "1970-01-01T00:00:00.000Z", "end": "2099-01-01T00:00:00.000Z",
        "cause": "battery", "text": "电池耗尽",
    }  # fmt: skip
    none = await course.call("POST", "/interruptions", 409, told)
    assert (none["code"], none["holes"]) == ("no-hole", [])
    assert none["title"] == "此事项在该时段没有未说明的缺口。"
    await course.point("arrived", 0)
    await course.point("left", 600)
    await course.recording(-10, 300)
    await course.recording(340, 610)
    there = {"occasion": "1", "start": course.at(300), "end": course.at(340)}
    beside = told | {"start": course.at(0), "end": course.at(300)}
    refused = await course.call("POST", "/interruptions", 409, beside)
    assert refused["holes"] == [there]
    asked = await course.call("POST", "/interruptions", 201, told)
    assert (asked["start"], asked["end"]) == (there["start"], there["end"])
    again = await course.call("POST", "/interruptions", 409, told)
    assert again["code"] == "already-asked"


async def test_m05_without_approval_the_item_stays_missing(house: House) -> None:
    """M05: three grounds, a deadline that marks and does not refuse, the head of the unit."""
    staff = await settled(house)
    officer = await staff.signed_in(Role.OFFICER)
    course = await begun(house, officer)
    await course.point("arrived", -20 * 86_400)
    await course.point("left", -20 * 86_400 + 60)
    ask = {"rule": SCENE, "ground": "emergency", "text": "抢险，无法佩戴设备"}
    asked = await course.call("POST", "/exemptions", 201, ask)
    assert asked["marks"] == ["late"]
    await course.call("POST", "/exemptions", 400, ask | {"ground": "forgotten"})
    await course.call("POST", "/exemptions", 404, ask | {"rule": "inspection/nothing"})
    assert (await course.coverage())[SCENE]["verdict"] == "missing"
    decision = f"/api/approvals/{asked['approval']}/decision"
    for role, unit, status in (
        (Role.OFFICER, "one", 403), (Role.UNIT_HEAD, "two", 403), (Role.REVIEWER, "one", 403),
    ):  # fmt: skip
        other = await staff.signed_in(role, "city", unit, f"{role} other {unit}")
        await call(house, other, "POST", decision, status, {"decision": "approved"})
    own = await call(house, officer, "POST", decision, 403, {"decision": "approved"})
    assert own["code"] in ("own-request", "denied")
    assert (await course.coverage())[SCENE]["verdict"] == "missing"
    head = await staff.signed_in(Role.UNIT_HEAD)
    await call(house, head, "POST", decision, 201, {"decision": "approved", "reason": "属实"})
    assert (await course.coverage())[SCENE]["verdict"] == "exempt"
    shown = await course.shown()
    assert ("exemption", "late") in {(m["what"], m["mark"]) for m in shown["marks"]}


async def test_m05_an_exemption_is_of_the_occasions_that_were_noted_when_it_was_asked(
    house: House,
) -> None:
    client, staff = await house.client(), await settled(house)
    course = await begun(house, client, organ=staff.organ("city"), unit=staff.unit("city"))
    head = await staff.signed_in(Role.UNIT_HEAD)

    async def visit(occasion: str, seconds: float) -> None:
        await course.point("arrived", seconds, occasion=occasion)
        await course.point("left", seconds + 60, occasion=occasion)

    async def approved(**more: str) -> None:
        told = {"rule": SCENE, "ground": "secret", "text": "涉及隐私"} | more
        asked = await course.call("POST", "/exemptions", 201, told)
        decision = f"/api/approvals/{asked['approval']}/decision"
        await call(house, head, "POST", decision, 201, {"decision": "approved"})

    async def verdicts() -> dict[str | None, str]:
        found = await course.call("GET", "/coverage", 200)
        return {v["occasion"]: v["verdict"] for v in found["verdicts"] if v["rule"] == SCENE}

    await visit("1", 0)
    await approved()
    await visit("2", 600)
    assert await verdicts() == {"1": "exempt", "2": "missing"}
    told = {"rule": SCENE, "ground": "secret", "text": "涉及隐私"}
    refused = await course.call("POST", "/exemptions", 400, told)
    assert "expected one of 1, 2" in refused["detail"]
    await approved(occasion="2")
    assert await verdicts() == {"1": "exempt", "2": "exempt"}


async def test_m05_a_head_does_not_approve_his_own_exemption_and_the_asker_may_withdraw(
    house: House,
) -> None:
    """M05: nobody decides what he asked himself."""
    staff = await settled(house)
    head = await staff.signed_in(Role.UNIT_HEAD)
    course = await begun(house, head)
    ask = {"rule": SCENE, "ground": "secret", "text": "涉及个人隐私"}
    asked = await course.call("POST", "/exemptions", 201, ask)
    decision = f"/api/approvals/{asked['approval']}/decision"
    own = await call(house, head, "POST", decision, 403, {"decision": "approved"})
    assert own["code"] == "own-request"
    chief = await staff.signed_in(Role.ORGAN_HEAD)
    not_his = await call(house, chief, "POST", decision, 403, {"decision": "withdrawn"})
    assert not_his["code"] == "denied"
    await call(house, head, "POST", decision, 201, {"decision": "withdrawn"})
    mine = await call(house, head, "GET", "/api/approvals?which=asked", 200)
    assert [a["decision"] for a in mine["approvals"]] == ["withdrawn"]


# --- access ---------------------------------------------------------------------------------


async def test_m33_a_private_case_needs_a_second_approval_and_no_list_shows_it(
    house: House,
) -> None:
    """M33: what is private opens to its own people, its viewers, and with one approval more."""
    staff = await settled(house)
    officer = await staff.signed_in(Role.OFFICER)
    course = await begun(house, officer, private=True)
    colleague = await staff.signed_in(Role.OFFICER, "city", "one", "colleague")
    body = {"purpose": "协办", "until": format_time(house.clock.now_ms() + 3_600_000)}
    path = f"/api/cases/{course.case}"
    await call(house, colleague, "GET", path, 403)
    assert (await call(house, colleague, "GET", "/api/cases", 200))["cases"] == []
    approvers = [
        await staff.signed_in(Role.UNIT_HEAD), await staff.signed_in(Role.ORGAN_HEAD),
    ]  # fmt: skip
    for approver, expected in zip(approvers, (403, 200), strict=True):
        asked = await call(house, colleague, "POST", f"{path}/access", 201, body)
        decided = await call(
            house, approver, "POST", f"/api/approvals/{asked['approval']}/decision", 201,
            {"decision": "approved"},
        )  # fmt: skip
        assert decided["until"] == body["until"]
        await call(house, colleague, "GET", path, expected)
    house.clock.shift_ms += 3_700_000
    later = await staff.browser(await staff.person(name="colleague"))
    await call(house, later, "GET", path, 403)


@pytest.mark.parametrize("organ", [None, "city"])
async def test_a_program_reads_what_is_private_only_when_somebody_agreed(
    small: House, organ: str | None
) -> None:
    staff = await settled(small)
    person = await staff.person()
    course = await begun(small, await staff.browser(person), private=True)
    item = await course.recording(0, 10, person=person, unit=staff.unit(), organ=staff.organ())
    named = None if organ is None else staff.organ(organ)
    program = await (small.client() if named is None else small.client_of(named))
    path = f"/api/cases/{course.case}"
    view = {"purpose": "x", "what": "original", "case": course.case}
    for method, address, body in (
        ("GET", path, None), ("GET", f"{path}/timeline", None), ("GET", f"{path}/trail", None),
        ("GET", f"/api/items/{item}", None), ("GET", f"/api/items/{item}/receipt", None),
        ("POST", f"/api/items/{item}/views", view),
    ):  # fmt: skip
        said = await call(small, program, method, address, 403, body)
        assert said["code"] == "approval-needed", address
    assert (await call(small, program, "GET", "/api/cases", 200))["cases"] == []
    assert (await call(small, program, "GET", "/api/items", 200))["items"] == []
    asked = await call(
        small, program, "POST", f"{path}/access", 201,
        {"purpose": "统计", "until": format_time(small.clock.now_ms() + 3_600_000)},
    )  # fmt: skip
    head = await staff.signed_in(Role.ORGAN_HEAD)
    decision = f"/api/approvals/{asked['approval']}/decision"
    await call(small, program, "POST", decision, 403, {"decision": "approved"})
    await call(small, head, "POST", decision, 201, {"decision": "approved"})
    await call(small, program, "GET", path, 200)
    small.clock.shift_ms += 3_700_000
    await call(small, program, "GET", path, 403)


async def test_access_is_asked_for_a_while_that_the_policy_allows(house: House) -> None:
    client = await house.client()
    course = await begun(house, client)
    item = await course.recording(0, 10)
    now_ms = house.clock.now_ms()
    for until, expected in (
        (now_ms - 1000, 400), (now_ms + 3660 * 86_400_000, 400), (now_ms + 86_400_000, 201),
    ):  # fmt: skip
        body = {"purpose": "复查", "until": format_time(until)}
        await call(house, client, "POST", f"/api/items/{item}/access", expected, body)
    await call(house, client, "POST", f"/api/items/{'0' * 32}/access", 404, body)


# --- finding --------------------------------------------------------------------------------


async def test_cases_are_found_by_what_is_known_of_them_and_within_what_one_may_see(
    house: House,
) -> None:
    staff, client = await settled(house), await house.client()
    below = await begun(
        house, client, number="一", organ=staff.organ(), unit=staff.unit("city", "one-below"),
        parties=["和平律师事务所"], people=[await staff.person(Role.OFFICER)],
    )  # fmt: skip
    county = await begun(house, client, number="二", organ=staff.organ("county"))
    await begun(house, client, number="三", procedure="penalty_summary")

    async def found(who: Any, query: str = "") -> list[str]:
        page = await call(house, who, "GET", f"/api/cases{query}", 200)
        return [c["number"] for c in page["cases"]]

    assert await found(client) == ["三", "二", "一"]
    assert await found(client, "?text=和平") == ["一"]
    assert await found(client, "?text=%25") == []
    assert await found(client, f"?unit={staff.unit('city', 'one')}") == ["一"]
    assert await found(client, f"?organ={staff.organ('county')}") == ["二"]
    assert await found(client, "?procedure=penalty_summary") == ["三"]
    assert await found(client, f"?person={await staff.person(Role.OFFICER)}") == ["一"]
    assert await found(client, "?state=filed") == []
    assert await found(client, "?marked=false&state=open") == ["三", "二", "一"]
    assert await found(await staff.signed_in(Role.OFFICER)) == ["一"]
    assert await found(await staff.signed_in(Role.UNIT_HEAD)) == ["一"]
    assert await found(await staff.signed_in(Role.ORGAN_HEAD, "county")) == ["二"]
    assert await found(await staff.signed_in(Role.OFFICER, "county")) == []
    supervisor = await staff.signed_in(Role.SUPERVISOR, "bureau")
    assert set(await found(supervisor)) >= {"一", "二"}
    assert (below.case, county.case) != ("", "")


async def test_an_officer_opens_cases_of_his_unit_only(house: House) -> None:
    staff = await settled(house)
    officer = await staff.signed_in(Role.OFFICER)
    course = await begun(house, officer)
    shown = await course.shown()
    assert (shown["organ"], shown["unit"]) == (staff.organ(), staff.unit())
    assert shown["people"] == [await staff.person(Role.OFFICER)]
    for place in ({"unit": staff.unit("city", "two")}, {"organ": staff.organ("county")}):
        body = {"number": "9", "title": "x", "kind": "x", **place}
        await call(house, officer, "POST", "/api/cases", 403, body)


# --- seeing it whole ------------------------------------------------------------------------


async def test_the_time_line_has_everything_on_one_axis(house: House) -> None:
    course = await begun(house, await house.client())
    await filed_with_hole(house, course)
    late = await course.recording(1000, 1010)
    untimed = await house.item(publish=False)
    await course.call("POST", "/links", 201, {"item": untimed, "reason": "现场"})
    await house.record(
        "item.late", f"i:{late}", item=late, ended=course.at(1010), due=course.at(1011),
        sealed=course.at(9000), basis="recording", policy="shipped-1",
    )  # fmt: skip
    line = await course.call("GET", "/timeline", 200)
    rows = [dict(zip(line["columns"], row, strict=True)) for row in line["recordings"]]
    assert [(r["start_ms"] - course.start_ms) // 1000 for r in rows] == [-10, 340, 1000]
    assert rows[2]["late"] is not None
    assert line["untimed"] == [untimed]
    assert [(h["ms"], h["rule"]) for h in line["holes"]] == [(40_000, SCENE)]
    assert [s["stage"] for s in line["stages"]] == ["inspect", "conclude", "inform", "file"]
    part = await course.call(
        "GET", f"/timeline?from={course.at(300)}&to={course.at(900)}&limit=1", 200
    )
    assert len(part["recordings"]) == 1
    assert part["next"] == course.at(340)


async def test_the_procedure_is_drawn_with_the_case_on_it(house: House) -> None:
    client = await house.client()
    course = await begun(house, client)
    for path, word in (
        (f"/api/cases/{course.case}/procedure.svg?language=zh-CN", "实施检查"),
        ("/api/procedures/inspection.svg?language=en", "Telling the result"),
    ):
        async with client.get(path) as answer:
            assert answer.headers["Content-Type"].startswith("image/svg+xml")
            assert word in await answer.text()
    bare = await call(
        house, client, "POST", "/api/cases", 201, {"number": "7", "kind": "other", "title": "x"}
    )
    drawn = await call(house, client, "GET", f"/api/cases/{bare['id']}/procedure.svg", 409)
    assert drawn["code"] == "no-procedure"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/points", {"point": "arrived", "at": "2026-02-30T00:00:00.000Z"}),
        ("/points", {"point": "arrived", "at": "yesterday"}),
        ("/points", {"point": "", "at": "2026-01-01T00:00:00.000Z"}),
        ("/stages", {"how": "act"}),
        ("/stages", {"how": "fact"}),
        ("/stages", {"how": "fact", "exit": "vanished"}),
        ("/stages", {"how": "act", "transition": "approved", "at": "2026-01-01T00:00:00.000Z"}),
        ("/documents", {"how": "guess", "kind": "x"}),
        ("/changes", {"title": "x"}),
        ("/judgements", {"why": "because"}),
    ],
)
async def test_only_malformed_requests_are_refused(small: House, path: str, body: Any) -> None:
    course = await begun(small, await small.client())
    before = await size(small)
    await course.call("POST", path, 400, body)
    assert await size(small) == before
