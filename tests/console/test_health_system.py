"""System health: each finding from a real fault, gone when the fault is."""

from sqlalchemy import Connection, insert, update

from console.findings import JOB_LATE_MS, SEAL_LATE_MS, Disk, of_disks, of_parts
from storage import tables
from storage.jobs import enqueue
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import settled
from tests.console.test_api import call

PATH = "/api/health/system"


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

    await small.database.write(work)
    found = await codes(small)
    assert ("job-failed", "probe", 1) in found
    assert ("job-late", "poster", 1) in found
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
    found = [(one.about, one.severity) for one in of_disks(disks)]
    assert found == [("staging", "serious"), ("store", "warning")]
    assert [(one.code, one.about) for one in of_parts({"s3": "away"})] == [("part-away", "s3")]


async def test_only_the_system_administrator_sees_it(small: House) -> None:
    staff = await settled(small)
    for role, status in ((Role.SYSTEM_ADMIN, 200), (Role.SECURITY_ADMIN, 403), (Role.OFFICER, 403)):
        client = await staff.signed_in(role)
        async with client.get(PATH) as answer:
            assert answer.status == status, role
