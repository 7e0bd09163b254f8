"""The inbox on the API: M11 and M12 by number, proposals in words, claims, flags, replay."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, event

from cases.policy import shipped_value
from cases.registers import late_uploads
from cases.registers import queries as registers
from storage import tables
from storage.access import Visible
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import last_types
from tests.console.desk import DAY, HOUR, Desk, opened
from tests.console.test_api import call
from tests.storage.samples import dump
from tests.storage.test_replay import brought_back, records
from verify.entries import format_time

SHANGHAI = ZoneInfo("Asia/Shanghai")
NUMBER = "沪司检〔2026〕7号"
MINUTE = 60_000


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with opened(house) as made:
        yield made


@pytest.fixture
async def little(small: House) -> AsyncIterator[Desk]:
    async with opened(small) as made:
        yield made


async def visited(desk: Desk, number: str = NUMBER) -> tuple[str, str, str, int]:
    """A device in an officer's hands and a case of his with a visit: device, person, case, begin."""
    device, one = await desk.device(), await desk.staff.person()
    begin = desk.now - 6 * HOUR
    await desk.custody(device, "issued", begin - HOUR, one)
    case = await desk.case(number, [one])
    await desk.visit(case, begin, begin + HOUR)
    return device, one, case, begin


async def test_m12_from_the_registers_to_one_confirmed_proposal(desk: Desk) -> None:
    device, one, case, begin = await visited(desk)
    other = await desk.case("沪司检〔2026〕8号", [await desk.staff.person(name="second")])
    item = await desk.recording(device, begin + 5 * MINUTE, 30 * MINUTE)
    await desk.run()
    row = await desk.row(item)
    said = row["attribution"]
    assert (said["person"]["id"], said["device"]["id"]) == (one, device)
    assert (said["start"], said["end"]) == (
        format_time(begin + 5 * MINUTE), format_time(begin + 35 * MINUTE),
    )  # fmt: skip
    assert row["confident"] is True
    (proposal,) = row["proposals"]
    assert (proposal["case"], proposal["number"], proposal["confident"]) == (case, NUMBER, True)
    codes = [reason["code"] for reason in proposal["reasons"]]
    assert codes[0] == "officer-window"
    assert "device-custody" in codes
    assert proposal["reasons"][0]["text"].startswith("recorded by an officer of this case")
    chinese = await desk.call("GET", "/api/inbox", 200, **{"Accept-Language": "zh-CN"})
    assert chinese["items"][0]["proposals"][0]["reasons"][0]["text"].startswith("本案执法人员")
    since = await desk.size()
    links = [{"item": item, "case": case, "proposal": True, "stage": "investigation"}]
    answer = await desk.call("POST", "/api/inbox/links", 200, {"links": links})
    assert answer["results"][0]["code"] is None
    await desk.left("item.linked", since=since)
    (link,) = await desk.table(tables.link)
    stored = json.loads(link.proposal)
    assert (stored["score"], stored["reasons"]) == (proposal["score"], codes)
    assert await desk.inbox() == []
    assert other != case


async def test_m12_unlinking_needs_a_reason_and_only_the_last_link_brings_it_back(
    desk: Desk,
) -> None:
    device, one, case, begin = await visited(desk)
    second = await desk.case("沪司检〔2026〕8号", [one])
    item = await desk.recording(device, begin)
    links = [{"item": item, "case": id_, "reason": "同一现场"} for id_ in (case, second)]
    answer = await desk.call("POST", "/api/inbox/links", 200, {"links": links})
    assert [row["code"] for row in answer["results"]] == [None, None]
    cases = (await desk.call("GET", f"/api/items/{item}", 200))["cases"]
    assert {one["id"] for one in cases} == {case, second}
    path = f"/api/cases/{case}/links/{item}/unlink"
    await desk.call("POST", path, 400, {})
    await desk.call("POST", path, 400, {"reason": "  "})
    await desk.call("POST", path, 201, {"reason": "不属本案"})
    assert await desk.inbox() == []
    path = f"/api/cases/{second}/links/{item}/unlink"
    await desk.call("POST", path, 201, {"reason": "不属本案"})
    await desk.run()
    (row,) = await desk.inbox()
    assert row["id"] == item
    assert row["proposals"] == []  # a person has decided about both


