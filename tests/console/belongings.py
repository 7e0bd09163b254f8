"""One of each kind of object of one organ, whose words nobody else may see."""

from typing import Any

from sqlalchemy import select

from storage import tables
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import Staff, named
from verify.entries import format_time

SECRET = "绝密行动甲"


async def open_case(house: House, staff: Staff, **more: Any) -> str:
    """A case of the city's, whose words nobody else may see."""
    client = await house.client()
    body = {
        "number": f"{SECRET}{house.made}号", "title": SECRET, "procedure": "penalty_ordinary",
        "organ": staff.organ(), "unit": staff.unit(), "parties": [SECRET],
    } | more  # fmt: skip
    async with client.post("/api/cases", json=body) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["id"])


async def attributed(house: House, staff: Staff, item: str, organ: str = "city") -> None:
    await house.record(
        "item.attributed", f"i:{item}", item=item, organ=staff.organ(organ),
        unit=staff.unit(organ), kind="video", carrier="body_camera", sound=True, marks=[],
        policy="shipped-1", why="sealed",
    )  # fmt: skip


async def everything(house: House, staff: Staff) -> dict[str, str]:
    """One of each kind of object, all of the city's."""
    client = await house.client()
    item = await house.item(name=f"{SECRET}.mp4")
    await attributed(house, staff, item)
    await house.derive(item, "poster", b"\xff\xd8" + SECRET.encode(), "image/jpeg")
    await house.derive(item, "peaks", SECRET.encode(), "application/octet-stream")
    case = await open_case(house, staff)
    link = {"item": item, "reason": SECRET}
    async with client.post(f"/api/cases/{case}/links", json=link) as answer:
        assert answer.status == 201
    purpose = {"purpose": SECRET, "what": "original"}
    async with client.post(f"/api/items/{item}/views", json=purpose) as answer:
        view = (await answer.json())["view"]
    async with house.database.read() as conn:
        upload = (await conn.execute(select(tables.item.c.upload))).scalars().first()
    device = {"name": SECRET, "carrier": "body_camera", "organ": staff.organ()}
    async with client.post("/api/devices", json=device) as answer:
        assert answer.status == 201, await answer.text()
        device_id = (await answer.json())["id"]
    roster = named("roster")
    await house.record(
        "roster.set", "sys", roster=roster, organ=staff.organ(), name=SECRET, shifts=[]
    )
    officer = await staff.signed_in(Role.OFFICER, "city", "two")
    until = format_time(house.clock.now_ms() + 86_400_000)
    asked = {"purpose": SECRET, "until": until}
    async with officer.post(f"/api/cases/{case}/access", json=asked) as answer:
        assert answer.status == 201, await answer.text()
        approval = (await answer.json())["approval"]
    person = await staff.person(Role.OFFICER, "city", "one", name=f"{SECRET}person")
    return {
        "case": case, "item": item, "view": view, "upload": str(upload), "device": device_id,
        "roster": roster, "approval": approval, "person": person, "organ": staff.organ(),
        "unit": staff.unit(),
    }  # fmt: skip
