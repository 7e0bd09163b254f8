"""Devices, their ledgers, rosters and sheets on the API: M09 and M10 by number."""

import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from console import contract
from storage import tables
from storage.access import Right
from storage.rights import Role
from tests.console.conftest import House
from tests.console.desk import DAY, HOUR, XLSX, Desk, opened
from tests.console.test_api import call
from verify.entries import format_time

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with opened(house) as made:
        yield made


@pytest.fixture
async def little(small: House) -> AsyncIterator[Desk]:
    async with opened(small) as made:
        yield made


def wall(ms: int, form: str = "%Y-%m-%d %H:%M") -> str:
    return datetime.fromtimestamp(ms / 1000, SHANGHAI).strftime(form)


async def test_a_device_is_registered_once_and_described_anew_by_its_id(desk: Desk) -> None:
    since = await desk.size()
    device = await desk.device("记录仪 7", serial="ABC0007", maker="12345")
    await desk.left("source.enrolled", "device.set", since=since)
    body = {"name": "记录仪 7", "carrier": "phone"}
    taken = await desk.call("POST", "/api/devices", 409, body)
    assert taken["code"] == "name-taken"
    since = await desk.size()
    await desk.call("POST", "/api/devices", 201, {"device": device, "carrier": "recorder"})
    await desk.left("device.set", since=since)
    found = await desk.call("GET", f"/api/devices/{device}", 200)
    assert (found["carrier"], found["serial"], found["state"]) == ("recorder", None, "in-store")
    listed = await desk.call("GET", "/api/devices", 200)
    assert [one["id"] for one in listed["devices"]] == [device]
    await desk.call("GET", f"/api/devices/{'0' * 32}", 404)
    await desk.call("POST", "/api/devices", 404, {"device": "0" * 32, "carrier": "phone"})


async def test_m09_every_line_of_the_ledger_is_an_entry_and_no_fact_is_refused(desk: Desk) -> None:
    device, one = await desk.device(), await desk.staff.person()
    other = await desk.staff.person(name="second")
    since = await desk.size()
    path = f"/api/devices/{device}/custody"
    at = format_time(desk.now)
    check = {"battery": 40, "storage": 90, "clock": False}
    lines: list[dict[str, Any]] = [
        {"what": "issued", "person": one, "check": check, "text": "出勤"},
        {"what": "issued", "person": other},  # lent on without a return: it is said all the same
        {"what": "found"}, {"what": "repaired"}, {"what": "lost"}, {"what": "repair"},
        {"what": "checked", "check": {"battery": 5}}, {"what": "returned", "person": one},
    ]  # fmt: skip
    for line in lines:
        await desk.call("POST", path, 201, {"at": at, **line})
    await desk.left(*["device.custody"] * len(lines), since=since)
    found = await desk.call("GET", f"/api/devices/{device}", 200)
    assert [line["what"] for line in reversed(found["custody"])] == [x["what"] for x in lines]
    assert found["custody"][-1]["check"] == check
    assert found["state"] == "in-store"
    await desk.call("POST", path, 400, {"what": "issued", "at": at})
    await desk.call("POST", path, 404, {"what": "issued", "at": at, "person": "0" * 32})
    await desk.call("POST", path, 400, {"what": "sold", "at": at})