async def test_m12_many_are_confirmed_at_once_and_one_bad_row_holds_no_other_up(
    desk: Desk,
) -> None:
    device, _, case, begin = await visited(desk)
    items = [await desk.recording(device, begin + n * MINUTE, MINUTE) for n in range(5)]
    await desk.run()
    links: list[dict[str, Any]] = [{"item": i, "case": case, "proposal": True} for i in items]
    links.insert(2, {"item": items[0], "case": case, "proposal": True})  # said twice
    links.insert(4, {"item": items[4], "case": case})  # neither a reason nor a proposal
    since = await desk.size()
    answer = await desk.call("POST", "/api/inbox/links", 200, {"links": links})
    assert [row["code"] for row in answer["results"]] == [
        None, None, "already-linked", None, "malformed", None, None,
    ]  # fmt: skip
    await desk.left(*["item.linked"] * 5, since=since)
    assert await desk.inbox() == []


async def test_of_two_who_file_one_recording_into_two_cases_the_second_is_told(desk: Desk) -> None:
    device, _, case, begin = await visited(desk)
    item = await desk.recording(device, begin, MINUTE)
    other = await desk.case("沪司检〔2026〕77号", [])
    await desk.run()
    first, second = (
        {"links": [{"item": item, "case": one, "reason": "x"}]} for one in (case, other)
    )
    answers = await asyncio.gather(
        *(desk.call("POST", "/api/inbox/links", 200, one) for one in (first, second))
    )
    codes = [answer["results"][0]["code"] for answer in answers]
    assert sorted(codes, key=str) == [None, "linked-elsewhere"]
    loser = answers[codes.index("linked-elsewhere")]["results"][0]
    assert "another case" in loser["text"]
    # On the page of the case it is said on purpose.
    late = case if loser["case"] == case else other
    await desk.call("POST", f"/api/cases/{late}/links", 201, {"item": item, "reason": "两案并查"})


async def test_m12_a_refused_proposal_is_not_made_again(desk: Desk) -> None:
    device, one, case, begin = await visited(desk)
    item = await desk.recording(device, begin, 30 * MINUTE)
    await desk.run()
    assert len((await desk.row(item))["proposals"]) == 1
    since = await desk.size()
    body = {"refusals": [{"item": item, "case": case}], "reason": "不是本案现场"}
    answer = await desk.call("POST", "/api/inbox/refusals", 200, body)
    assert answer["results"][0]["code"] is None
    await desk.left("proposal.refused", since=since)
    assert (await desk.row(item))["proposals"] == []
    again = await desk.call("POST", "/api/inbox/refusals", 200, body)
    assert again["results"][0]["code"] == "already-refused"
    await desk.call("POST", "/api/inbox/refusals", 400, {"refusals": body["refusals"]})
    link = {"links": [{"item": item, "case": case, "reason": "经核实仍属本案"}]}
    answer = await desk.call("POST", "/api/inbox/links", 200, link)
    assert answer["results"][0]["code"] is None  # a person may think better of it
    assert one


async def test_m12_a_case_number_in_other_brackets_is_proposed(desk: Desk) -> None:
    device, one, case, begin = await visited(desk)
    elsewhere = await desk.recording(device, begin - 3 * HOUR, MINUTE, wish="沪司检(2026)7号")
    await desk.run()
    row = await desk.row(elsewhere)
    assert row["case_wish"] == "沪司检(2026)7号"
    assert [p["case"] for p in row["proposals"]] == [case]
    assert one


# --- M11 ------------------------------------------------------------------------------------


def shanghai(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=SHANGHAI).timestamp() * 1000)  # type: ignore[misc,arg-type]


