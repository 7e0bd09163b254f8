"""Administration in a real browser: what is wrong, mended; each administrator's own rooms."""

from typing import Any

import pytest
from sqlalchemy import Connection, update

from storage import tables
from storage.jobs import enqueue
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import Opens

TEXT: dict[str, str] = {
    "zh-CN": "后台任务失败",
    "en": "Jobs failed",
}


async def shows(page: Any, text: str) -> None:
    await until(page, f"document.querySelector('main')?.innerText.includes({text!r})")


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
async def test_a_failed_job_is_found_by_health_and_run_again(
    small: House, staff: Staff, open_as: Opens, locale: str
) -> None:
    def failed(conn: Connection) -> None:
        now = small.clock.now_ms()
        enqueue(conn, "probe", {"item": "f" * 32}, key="probe:x", lane="quick", now_ms=now)
        conn.execute(update(tables.job).values(state="failed", error="no picture"))

    await small.database.write(failed)
    person = await staff.person(Role.SYSTEM_ADMIN)
    seen = await open_as(person, "/admin/health", locale=locale)
    await shows(seen.page, TEXT[locale])
    assert "admin.health" not in await seen.text()
    await seen.page.click("main a[href$='/admin/jobs']")
    await shows(seen.page, "no picture")
    await seen.page.click("main tbody button")
    for _ in range(50):
        if small.retried:
            break
        await seen.page.wait_for_timeout(100)
    assert small.retried == ["probe:x"]


@pytest.mark.parametrize(
    ("role", "has", "lacks"),
    [
        (Role.SYSTEM_ADMIN, "/admin/health", "/admin/audit"),
        (Role.SECURITY_ADMIN, "/admin/tokens", "/admin/health"),
        (Role.AUDIT_ADMIN, "/admin/audit", "/admin/jobs"),
    ],
)
async def test_three_administrators_have_their_own_rooms(
    staff: Staff, open_as: Opens, role: Role, has: str, lacks: str
) -> None:
    seen = await open_as(await staff.person(role), "/")
    await until(seen.page, f"document.querySelector('nav a[href$=\"{has}\"]')")
    assert await seen.page.query_selector(f"nav a[href$='{lacks}']") is None