async def test_m09_a_device_issued_on_without_a_return_says_so(little: Desk) -> None:
    device, one = await little.device(), await little.staff.person(name="执法人员甲")
    other = await little.staff.person(name="执法人员乙")
    path, begin = f"/api/devices/{device}/custody", little.now - DAY
    said = []
    for n, (what, person, language) in enumerate(
        [("issued", one, "en"), ("checked", None, "en"), ("issued", one, "en"),
         ("issued", other, "zh-CN"), ("returned", other, "en"), ("issued", one, "en")]
    ):  # fmt: skip
        body = {"what": what, "at": format_time(begin + n * HOUR)}
        body |= {"person": person} if person else {}
        answer = await little.call("POST", path, 201, body, **{"Accept-Language": language})
        said.append((answer["marks"], answer["texts"]))
    marked = (["not-returned"], ["前一领用人未归还设备"])
    assert said == [([], []), ([], []), ([], []), marked, ([], []), ([], [])]
    found = await little.call("GET", f"/api/devices/{device}", 200)
    english = "whoever had the device before did not return it"
    assert [line["marks"] for line in reversed(found["custody"])] == [
        [], [], [], [{"code": "not-returned", "text": english}], [], [],
    ]  # fmt: skip
    # a return that is noted later takes it away: it follows from the ledger
    body = {"what": "returned", "at": format_time(begin + 150 * 60_000), "person": one}
    await little.call("POST", path, 201, body)
    found = await little.call("GET", f"/api/devices/{device}", 200)
    assert not any(line["marks"] for line in found["custody"])


async def test_m09_a_recording_between_return_and_next_issue_is_flagged(desk: Desk) -> None:
    device, one = await desk.device(), await desk.staff.person()
    begin = desk.now - DAY
    await desk.custody(device, "issued", begin, one)
    await desk.custody(device, "returned", begin + 4 * HOUR, one)
    await desk.custody(device, "issued", begin + 20 * HOUR, one)
    held = await desk.recording(device, begin + HOUR)
    between = await desk.recording(device, begin + 10 * HOUR, name="其他.mp4")
    await desk.run()
    rows = {row["id"]: row["attribution"] for row in await desk.inbox()}
    assert rows[held]["person"]["id"] == one
    assert rows[between]["person"] is None
    assert "no-custody" in [mark["code"] for mark in rows[between]["marks"]]
    assert "no-custody" not in [mark["code"] for mark in rows[held]["marks"]]
    unclaimed = await desk.inbox("?unclaimed=true")
    assert [row["id"] for row in unclaimed] == [between]


async def test_m10_measurements_only_add_and_a_clock_beyond_the_limit_is_marked(
    desk: Desk,
) -> None:
    device, begin = await desk.device(), desk.now - 4 * DAY
    path = f"/api/devices/{device}/offsets"
    measured = [
        await desk.call(
            "POST", path, 201,
            {"at": format_time(begin + day * DAY), "offset_ms": offset, "uncertainty_ms": 100},
        )
        for day, offset in ((0, 0), (1, 2_000), (2, 12_000), (3, 13_000))
    ]  # fmt: skip
    assert [one["marks"] for one in measured] == [[], [], ["drift"], []]
    item = await desk.recording(device, begin + 2 * DAY + 12_000)
    await desk.run()
    row = (await desk.row(item))["attribution"]
    assert (row["start"], row["offset_ms"]) == (format_time(begin + 2 * DAY), 12_000)
    (before,) = await desk.table(tables.item)
    since = await desk.size()
    await desk.call("POST", path, 201, {"at": format_time(begin + 2 * DAY), "offset_ms": 13_500})
    await desk.run()
    await desk.left("device.clock", "item.attributed", since=since)
    assert await desk.table(tables.item) == [before]  # the recorded time is what the device wrote
    found = await desk.call("GET", f"/api/devices/{device}", 200)
    assert len(found["offsets"]) == 5


async def test_m10_no_route_changes_a_recorded_time_or_takes_a_measurement_back(
    little: Desk,
) -> None:
    device = await little.device()
    item = await little.recording(device, little.now - HOUR)
    changing = {
        (method, path) for method, path in contract.operations()
        if method not in ("GET", "POST") and path.startswith(("/api/items", "/api/devices"))
    }  # fmt: skip
    assert changing == set()
    for method in ("PUT", "PATCH", "DELETE"):
        for path in (
            f"/api/items/{item}", f"/api/items/{item}/attribution", f"/api/devices/{device}",
            f"/api/devices/{device}/offsets", f"/api/devices/{device}/offsets/1",
        ):  # fmt: skip
            async with little.client.request(method, path, json={"start": "x"}) as answer:
                assert answer.status in (404, 405), (method, path)
    body = {"reason": "更正", "start": format_time(0)}
    await little.call("POST", f"/api/items/{item}/attribution", 400, body)
    await little.call("POST", f"/api/items/{item}/attribution", 400, {"reason": "更正"})