async def clock_of(desk: Desk, start: int, sealed: int, shifts: list[tuple[int, int, bool]]) -> Any:
    """The row of one recording of an hour, under this roster."""
    desk.house.clock.shift_ms += sealed - desk.now
    device, one = await desk.device(), await desk.staff.person()
    await desk.custody(device, "issued", start - 12 * HOUR, one)
    body = {"at": format_time(start), "offset_ms": 0, "uncertainty_ms": 0}
    await desk.call("POST", f"/api/devices/{device}/offsets", 201, body)
    if shifts:
        rows = [
            {"person": one, "start": format_time(a), "end": format_time(b), "remote": far}
            for a, b, far in shifts
        ]
        await desk.call("POST", "/api/rosters", 201, {"name": "班", "shifts": rows})
    item = await desk.recording(device, start)
    await desk.run()
    return await desk.row(item)


async def test_m11_the_clock_runs_from_the_end_of_the_duty(little: Desk) -> None:
    noon = shanghai(2027, 3, 10, 12)
    duty = (noon - 4 * HOUR, noon + 6 * HOUR, False)
    row = await clock_of(little, noon, noon + 29 * HOUR, [duty])
    clock = row["upload_clock"]
    assert (clock["basis"], clock["due"]) == ("duty", format_time(noon + 30 * HOUR))
    assert clock["late"] is False
    assert clock["text"] == "runs from the end of the duty"
    assert (clock["term"], clock["remote"], clock["ended"]) == (
        "24h", False, format_time(noon + 6 * HOUR),
    )  # fmt: skip
    assert (row["link_clock"]["term"], row["link_clock"]["text"]) == ("7d", "runs from the sealing")


async def test_m11_without_a_roster_it_runs_from_the_recordings_end_and_says_so(
    little: Desk,
) -> None:
    noon = shanghai(2027, 3, 10, 12)
    row = await clock_of(little, noon, noon + 29 * HOUR, [])
    clock = row["upload_clock"]
    assert (clock["basis"], clock["due"]) == ("recording", format_time(noon + 25 * HOUR))
    assert clock["late"] is True
    assert clock["text"] == "no roster: runs from the end of the recording"
    assert clock["in"] > clock["due"]


async def test_m11_a_roster_without_a_shift_that_fits_is_not_called_no_roster(
    little: Desk,
) -> None:
    noon = shanghai(2027, 3, 10, 12)
    before = (noon - 28 * HOUR, noon - 20 * HOUR, False)
    row = await clock_of(little, noon, noon + HOUR, [before])
    clock = row["upload_clock"]
    assert (clock["basis"], clock["due"]) == ("no-shift", format_time(noon + 25 * HOUR))
    text = "no shift of the roster holds it: runs from the end of the recording"
    assert clock["text"] == text
    chinese = await little.call("GET", "/api/inbox", 200, **{"Accept-Language": "zh-CN"})
    said = "值班表中没有班次涵盖录制时间，自录制结束起算"
    assert chinese["items"][0]["upload_clock"]["text"] == said


async def test_m11_remote_duties_have_two_working_days_by_the_places_own_calendar(
    little: Desk,
) -> None:
    """Wednesday 10 March 2027; the place is off on Thursday and works on Saturday instead."""
    days = {"off": ["2027-03-11"], "working": ["2027-03-13"]}
    value = dict(shipped_value()) | {"holidays": days}
    await little.house.record(
        "policy.proposed", "sys", approval="7" * 32, version="本地 1", reason="调休",
        valid_from=format_time(0), value=value,
    )  # fmt: skip
    await little.house.record("approval.decided", "sys", approval="7" * 32, decision="approved")
    start = shanghai(2027, 3, 10, 12)
    duty = (start, start + 4 * HOUR, True)
    row = await clock_of(little, start, shanghai(2027, 3, 14, 0) + 5 * MINUTE, [duty])
    assert row["upload_clock"]["due"] == format_time(shanghai(2027, 3, 14, 0) - 1)
    assert row["upload_clock"]["late"] is True
    assert (row["upload_clock"]["term"], row["upload_clock"]["remote"]) == ("2wd", True)
    (late,) = await little.table(tables.late)
    assert late.policy == "本地 1"


