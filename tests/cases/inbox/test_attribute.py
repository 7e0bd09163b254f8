"""Whose recording it is, said by the stage: after sealing, after the probe, when registers change."""

import json
from typing import Any

import pytest

from cases.inbox import touched
from cases.registers import acts
from cases.registers.rules import CodeSaid, CustodySaid, DeviceSaid, OffsetSaid, ShiftSaid
from storage import tables
from tests.cases.inbox.conftest import ACTOR, DAY, HOUR, ORGAN, UNIT, Room, at


async def camera(room: Room, serial: str = "ABC0007") -> str:
    said = DeviceSaid("body_camera", name=f"记录仪 {serial}", serial=serial, unit=UNIT)
    return (await acts.register_devices(room.ledger, ACTOR, [(None, said)]))[0]


async def test_m09_a_recording_between_return_and_next_issue_is_flagged(room: Room) -> None:
    now = room.clock.now
    device, one, other = await camera(room), await room.person(), await room.person("执法人员乙")
    rows = [("issued", one, 0), ("returned", one, 8), ("issued", other, 24)]
    await acts.note_custody(
        room.ledger, ACTOR, [CustodySaid(device, w, now + h * HOUR, p) for w, p, h in rows]
    )
    times = [{"source": "device", "time": at(now + h * HOUR)} for h in (2, 12, 25)]
    items = [
        await room.item(device, sealed_ms=now + 26 * HOUR, device_times=[t], duration_ms=60_000)
        for t in times
    ]
    await room.run()
    held = [await room.attributed(item) for item in items]
    assert [row.person for row in held] == [one, None, other]
    assert "no-custody" in json.loads(held[1].marks)
    assert all(row.unit == UNIT and row.device == device for row in held)
    assert "no-custody" not in json.loads(held[0].marks) + json.loads(held[2].marks)


async def test_nothing_is_said_twice_and_the_probe_says_the_length(room: Room) -> None:
    now, device = room.clock.now, await camera(room)
    item = await room.item(
        device, sealed_ms=now + DAY, device_times=[{"source": "device", "time": at(now)}]
    )
    await room.run()
    first = await room.attributed(item)
    assert (first.start_ms, first.end_ms, first.why) == (now, None, "sealed")
    await room.probe(item, 90_000, json.dumps({"facts": {"audio": [{}], "tags": {}}}))
    await room.run()
    second = await room.attributed(item)
    assert (second.end_ms, second.sound, second.why) == (now + 90_000, True, "probed")
    before = await room.types()
    await acts.note_custody(
        room.ledger, ACTOR, [CustodySaid(device, "checked", now, None, {"battery": 90})]
    )
    await room.run()
    assert (await room.types())[len(before) :] == ["device.custody"]


async def test_a_fact_that_comes_later_changes_what_was_said(room: Room) -> None:
    now, device, one = room.clock.now, await camera(room), await room.person()
    item = await room.item(
        device, sealed_ms=now + 3 * HOUR, duration_ms=1000,
        device_times=[{"source": "device", "time": at(now + HOUR + 120_000)}],
    )  # fmt: skip
    await room.run()
    assert (await room.attributed(item)).person is None
    await acts.note_custody(room.ledger, ACTOR, [CustodySaid(device, "issued", now, one)])
    await room.run()
    assert (await room.attributed(item)).person == one
    await acts.note_offsets(
        room.ledger, ACTOR, [OffsetSaid(device, now + 2 * HOUR, 120_000, 500, "dock")]
    )
    await room.run()
    row = await room.attributed(item)
    assert (row.start_ms, row.offset_ms, row.why) == (now + HOUR, 120_000, "register")
    upload = (await room.rows(tables.item))[0]
    assert json.loads(upload.device_times)[0]["time"] == at(now + HOUR + 120_000)


async def test_m11_a_late_item_bears_both_times_for_ever(room: Room) -> None:
    now, device, one = room.clock.now, await camera(room), await room.person()
    await acts.note_custody(room.ledger, ACTOR, [CustodySaid(device, "issued", now - DAY, one)])
    times = [{"source": "device", "time": at(now)}]
    await acts.note_offsets(room.ledger, ACTOR, [OffsetSaid(device, now, 0, 100, "dock")])
    item = await room.item(device, sealed_ms=now + 26 * HOUR, device_times=times, duration_ms=HOUR)
    await room.run()
    (late,) = await room.rows(tables.late)
    assert (late.item, late.basis) == (item, "recording")
    assert (late.ended_ms, late.due_ms) == (now + HOUR, now + 25 * HOUR)
    assert late.sealed_ms == now + 26 * HOUR
    row = await room.attributed(item)
    assert (row.due_ms, row.due_basis) == (now + 25 * HOUR, "recording")
    # A roster that is known later moves the clock, never the mark.
    shifts = [ShiftSaid(one, now - HOUR, now + 8 * HOUR)]
    await acts.set_roster(room.ledger, ACTOR, name="一月", organ=None, shifts=shifts)
    await room.run()
    row = await room.attributed(item)
    assert (row.due_ms, row.due_basis) == (now + 32 * HOUR, "duty")
    assert len(await room.rows(tables.late)) == 1


