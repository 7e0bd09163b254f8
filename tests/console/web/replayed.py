"""A case with recordings on its time line, and a replay of it that has begun."""

import os
import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import select

from storage import tables
from tests.console.conftest import House
from tests.console.course import Course, begun
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import Seen

SHOTS = os.environ.get("LIUHEN_SHOTS")  # a folder: pictures are kept there


def film(folder: Path, seconds: int, rate: int = 25) -> bytes:
    path = folder / f"film-{seconds}.mp4"
    recipe = (
        f"-f lavfi -i testsrc2=s=320x180:r={rate}:d={seconds} -f lavfi -i sine=d={seconds} -c:v libx264 "
        "-preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -movflags +faststart"
    )
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *recipe.split(), f"file:{path}"]
    subprocess.run(command, check=True, timeout=60)
    return path.read_bytes()


async def officers_case(house: House, staff: Staff) -> tuple[Course, str]:
    """An open case without recordings, and its officer."""
    officer = await staff.person()
    course = await begun(
        house, await house.client(), organ=staff.organ(), unit=staff.unit(), people=[officer]
    )
    return course, officer


async def recorded(
    house: House, course: Course, item: str, *, device: int, start: int, end: int, **more: Any
) -> None:
    """Attribute a sealed item to this device and these seconds of the case, and link it."""
    fields: dict[str, Any] = {
        "item": item, "start": course.at(start), "end": course.at(end), "kind": "video",
        "carrier": "body_camera", "sound": True, "uncertainty_ms": 500, "marks": [],
        "policy": "shipped-1", "why": "probed", "device": f"{device:032x}",
    }  # fmt: skip
    await house.record("item.attributed", f"i:{item}", **fields | more)
    await course.call("POST", "/links", 201, {"item": item, "reason": "现场"})


async def press(seen: Seen, *keys: str) -> None:
    for key in keys:
        await seen.page.keyboard.press(key)


async def begin(seen: Seen, shows: str, seconds: float = 40) -> None:
    """Say the purpose and begin, without a mouse, until that is shown."""
    await until(seen.page, "document.querySelector('#purpose') !== null")
    await seen.page.focus("#purpose")
    await seen.page.keyboard.type("法制审核")
    await press(seen, "Enter")
    await until(seen.page, shows, seconds)


async def shot(seen: Seen, name: str) -> None:
    if SHOTS:
        await seen.page.screenshot(path=Path(SHOTS) / f"replay-{name}.png")


async def entries(house: House, type_: str) -> int:
    async with house.database.read() as conn:
        query = select(tables.entry.c.index).where(tables.entry.c.type == type_)
        return len((await conn.execute(query)).all())