async def test_m11_a_late_item_stays_marked_whatever_is_learned_later(little: Desk) -> None:
    noon = shanghai(2027, 3, 10, 12)
    row = await clock_of(little, noon, noon + 29 * HOUR, [])
    (late,) = await little.table(tables.late)
    assert (late.due_ms, late.sealed_ms) == (noon + 25 * HOUR, late.sealed_ms)
    assert late.sealed_ms >= noon + 29 * HOUR
    one = row["attribution"]["person"]["id"]
    shift = {"person": one, "start": format_time(noon), "end": format_time(noon + 9 * HOUR)}
    await little.call("POST", "/api/rosters", 201, {"name": "补", "shifts": [shift]})
    await little.run()
    row = await little.row(row["id"])
    assert row["upload_clock"]["due"] == format_time(noon + 33 * HOUR)
    assert row["upload_clock"]["late"] is True
    trail = await little.call("GET", f"/api/items/{row['id']}/trail", 200)
    (mark,) = [entry for entry in trail["entries"] if entry["type"] == "item.late"]
    assert mark["fields"]["due"] == format_time(noon + 25 * HOUR)
    assert mark["fields"]["sealed"] == format_time(late.sealed_ms)


async def test_m11_what_is_overdue_is_listed_with_what_is_known(desk: Desk) -> None:
    device, one = await desk.device(), await desk.staff.person()
    begin = desk.now - 3 * DAY
    await desk.custody(device, "issued", begin, one)
    shift = {"person": one, "start": format_time(begin), "end": format_time(begin + 8 * HOUR)}
    await desk.call("POST", "/api/rosters", 201, {"name": "班", "shifts": [shift]})
    times = [{"source": "device", "time": format_time(begin + HOUR)}]
    for n, name in enumerate(("未传完.mp4", "今天.mp4")):
        if n:
            times = [{"source": "device", "time": format_time(desk.now)}]
        await desk.house.record(
            "upload.opened", f"s:{device}", upload=f"{n}" * 32, name=name, device_times=times
        )
    found = await desk.call("GET", "/api/overdue", 200)
    (upload,) = found["uploads"]
    assert (upload["name"], upload["person"]["id"]) == ("未传完.mp4", one)
    assert (upload["due"], upload["basis"]) == (format_time(begin + 32 * HOUR), "duty")
    (kept,) = found["devices"]
    assert (kept["device"]["id"], kept["due"]) == (device, format_time(begin + 32 * HOUR))
    assert (kept["basis"], kept["device"]["person"]["id"]) == ("duty", one)
    await desk.custody(device, "returned", desk.now, one)
    assert (await desk.call("GET", "/api/overdue", 200))["devices"] == []


async def opened_upload(desk: Desk, source: str, number: int, start_ms: int) -> None:
    """An upload that is not in, of a recording that began then."""
    times = [{"source": "device", "time": format_time(start_ms)}]
    await desk.house.record(
        "upload.opened", f"s:{source}", upload=f"{number:032x}", name=f"{number}.mp4",
        device_times=times,
    )  # fmt: skip


async def test_m11_old_uploads_of_other_organs_hide_nothing_that_is_overdue(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_uploads, "MOST_OVERDUE", 2)
    staff, start = desk.staff, desk.now - 3 * DAY
    theirs = await desk.device("县", organ=staff.organ("county"), unit=staff.unit("county", "one"))
    mine, officer = await desk.device(), await staff.person()
    await desk.custody(mine, "issued", start - HOUR, officer)
    station = await desk.device("采集站", carrier="station", unit=staff.unit("city", "two"))
    for number in range(3):
        await opened_upload(desk, theirs, number, start)
    await opened_upload(desk, mine, 7, start)
    times = [{"source": "device", "time": format_time(start)}]
    await desk.house.record(
        "upload.opened", f"s:{station}", upload="8" * 32, name="8.mp4", device_times=times,
        manifest={"device": mine},
    )  # fmt: skip
    for client in (
        await staff.browser(officer),
        await staff.signed_in(Role.UNIT_HEAD),
        await staff.signed_in(Role.ORGAN_HEAD, "city", "two"),
    ):
        found = await call(desk.house, client, "GET", "/api/overdue", 200)
        assert {one["name"] for one in found["uploads"]} == {"7.mp4", "8.mp4"}
        assert {one["person"]["id"] for one in found["uploads"]} == {officer}


