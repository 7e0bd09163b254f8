"""System health: each finding from a real fault, gone when the fault is."""

import json
from pathlib import Path

import yaml
from sqlalchemy import Connection, insert, literal, select, update

from console import contract, findings
from console.census import ASKED_MS, DAY_MS, growth, taken
from console.findings import (
    FULL_SERIOUS_DAYS,
    JOB_LATE_MS,
    JOB_SILENT_MS,
    SCRUB_MS,
    SEAL_LATE_MS,
    Disk,
    of_clock,
    of_copies,
    of_disks,
    of_parts,
)
from storage import tables
from storage.clock_sync import Synchronised, synchronised
from storage.jobs import enqueue
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import settled
from tests.console.test_api import call

PATH = "/api/health/system"
ROOT = Path(__file__).parents[2]


async def codes(house: House) -> list[tuple[str, str, int]]:
    body = await call(house, await house.client(), "GET", PATH, 200)
    return [(one["code"], one["about"], one["count"]) for one in body["findings"]]


async def test_a_failed_and_a_late_job_are_found_until_they_are_not(small: House) -> None:
    now = small.clock.now_ms()

    def work(conn: Connection) -> None:
        enqueue(conn, "probe", {"item": "a"}, key="probe:a", lane="quick", now_ms=now)
        conn.execute(update(tables.job).values(state="failed", error="no picture"))
        late = now - JOB_LATE_MS
        enqueue(conn, "poster", {"item": "b"}, key="poster:b", lane="quick", now_ms=late)
        enqueue(conn, "peaks", {"item": "c"}, key="peaks:c", lane="quick", now_ms=late + 60_000)
        enqueue(conn, "sprites", {"item": "d"}, key="sprites:d", lane="quick", now_ms=now)
        silent = {"state": "running", "updated_ms": now - JOB_SILENT_MS}
        conn.execute(update(tables.job).where(tables.job.c.kind == "sprites").values(**silent))

    await small.database.write(work)
    found = await codes(small)
    assert ("job-failed", "probe", 1) in found
    assert ("job-late", "poster", 1) in found
    assert ("job-silent", "sprites", 1) in found
    assert not [one for one in found if one[1] == "peaks"]
    await small.database.write(
        lambda conn: conn.execute(update(tables.job).values(state="done")).close()
    )
    assert not [one for one in await codes(small) if one[0].startswith("job-")]


async def test_uploads_that_stick_or_are_late_are_told_apart(small: House) -> None:
    now = small.clock.now_ms()
    row = {
        "length": 1, "offset": 1, "metadata": "", "object_key": "k", "marks": "[]",
        "expires_ms": now + 1, "touched_ms": now, "problem": None,
    }  # fmt: skip
    rows = [
        row | {"upload": "1" * 32, "state": "received", "problem": "no room"},
        row | {"upload": "2" * 32, "state": "stored", "touched_ms": now - SEAL_LATE_MS},
        row | {"upload": "3" * 32, "state": "receiving", "expires_ms": now - 60_000},
        row | {"upload": "4" * 32, "state": "received"},
    ]
    await small.database.write(lambda conn: conn.execute(insert(tables.transfer), rows).close())
    found = await codes(small)
    assert {one for one in found if one[0] in ("upload-stuck", "seal-late", "upload-interrupted")} == {
        ("upload-stuck", "", 1), ("seal-late", "", 1), ("upload-interrupted", "", 1),
    }  # fmt: skip


def test_a_disk_is_found_by_its_free_share() -> None:
    disks = {"staging": Disk(100, 4), "store": Disk(100, 14), "other": Disk(100, 15)}
    found = [(one.about, one.severity) for one in of_disks(disks, {})]
    assert found == [("staging", "serious"), ("store", "warning")]
    assert [(one.code, one.about) for one in of_parts({"s3": "away"})] == [("part-away", "s3")]