async def test_a_user_code_counts_for_its_time_and_on_its_device(desk: Desk) -> None:
    one, other = await desk.staff.person(), await desk.staff.person(name="second")
    station = await desk.device("采集站", carrier="station")
    device = await desk.device("记录仪 B", serial="ABC0007")
    begin = desk.now - 10 * DAY
    since = await desk.size()
    for person, start, end in ((one, begin, begin + 5 * DAY), (other, begin + 5 * DAY, None)):
        body = {"code": "000123", "person": person, "valid_from": format_time(start)}
        more = {} if end is None else {"valid_until": format_time(end)}
        await desk.call("POST", "/api/device-users", 201, body | more)
    await desk.left("device.user", "device.user", since=since)
    times = {day: begin + day * DAY for day in (2, 7)}
    items = {
        day: await desk.recording(
            station, ms, name=f"ABC0007_000123_{wall(ms, '%Y%m%d%H%M%S')}_0001.mp4",
            device_times=[],
        )
        for day, ms in times.items()
    }  # fmt: skip
    await desk.run()
    rows = {row["id"]: row["attribution"] for row in await desk.inbox()}
    assert rows[items[2]]["person"]["id"] == one
    assert rows[items[7]]["person"]["id"] == other
    assert rows[items[2]]["device"]["id"] == device


async def test_a_roster_is_set_listed_and_withdrawn_once(desk: Desk) -> None:
    one = await desk.staff.person()
    shifts = [{"person": one, "start": format_time(desk.now), "end": format_time(desk.now + HOUR)}]
    since = await desk.size()
    body = {"name": "十一月", "organ": desk.staff.organ(), "shifts": shifts}
    roster = (await desk.call("POST", "/api/rosters", 201, body))["id"]
    listed = (await desk.call("GET", "/api/rosters", 200))["rosters"]
    assert [shift["person"]["id"] for shift in listed[0]["shifts"]] == [one]
    path = f"/api/rosters/{roster}/withdrawal"
    await desk.call("POST", path, 400, {})
    await desk.call("POST", path, 201, {"reason": "重排"})
    await desk.call("POST", path, 409, {"reason": "重排"})
    await desk.left("roster.set", "roster.withdrawn", since=since)
    (shown,) = (await desk.call("GET", "/api/rosters", 200))["rosters"]
    assert shown["shifts"] == []
    assert shown["withdrawn_index"] is not None
    backwards = [{"person": one, "start": shifts[0]["end"], "end": shifts[0]["start"]}]
    await desk.call("POST", "/api/rosters", 400, {"name": "错", "shifts": backwards})


# --- sheets ---------------------------------------------------------------------------------


async def test_sheets_as_people_keep_them_are_read_in_their_own_words(desk: Desk) -> None:
    one = await desk.staff.person(name="执法人员甲", certificate="31001234567")
    devices = (
        "执法记录仪台账,,,\n设备编号,设备名称,设备类型,使用部门\nABC0007,记录仪 7,执法记录仪,"
        f"{desk.staff.unit()}\nABC0008,记录仪 8,执法记录仪,{desk.staff.unit()}\n"
    ).encode("gb18030")
    assert (await desk.post_file("/api/imports/devices", devices, 200))["recorded"] == 2
    day = desk.now - 2 * DAY
    custody = (
        "设备编号\t领用人\t领用时间\t归还时间\t电量\n"
        f"ＡＢＣ０００７\t执法人员甲\t{wall(day)}\t{wall(day + 9 * HOUR, '%Y年%m月%d日%H时%M分')}\t８５%\n"
    ).encode()
    since = await desk.size()
    answer = await desk.post_file("/api/imports/custody", custody, 200)
    assert (answer["facts"], answer["recorded"]) == (2, 2)
    await desk.left("device.custody", "device.custody", since=since)
    codes = f"警号,执法证号,生效日期\n000123,３１００１２３４５６７,{wall(day - 30 * DAY, '%Y/%m/%d')}\n"
    assert (await desk.post_file("/api/imports/device-users", codes.encode(), 200))["recorded"] == 1
    offsets = f"设备,测量时间,偏差（秒）\n记录仪 8,{wall(day)},-2.5\n"
    assert (await desk.post_file("/api/imports/offsets", offsets.encode(), 200))["recorded"] == 1
    (offset,) = await desk.table(tables.device_offset)
    assert (offset.offset_ms, offset.way) == (-2500, "import")
    (issued, returned) = await desk.table(tables.custody)
    assert (issued.person, issued.what, returned.what) == (one, "issued", "returned")
    assert issued.at_ms == day // 60_000 * 60_000
    assert json.loads(issued.check) == {"battery": 85}