async def test_what_is_overdue_is_found_in_as_many_statements_for_many_uploads(
    little: Desk,
) -> None:
    start = little.now - 3 * DAY
    devices = [await little.device(f"记录仪 {n}", serial=f"ABC000{n}") for n in range(6)]
    one = await little.staff.person()
    for device in devices:
        await little.custody(device, "issued", start - HOUR, one)
        body = {"at": format_time(start), "offset_ms": 500, "uncertainty_ms": 100}
        await little.call("POST", f"/api/devices/{device}/offsets", 201, body)
    sent: list[str] = []

    def asked(conn: Connection) -> int:
        sent.clear()
        event.listen(conn, "before_cursor_execute", lambda *a: sent.append(a[2]))
        late = late_uploads.late_uploads(
            conn, Visible(everything=True), zone=little.zone, now_ms=little.now
        )
        assert all(one_.said.offset_ms == 500 for one_ in late)
        late_devices = registers.holders(conn, devices)
        assert {line.person for line in late_devices.values()} == {one}
        return len(late)

    counts = []
    for number, device in enumerate(devices):
        await opened_upload(little, device, number, start)
        if number in (0, 5):
            async with little.house.database.read() as conn:
                assert await conn.run_sync(asked) == number + 1
            counts.append(len(sent))
    assert counts[0] == counts[1] <= 16


async def test_items_that_had_to_be_linked_by_now_are_found(desk: Desk) -> None:
    device = await desk.device()
    old = [await desk.recording(device, desk.now - HOUR, MINUTE) for _ in range(3)]
    desk.house.clock.shift_ms += 8 * DAY
    new = [await desk.recording(device, desk.now - HOUR, MINUTE) for _ in range(3)]
    await desk.run()
    overdue = await desk.inbox("?overdue=true")
    assert [row["id"] for row in overdue] == old[::-1]
    assert all(row["link_clock"]["overdue"] for row in overdue)
    everything = await desk.inbox()
    assert [row["id"] for row in everything] == [*new[::-1], *old[::-1]]
    await desk.call("GET", "/api/inbox?overdue=maybe", 400)


# --- filters and rights ---------------------------------------------------------------------


async def test_pages_follow_one_another_without_a_gap_under_every_filter(desk: Desk) -> None:
    staff = desk.staff
    people = {
        unit: await staff.person(Role.OFFICER, "city", unit) for unit in ("one", "one-below", "two")
    }
    cameras = {}
    for unit, person in people.items():
        cameras[unit] = await desk.device(f"记录仪 {unit}", unit=staff.unit("city", unit))
        await desk.custody(cameras[unit], "issued", desk.now - DAY, person)
    spare = await desk.device("备用")
    items = []
    for n in range(12):
        unit = ("one", "one-below", "two", "spare")[n % 4]
        source = cameras.get(unit, spare)
        items.append((unit, await desk.recording(source, desk.now - HOUR + n, MINUTE)))
    await desk.run()

    async def pages(query: str) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = await desk.call("GET", f"/api/inbox?limit=2{query}{cursor}", 200)
            found += [row["id"] for row in page["items"]]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    def of(*units: str) -> list[str]:
        return [id_ for unit, id_ in reversed(items) if unit in units]

    assert await pages("") == of("one", "one-below", "two", "spare")
    assert await pages(f"&unit={staff.unit()}") == of("one", "one-below", "spare")
    assert await pages(f"&person={people['two']}") == of("two")
    assert await pages(f"&organ={staff.organ()}") == of("one", "one-below", "two", "spare")
    assert await pages(f"&organ={staff.organ('county')}") == []
    assert await pages("&unclaimed=true") == of("spare")
    assert await pages(f"&unit={staff.unit()}&person={people['one']}") == of("one")