async def test_a_withdrawn_roster_does_not_count(room: Room) -> None:
    now, device, one = room.clock.now, await camera(room), await room.person()
    await acts.note_custody(room.ledger, ACTOR, [CustodySaid(device, "issued", now - DAY, one)])
    shifts = [ShiftSaid(one, now - HOUR, now + 8 * HOUR)]
    roster = await acts.set_roster(room.ledger, ACTOR, name="一月", organ=None, shifts=shifts)
    item = await room.item(
        device, sealed_ms=now + 2 * HOUR, duration_ms=HOUR,
        device_times=[{"source": "device", "time": at(now)}],
    )  # fmt: skip
    await room.run()
    assert (await room.attributed(item)).due_basis == "duty"
    await acts.withdraw_roster(room.ledger, ACTOR, roster, "排错了人")
    await room.run()
    assert (await room.attributed(item)).due_basis == "recording"


async def test_a_user_code_names_the_person_of_a_file_that_a_station_handed_over(
    room: Room,
) -> None:
    now, one = room.clock.now, await room.person()
    station = room.id()
    await room.record(
        "source.enrolled", f"s:{station}", source=station, name="采集站", kind="station"
    )
    await camera(room, "ABC0007")
    item = await room.item(
        station, sealed_ms=now + 3 * HOUR, duration_ms=1000,
        name="ABC0007_000123_20270115080000_0001.mp4",
    )  # fmt: skip
    await room.run()
    row = await room.attributed(item)
    assert row.person is None
    assert "unknown-user" in json.loads(row.marks)
    await acts.note_user_codes(room.ledger, ACTOR, [CodeSaid("123", one, now - 60 * DAY)])
    await room.run()
    row = await room.attributed(item)
    assert row.person == one
    assert row.device is not None


PLACE = {"lat_e7": 311234567, "lon_e7": 1211234567}


async def said_of(room: Room, item: str) -> list[dict[str, object]]:
    """The fields of every attribution of an item, in order."""
    found = []
    for row in await room.rows(tables.entry):
        if row.chain == f"i:{item}" and row.type == "item.attributed":
            triples = next(
                d.disclosed for d in await room.rows(tables.disclosure) if d.index == row.index
            )
            found.append({name: value for _, name, value in json.loads(triples)})
    return found


async def test_an_erased_place_is_not_said_again_and_a_new_one_is_said(room: Room) -> None:
    now, device, one = room.clock.now, await camera(room), await room.person()
    times = [{"source": "device", "time": at(now)}]
    item, other = [
        await room.item(device, sealed_ms=now + DAY, device_times=times, **more)
        for more in ({"manifest": {"place": PLACE}}, {})
    ]
    await room.run()
    (first,) = [e for e in await room.rows(tables.entry) if e.chain == f"i:{item}"]
    assert (await said_of(room, item))[0]["place"] == PLACE
    await room.record(
        "field.erased", f"i:{item}", leaf=first.leaf.hex(), index=first.index, names=["place"],
        ground="第三人隐私", approver="审批人",
    )  # fmt: skip
    await acts.note_custody(room.ledger, ACTOR, [CustodySaid(device, "issued", now - HOUR, one)])
    await room.run()
    erased, again = await said_of(room, item)
    assert "place" not in erased
    assert (again["person"], "place" in again) == (one, False)
    # The file of the other one names a place that was not understood before.
    await room.database.write(
        lambda c: c.execute(
            tables.item.update()
            .where(tables.item.c.id == other)
            .values(manifest=json.dumps({"place": PLACE}))
        )
    )
    await room.probe(other, None)
    await room.run()
    assert [one.get("place") for one in await said_of(room, other)] == [None, None, PLACE]


async def test_an_item_waits_with_its_devices_owner_from_its_sealing_on(room: Room) -> None:
    said = DeviceSaid("body_camera", name="记录仪", unit=UNIT, organ=ORGAN)
    device = (await acts.register_devices(room.ledger, ACTOR, [(None, said)]))[0]
    room.runner.stop()  # nobody has said yet whose it is
    item = await room.item(device)
    station = room.id()
    await room.record(
        "source.enrolled", f"s:{station}", source=station, name="采集站", kind="station"
    )
    nobodys = await room.item(station)
    rows = {row.item: (row.organ, row.unit, row.person) for row in await room.rows(tables.waiting)}
    assert rows == {item: (ORGAN, UNIT, None), nobodys: (None, None, None)}