async def test_a_roster_workbook_with_dates_and_a_night_shift(desk: Desk) -> None:
    one = await desk.staff.person(name="执法人员甲")
    other = await desk.staff.person(name="执法人员乙")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["十一月值班表"])
    sheet.append(["日期", "值班人员", "值班开始", "值班结束", "边远"])
    day = datetime(2026, 11, 23)  # noqa: DTZ001  # a spreadsheet has no zones
    sheet.append([day, "执法人员甲、执法人员乙", timedelta(hours=8), "18:00", "否"])
    sheet.append([day, "执法人员甲", "22:00", "6:00", "是"])
    sheet["C3"] = (day + timedelta(hours=8)).time()
    data = io.BytesIO()
    book.save(data)
    answer = await desk.post_file("/api/imports/rosters?name=R", data.getvalue(), 200, XLSX)
    assert answer["recorded"] == 3
    shifts = sorted((await desk.table(tables.shift)), key=lambda row: row.position)
    start = int(datetime(2026, 11, 23, 8, tzinfo=SHANGHAI).timestamp()) * 1000
    assert [(s.person, s.start_ms, s.end_ms, s.remote) for s in shifts] == [
        (one, start, start + 10 * HOUR, False),
        (other, start, start + 10 * HOUR, False),
        (one, start + 14 * HOUR, start + 22 * HOUR, True),
    ]


async def test_a_sheet_with_problems_names_row_and_column_and_nothing_is_recorded(
    little: Desk,
) -> None:
    await little.staff.person(name="同名", unit="one")
    await little.staff.change("1" * 32, "同名者 2", ["officer"], "city", "two")
    device = await little.device("记录仪 A")
    since = await little.size()
    sheet = (
        "设备,动作,时间,人员\n"
        "记录仪 A,领用,2026-11-23 08:00,同名\n"
        "记录仪 Z,领用,2026-11-23 08:00,同名\n"
        "记录仪 A,卖出,2026-11-23 08:00,同名\n"
        "记录仪 A,领用,2026-13-41,同名\n"
        "记录仪 A,领用,2026-11-23 08:00,某某\n"
        "记录仪 A,领用,2026-11-23 08:00,\n"
    ).encode()
    answer = await little.post_file("/api/imports/custody", sheet, 422)
    assert [(p["row"], p["column"], p["code"]) for p in answer["problems"]] == [
        (3, "A 设备", "device_unknown"), (4, "B 动作", "word"), (5, "C 时间", "time"),
        (6, "D 人员", "person_unknown"), (7, "D 人员", "empty"),
    ]  # fmt: skip
    chinese = await little.post_file("/api/imports/custody", sheet, 422, language="zh-CN")
    assert chinese["problems"][0]["text"] == "没有登记设备“记录仪 Z”"
    assert answer["problems"][0]["text"] == "no device “记录仪 Z” is registered"
    assert await little.size() == since
    for nothing in (b"a,b\n1,2\n", "设备,时间\n".encode(), b""):
        await little.post_file("/api/imports/custody", nothing, 422)
    for bytes_, kind in ((b"\xff\xfe\x00", "text/csv"), (b"PK\x03\x04", XLSX), (b"x", "image/png")):
        await little.post_file("/api/imports/custody", bytes_, 400, kind)
    assert await little.size() == since
    assert device