async def test_everybody_sees_the_inbox_that_the_matrix_gives_him(desk: Desk) -> None:
    staff = desk.staff
    officer = await staff.person()
    mine, below = (
        await desk.device("甲"),
        await desk.device("乙", unit=staff.unit("city", "one-below")),
    )
    await desk.custody(mine, "issued", desk.now - DAY, officer)
    his = await desk.recording(mine, desk.now - HOUR, MINUTE)
    lower = await desk.recording(below, desk.now - HOUR, MINUTE)
    await desk.run()

    async def sees(*args: Any) -> list[str]:
        client = await staff.signed_in(*args)
        answer = await call(desk.house, client, "GET", "/api/inbox", 200)
        return [row["id"] for row in answer["items"]]

    assert await sees() == [his]
    assert await sees(Role.UNIT_HEAD) == [lower, his]
    assert await sees(Role.UNIT_HEAD, "city", "two") == []
    assert await sees(Role.ORGAN_HEAD, "city", "two") == [lower, his]
    assert await sees(Role.ORGAN_HEAD, "county") == []
    assert await sees(Role.SUPERVISOR, "bureau") == [lower, his]
    client = await staff.browser(officer)
    answer = await call(desk.house, client, "GET", f"/api/inbox?unit={staff.unit()}", 200)
    assert [row["id"] for row in answer["items"]] == [his]
    answer = await call(desk.house, client, "GET", "/api/inbox?person=me", 200)
    assert [row["id"] for row in answer["items"]] == [his]
    answer = await call(desk.house, desk.client, "GET", "/api/inbox?person=me", 200)
    assert answer["items"] == [], "a program has no recordings of its own"


async def test_nobody_links_what_is_not_his_into_his_case(little: Desk) -> None:
    device, one, case, begin = await visited(little)
    other = await little.staff.person(Role.OFFICER, "city", "two")
    his = await little.device("他的", unit=little.staff.unit("city", "two"))
    await little.custody(his, "issued", begin - HOUR, other)
    foreign = await little.recording(his, begin, MINUTE)
    own = await little.recording(device, begin, MINUTE)
    await little.run()
    client = await little.staff.browser(one)
    links = [{"item": id_, "case": case, "reason": "现场"} for id_ in (own, foreign)]
    since = await little.size()
    for path, rows in (("links", links), ("refusals", links[1:])):
        body = {path: rows[::-1], "reason": "现场"}
        answer = await call(little.house, client, "POST", f"/api/inbox/{path}", 200, body)
        denied = answer["results"][0]
        assert denied["index"] is None
        assert denied["code"] == "denied"
        assert denied["text"]
        assert [row["code"] for row in answer["results"][1:]] == [None] * (len(rows) - 1)
    (link,) = await little.table(tables.link)
    assert (link.item, link.case) == (own, case)
    types = await last_types(little.house, since)
    assert (types.count("access.denied"), types.count("item.linked")) == (1, 1)
    await little.call("POST", f"/api/cases/{case}/links/{own}/unlink", 201, {"reason": "再试"})
    body = {"item": foreign, "reason": "现场"}
    await call(little.house, client, "POST", f"/api/cases/{case}/links", 403, body)
    assert len(await little.table(tables.link)) == 1


async def test_a_recording_whose_user_code_means_nobody_waits_to_be_claimed_and_is_its_holders(
    desk: Desk,
) -> None:
    device, one, _, begin = await visited(desk)
    manifest = {"user": "998877"}
    item = await desk.recording(device, begin, 30 * MINUTE, manifest=manifest)
    plain = await desk.recording(device, begin, 30 * MINUTE, name="又一段.mp4")
    await desk.run()
    row = await desk.row(item)
    assert row["attribution"]["person"]["id"] == one
    mark = next(m for m in row["attribution"]["marks"] if m["code"] == "unknown-user")
    assert mark["text"] == "nobody is known by the device's user code; to be claimed"
    assert row["proposals"]
    assert row["confident"] is False
    assert [r["id"] for r in await desk.inbox("?unclaimed=true")] == [item]
    assert [r["id"] for r in await desk.inbox(f"?unclaimed=true&person={one}")] == [item]
    assert {r["id"] for r in await desk.inbox(f"?person={one}")} == {item, plain}
    body = {"person": one, "reason": "本人录制"}
    await desk.call("POST", f"/api/items/{item}/attribution", 201, body)
    assert await desk.inbox("?unclaimed=true") == []
    assert (await desk.row(item))["confident"] is True


# --- claims and flags -----------------------------------------------------------------------