def counted(room: Room, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations of the acts that are entered from here on."""
    acts_entered: list[str] = []
    record = room.ledger.record

    async def noted(operation: str, *rest: Any) -> Any:
        acts_entered.append(operation)
        return await record(operation, *rest)

    monkeypatch.setattr(room.ledger, "record", noted)
    return acts_entered


async def daily(room: Room, days: int) -> tuple[str, list[str], int]:
    """A device that is measured daily, and a recording of every day: device, items, first day."""
    begin, device = room.clock.now, await camera(room)
    items = []
    for day in range(days):
        ms = begin + day * DAY
        items.append(
            await room.item(
                device, sealed_ms=ms + 2 * HOUR, duration_ms=60_000,
                device_times=[{"source": "device", "time": at(ms + HOUR + 500)}],
            )
        )  # fmt: skip
        await acts.note_offsets(
            room.ledger, ACTOR, [OffsetSaid(device, ms + 3 * HOUR, 500, 500, "dock")]
        )
    await room.run()
    return device, items, begin


async def test_m10_a_measurement_enters_no_act_for_items_that_it_does_not_change(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, _, begin = await daily(room, 8)
    entered = counted(room, monkeypatch)
    said = OffsetSaid(device, begin + 8 * DAY, 500, 500, "dock")
    await acts.note_offsets(room.ledger, ACTOR, [said])
    await room.run()
    # Only the last recording lies behind the measurement before: its clock is surer now.
    assert len(entered) <= 2, entered


async def test_m10_a_measurement_looks_only_at_items_around_it(room: Room) -> None:
    device, items, begin = await daily(room, 8)
    async with room.database.read() as conn:
        at_ms = begin + 7 * DAY + 4 * HOUR
        touch = touched.Touch(device, None, None, at_ms, at_ms, touched.CLOCK)
        found, on = await conn.run_sync(lambda c: touched.page(c, touch, "", 200))
    assert on is None
    assert items[7] in found
    assert not {*items[:3]} & {*found}


async def test_a_clock_wrong_by_years_is_put_right_by_the_measurement_that_shows_it(
    room: Room,
) -> None:
    device, _, begin = await daily(room, 3)
    now, years = begin + 5 * DAY, 10 * 365 * DAY
    item = await room.item(
        device, sealed_ms=now, duration_ms=60_000,
        device_times=[{"source": "device", "time": at(now - HOUR - years)}],
    )  # fmt: skip
    await room.run()
    assert (await room.attributed(item)).start_ms < begin - years // 2
    said = OffsetSaid(device, now + HOUR, -years, 500, "dock")
    await acts.note_offsets(room.ledger, ACTOR, [said])
    await room.run()
    row = await room.attributed(item)
    assert (row.start_ms, json.loads(row.marks)) == (now - HOUR, ["clock-set", "no-person"])


async def test_many_items_are_looked_at_in_several_short_runs(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "MOST_ITEMS", 2)
    monkeypatch.setattr(touched, "MOST_TOUCHES", 1)
    monkeypatch.setattr(touched, "STEP", 2)
    now = room.clock.now
    device, second = await camera(room), await camera(room, "ABC0008")
    items = [await room.item(d, sealed_ms=now + DAY) for d in (device,) * 5 + (second,) * 2]
    docked = await station(room)
    named = await room.item(docked, name="ABC0009_000123_20270115080000_0001.mp4")
    await room.run()
    said = [DeviceSaid("body_camera", unit=None, serial=s) for s in ("ABC0007", "ABC0008")]
    described: list[tuple[str | None, DeviceSaid]] = [(device, said[0]), (second, said[1])]
    described.append((None, DeviceSaid("body_camera", name="记录仪 9", serial="ABC0009")))
    await acts.register_devices(room.ledger, ACTOR, described)
    await room.run()
    rows = [await room.attributed(item) for item in items]
    assert [(row.unit, row.why) for row in rows] == [(None, "register")] * 7
    assert (await room.attributed(named)).device not in (None, docked)
    jobs = [row.key for row in await room.rows(tables.job) if row.kind == touched.KIND]
    assert len(jobs) >= 6


async def test_a_device_described_as_before_touches_nothing(room: Room) -> None:
    device = await camera(room)
    await room.item(device)
    await room.run()
    before = len(await room.rows(tables.job))
    said = DeviceSaid("body_camera", name="记录仪", serial="ABC0007", unit=UNIT, model="新型号")
    await acts.register_devices(room.ledger, ACTOR, [(device, said)])
    assert len(await room.rows(tables.job)) == before


async def station(room: Room) -> str:
    id_ = room.id()
    await room.record("source.enrolled", f"s:{id_}", source=id_, name="采集站", kind="station")
    return id_