async def test_a_dry_run_answers_the_same_and_records_nothing(little: Desk) -> None:
    sheet = "设备名称,设备类型\n记录仪 1,执法记录仪\n记录仪 2,手机\n".encode()
    since = await little.size()
    answer = await little.post_file("/api/imports/devices?dry_run=true", sheet, 200)
    assert (answer["facts"], answer["recorded"], answer["dry_run"]) == (2, 0, True)
    assert await little.size() == since
    await little.post_file("/api/imports/devices?dry_run=perhaps", sheet, 400)
    answer = await little.post_file("/api/imports/devices", sheet, 200)
    assert answer["recorded"] == 2
    again = await little.post_file("/api/imports/devices", sheet, 200)  # the same words
    assert (again["recorded"], again["unchanged"]) == (0, 2)
    other = sheet.replace("手机".encode(), "录音笔".encode())  # one is described anew
    again = await little.post_file("/api/imports/devices", other, 200)
    assert (again["recorded"], again["unchanged"]) == (1, 1)
    assert len(await little.table(tables.device)) == 2


async def test_the_same_sheet_again_adds_nothing(little: Desk) -> None:
    await little.staff.person(name="执法人员甲", certificate="31001234567")
    await little.device("记录仪 1")
    day = little.now - 2 * DAY
    sheets = {
        "custody": f"设备,领用人,领用时间,归还时间,电量,备注\n记录仪 1,执法人员甲,{wall(day)},"
        f"{wall(day + HOUR)},85%,出勤\n",
        "device-users": f"警号,执法证号,生效日期\n000123,31001234567,{wall(day, '%Y-%m-%d')}\n",
        "offsets": f"设备,测量时间,偏差（秒）\n记录仪 1,{wall(day)},-2.5\n",
        "rosters?name=R": f"值班人员,值班开始,值班结束\n执法人员甲,{wall(day)},{wall(day + HOUR)}\n"
        f"执法人员甲,{wall(day + DAY)},{wall(day + DAY + HOUR)}\n",
    }
    for kind, text in sheets.items():
        first = await little.post_file(f"/api/imports/{kind}", text.encode(), 200)
        assert (first["recorded"], first["unchanged"]) == (first["facts"], 0), kind
        since = await little.size()
        dry = "&dry_run=true" if "?" in kind else "?dry_run=true"
        told = await little.post_file(f"/api/imports/{kind}{dry}", text.encode(), 200)
        assert (told["recorded"], told["unchanged"]) == (0, first["facts"]), kind
        again = await little.post_file(f"/api/imports/{kind}", text.encode(), 200)
        assert (again["recorded"], again["unchanged"]) == (0, first["facts"]), kind
        assert await little.size() == since
    remark = sheets["custody"].replace("出勤", "更正")  # a remark is a part of what is said
    again = await little.post_file("/api/imports/custody", remark.encode(), 200)
    assert (again["recorded"], again["unchanged"]) == (2, 0)
    (roster,) = (await little.call("GET", "/api/rosters", 200))["rosters"]
    body = {"reason": "误设"}
    await little.call("POST", f"/api/rosters/{roster['id']}/withdrawal", 201, body)
    text = sheets["rosters?name=R"].encode()
    assert (await little.post_file("/api/imports/rosters?name=R", text, 200))["recorded"] == 2


async def test_a_sheets_time_zone_that_is_none_is_a_problem_of_its_row(little: Desk) -> None:
    sheet = "设备名称,设备编号,时区\n记录仪 1,A1,北京时间\n记录仪 2,A1,Asia/Shanghai\n".encode()
    answer = await little.post_file("/api/imports/devices", sheet, 422)
    assert [(p["row"], p["column"], p["code"]) for p in answer["problems"]] == [
        (2, "C 时区", "zone"), (3, "B 设备编号", "twice"),
    ]  # fmt: skip