async def test_how_long_a_disk_lasts_follows_from_what_came(small: House) -> None:
    """Two days of age, 9,000 bytes sealed and 600 made of them: 4,500 and 300 bytes a day."""
    begun = small.clock.now_ms()
    item = await small.item()
    await small.derive(item, "poster", b"p" * 600, "image/jpeg")
    async with small.database.read() as conn:
        assert (await taken(conn, begun + 60_000)).originals_per_day == 0, (
            "a day is needed at least"
        )
        census = await taken(conn, begun + 2 * DAY_MS)
        late = await taken(conn, begun + 40 * DAY_MS)
    assert (round(census.originals_per_day), round(census.derived_per_day)) == (4500, 300)
    assert late.originals_per_day == 0, "an old rush does not count for ever"
    apart = growth(census, {"data": 1, "store": 2, "second": 3})
    assert [round(apart[name]) for name in ("data", "store", "second")] == [0, 4800, 4500]
    together = growth(census, {"data": 1, "store": 1, "second": 1})
    assert {round(one) for one in together.values()} == {9300}
    disks = {
        "store": Disk(1 << 20, int(4800 * (FULL_SERIOUS_DAYS - 1))),
        "second": Disk(1 << 20, 1 << 19),
    }
    found = [(one.code, one.about, one.severity) for one in of_disks(disks, apart)]
    assert ("space-ending", "store", "serious") in found
    assert not [one for one in found if one[1] == "second"]


async def test_originals_that_lie_once_are_counted(small: House) -> None:
    await small.item()
    await small.item(b"another", name="二.mp4")
    assert ("stored-once", "", 2) in await codes(small)
    async with small.database.read() as conn:
        census = await taken(conn, small.clock.now_ms())
    assert [(one.code, one.severity) for one in of_copies(census, 2)] == [
        ("copy-lacking", "serious")
    ]
    copies = tables.copy.c
    await small.database.write(
        lambda conn: conn.execute(
            insert(tables.copy).from_select(
                ["item", "store", "what", "key", "encoding", "index"],
                select(copies.item, literal("second"), copies.what, copies.key, copies.encoding, copies.index),
            )
        ).close()
    )  # fmt: skip
    small.clock.shift_ms += ASKED_MS
    assert not [one for one in await codes(small) if one[0] in ("stored-once", "copy-lacking")]


async def test_the_last_scrub_is_told_and_the_next_one_asked_for(small: House) -> None:
    await small.item()
    body = await call(small, await small.client(), "GET", PATH, 200)
    assert body["scrub"] is None
    assert not [one for one in body["findings"] if one["code"].startswith("scrub")]
    lost = {"what": "object", "where": "o/x", "expected": "9000 bytes", "got": "nothing"}
    await small.record(
        "scrub.done",
        "sys",
        checked=7,
        bytes=9000,
        missing=[lost],
        changed=[],
        extra=[],
        repaired=[],
    )
    body = await call(small, await small.client(), "GET", PATH, 200)
    assert (body["scrub"]["checked"], body["scrub"]["missing"]) == (7, 1)
    assert ("scrub-missing", "", 1) in await codes(small)
    await small.record(
        "scrub.done",
        "sys",
        checked=7,
        bytes=9000,
        missing=[],
        changed=[],
        extra=[],
        repaired=[lost],
    )
    assert not [one for one in await codes(small) if one[0].startswith("scrub")]
    small.clock.shift_ms += SCRUB_MS + 60_000
    assert ("scrub-late", "", 1) in await codes(small)


def test_the_kernel_is_asked_whether_its_clock_is_kept() -> None:
    told = synchronised()
    assert told is None or told.at_most_ms >= 0
    assert of_clock(Synchronised(True, 12)) == []
    assert [one.code for one in of_clock(Synchronised(False, 16_000))] == ["clock-free"]


def test_every_finding_has_words_in_both_languages_and_a_line_in_the_handbook() -> None:
    schema = yaml.safe_load(contract.FILE.read_text("utf-8"))
    answer = schema["paths"]["/api/health/system"]["get"]["responses"]["200"]
    said = answer["content"]["application/json"]["schema"]["properties"]
    codes_ = said["findings"]["items"]["properties"]["code"]["enum"]
    source = Path(findings.__file__).read_text("utf-8")
    handbook = (ROOT / "docs/operations/README.md").read_text("utf-8")
    for language in ("zh-CN", "en"):
        words = json.loads(
            (ROOT / f"console/web/src/rooms/admin/locale/{language}.json").read_text("utf-8")
        )
        for code in codes_:
            assert words[f"admin.health.code.{code}"]
            assert words[f"admin.health.next.{code}"]
    for code in codes_:
        assert f"`{code}`" in handbook, code
        assert f'"{code}"' in source or f'"{code[:6]}{{kind}}"' in source, code


async def test_only_the_system_administrator_sees_it(small: House) -> None:
    staff = await settled(small)
    for role, status in ((Role.SYSTEM_ADMIN, 200), (Role.SECURITY_ADMIN, 403), (Role.OFFICER, 403)):
        client = await staff.signed_in(role)
        async with client.get(PATH) as answer:
            assert answer.status == status, role
