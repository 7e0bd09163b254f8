"""Whose an upload is, beside its device's: whoever opened it, within his organ."""

import pytest

from console.owners import owner_of
from storage.ledger import Draft
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import Staff, settled


@pytest.fixture
async def staff(small: House) -> Staff:
    return await settled(small)


@pytest.mark.parametrize(("organ", "own"), [("city", True), ("county", False)])
async def test_m15_naming_another_organs_device_makes_its_upload_nobodys(
    small: House, staff: Staff, organ: str, own: bool
) -> None:
    device, upload = "d" * 32, "e" * 32
    await small.record(
        "source.enrolled", f"s:{device}", source=device, name="camera", kind="camera"
    )
    await small.record(
        "device.set", f"s:{device}", device=device, carrier="recorder",
        organ=staff.organ("city"), unit=staff.unit("city", "two"),
    )  # fmt: skip
    person = await staff.person(Role.OFFICER, organ=organ)
    draft = Draft(
        "upload.opened", f"s:{device}", f"u:{person}", {"upload": upload, "name": "x.mp4"}
    )
    await small.ledger.record("test:opener", lambda _conn: [draft])
    async with small.database.read() as conn:
        found = await owner_of(conn, "upload", upload)
    assert found is not None
    assert found.organs == {staff.organ("city")}
    assert (person in found.people) == own