async def test_a_claim_counts_until_another_and_the_times_stay(desk: Desk) -> None:
    device, one = await desk.device(), await desk.staff.person()
    other = await desk.staff.person(name="second")
    item = await desk.recording(device, desk.now - HOUR, MINUTE)
    await desk.run()
    before = (await desk.row(item))["attribution"]
    assert before["person"] is None
    since = await desk.size()
    body = {"person": one, "reason": "本人录制"}
    await desk.call("POST", f"/api/items/{item}/attribution", 201, body)
    await desk.left("item.attributed", since=since)
    claimed = (await desk.row(item))["attribution"]
    assert (claimed["person"]["id"], claimed["why"]) == (one, "claimed")
    assert claimed["start"] == before["start"]
    await desk.custody(device, "issued", desk.now - 2 * HOUR, other)  # the ledger says another
    await desk.run()
    assert (await desk.row(item))["attribution"]["person"]["id"] == one
    body = {"person": other, "reason": "经核对台账"}
    await desk.call("POST", f"/api/items/{item}/attribution", 201, body)
    await desk.run()
    assert (await desk.row(item))["attribution"]["person"]["id"] == other
    await desk.call("POST", f"/api/items/{item}/attribution", 404, body | {"person": "0" * 32})
    await desk.call("POST", f"/api/items/{'0' * 32}/attribution", 404, body)


async def test_m33_a_private_item_is_hidden_from_those_it_does_not_name(desk: Desk) -> None:
    device, one = await desk.device(), await desk.staff.person()
    await desk.custody(device, "issued", desk.now - DAY, one)
    item = await desk.recording(device, desk.now - HOUR, MINUTE)
    await desk.run()
    reviewer = await desk.staff.person(Role.REVIEWER)
    watching = await desk.staff.browser(reviewer)
    seen = await call(desk.house, watching, "GET", "/api/inbox", 200)
    assert [row["id"] for row in seen["items"]] == [item]
    since = await desk.size()
    path, body = f"/api/items/{item}/flag", {"private": True, "reason": "涉及未成年人"}
    await desk.call("POST", path, 201, body)
    await desk.left("item.flagged", since=since)
    assert (await call(desk.house, watching, "GET", "/api/inbox", 200))["items"] == []
    own = await desk.staff.browser(one)
    mine = await call(desk.house, own, "GET", "/api/inbox", 200)
    assert [row["private"] for row in mine["items"]] == [True]
    head = await desk.staff.signed_in(Role.UNIT_HEAD)
    assert len((await call(desk.house, head, "GET", "/api/inbox", 200))["items"]) == 1
    await desk.call("POST", path, 201, body | {"viewers": [reviewer]})
    assert len((await call(desk.house, watching, "GET", "/api/inbox", 200))["items"]) == 1
    await desk.call("POST", path, 400, {"private": True})


# --- replay ---------------------------------------------------------------------------------


async def test_replay_gives_the_same_rows(little: Desk, tmp_path: Path) -> None:
    device, one, case, begin = await visited(little)
    shift = {"person": one, "start": format_time(begin), "end": format_time(begin + HOUR)}
    await little.call("POST", "/api/rosters", 201, {"name": "班", "shifts": [shift]})
    items = [await little.recording(device, begin - n * 30 * HOUR, MINUTE) for n in range(4)]
    await little.run()
    links = [{"item": items[0], "case": case, "proposal": True}]
    await little.call("POST", "/api/inbox/links", 200, {"links": links})
    await little.call("POST", f"/api/cases/{case}/links/{items[0]}/unlink", 201, {"reason": "试验"})
    body = {"refusals": [{"item": items[1], "case": case}], "reason": "不是"}
    await little.call("POST", "/api/inbox/refusals", 200, body)
    claim = {"person": one, "reason": "本人"}
    await little.call("POST", f"/api/items/{items[2]}/attribution", 201, claim)
    flag = {"private": True, "viewers": [one], "reason": "隐私"}
    await little.call("POST", f"/api/items/{items[3]}/flag", 201, flag)
    await little.run()
    kept = await records(little.house.database)
    rows, _ = await brought_back(f"sqlite:///{tmp_path / 'again.db'}", kept)
    assert rows == await dump(little.house.database)
    assert {len(rows[name]) for name in ("attribution", "waiting")} == {4}