async def test_a_measurement_of_the_future_is_a_problem_of_a_sheet_and_a_mark_of_a_fact(
    little: Desk,
) -> None:
    device = await little.device("记录仪 1")
    later = little.now + DAY
    sheet = f"设备,测量时间,偏差（秒）\n记录仪 1,{wall(later)},2\n".encode()
    for dry in ("true", "false"):
        answer = await little.post_file(f"/api/imports/offsets?dry_run={dry}", sheet, 422)
        assert [p["code"] for p in answer["problems"]] == ["future"]
    path, body = f"/api/devices/{device}/offsets", {"at": format_time(later), "offset_ms": 5}
    assert (await little.call("POST", path, 201, body))["marks"] == ["in-future"]
    body["at"] = format_time(little.now)
    assert (await little.call("POST", path, 201, body))["marks"] == []


async def test_two_people_of_one_name_must_be_told_apart(little: Desk) -> None:
    for unit in ("one", "two"):
        await little.house.record(
            "user.changed", "sys", person=unit.ljust(32, "0").encode().hex()[:32],
            account=f"a-{unit}", name="执法人员甲", organ=little.staff.organ(),
            unit=little.staff.unit(unit=unit), roles=["officer"], reason="test",
        )  # fmt: skip
    sheet = "姓名,开始时间,结束时间\n执法人员甲,2026-11-23 8:00,2026-11-23 18:00\n"
    answer = await little.post_file("/api/imports/rosters", sheet.encode(), 422)
    assert [p["code"] for p in answer["problems"]] == ["person_ambiguous"]
    by_account = sheet.replace("执法人员甲", "a-two").encode()
    await little.post_file("/api/imports/rosters", by_account, 200)


# --- rights ---------------------------------------------------------------------------------


async def test_people_keep_the_registers_of_their_own_organ_only(little: Desk) -> None:
    house, staff = little.house, little.staff
    device = await little.device()
    keeper = await staff.signed_in(Role.STATION_KEEPER)
    stranger = await staff.signed_in(Role.STATION_KEEPER, "county")
    officer = await staff.signed_in()
    issue = {"what": "issued", "at": format_time(little.now), "person": await staff.person()}
    path = f"/api/devices/{device}/custody"
    await call(house, keeper, "POST", path, 201, issue)
    await call(house, stranger, "POST", path, 403, issue)
    await call(house, officer, "POST", path, 403, issue)
    new = {"name": "新", "carrier": "phone", "organ": staff.organ(), "unit": staff.unit()}
    await call(house, keeper, "POST", "/api/devices", 201, new)
    await call(house, stranger, "POST", "/api/devices", 403, new | {"name": "又新"})
    seen = await call(house, officer, "GET", "/api/devices", 200)
    assert device in {one["id"] for one in seen["devices"]}
    assert (await call(house, stranger, "GET", "/api/devices", 200))["devices"] == []
    sheet = "设备,动作,时间\n记录仪 A,归还,2026-11-23 18:00\n".encode()
    for client, status in ((keeper, 200), (stranger, 403)):
        headers = {"Content-Type": "text/csv"}
        async with client.post("/api/imports/custody", data=sheet, headers=headers) as answer:
            assert answer.status == status, await answer.text()


async def test_a_token_that_may_only_upload_measures_its_own_source_alone(little: Desk) -> None:
    other = await little.device("B")
    _, secret = await little.house.token(Right.UPLOAD, name="采集站 1", source="device")
    (device,) = {row.source for row in await little.table(tables.token) if row.source}
    await little.call("POST", "/api/devices", 201, {"device": device, "carrier": "body_camera"})
    client = little.house.session({"Authorization": f"Bearer {secret}"})
    body = {"at": format_time(little.now), "offset_ms": 3}
    await call(little.house, client, "POST", f"/api/devices/{device}/offsets", 201, body)
    await call(little.house, client, "POST", f"/api/devices/{other}/offsets", 403, body)
