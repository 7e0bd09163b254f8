"""Every room in both languages and at every size: nothing cut off, nothing outside, one language.

With LIUHEN_SHOTS=FOLDER each page's picture is kept there, to be looked at by people.
"""

import os
from pathlib import Path

import pytest

from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.web.conftest import LANGUAGES, SIZES, Opens
from tests.console.web.look import ADMIN, ROOMS, misfits, misspoken
from tests.console.web.test_home import filled, ready

DATA = (
    "沪司检〔2026〕7号", "律所检查", "记录仪 7", "执法记录仪 7", "officer city one", "bureau", "city",
    "county", "one-below", "one", "two", "organ_head", "inspection", "shipped-1", "shipped", "现场.mp4", "李敏", "test",
)  # fmt: skip
SHOTS = os.environ.get("LIUHEN_SHOTS")
WITH_PHONE = ("/upload", "/inbox")
OF = {
    "/admin/people": Role.SECURITY_ADMIN, "/admin/organs": Role.SECURITY_ADMIN,
    "/admin/tokens": Role.SECURITY_ADMIN, "/admin/audit": Role.AUDIT_ADMIN,
}  # fmt: skip


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("room", [*ROOMS, *ADMIN])
async def test_a_page_looks_as_it_should(
    open_as: Opens, staff: Staff, small: House, room: str, locale: str
) -> None:
    await filled(small, staff)
    role = OF.get(room, Role.SYSTEM_ADMIN) if room in ADMIN else Role.ORGAN_HEAD
    role = Role.OFFICER if room in WITH_PHONE else role
    person = await staff.person(role)
    seen = await open_as(person, room, locale=locale)
    await ready(seen)
    wrong: list[str] = []
    for name, (width, height) in SIZES.items():
        if name == "phone" and room not in WITH_PHONE:
            continue
        await seen.page.set_viewport_size({"width": width, "height": height})
        await seen.page.wait_for_timeout(150)
        wrong += [f"{name}: {one}" for one in await misfits(seen.page)]
        if SHOTS:
            picture = f"{room.strip('/').replace('/', '-') or 'home'}.{name}.{locale}.png"
            await seen.page.screenshot(path=str(Path(SHOTS) / picture), full_page=True)
    names = (
        *DATA,
        *staff.people,
        *(name.replace(" ", "-").replace("+", "-") for name in staff.people),
    )
    wrong += await misspoken(seen.page, locale, names)
    wrong += await seen.serious()
    assert wrong == []


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ORGAN_HEAD])
async def test_the_home_of_a_role_looks_as_it_should(
    open_as: Opens, staff: Staff, small: House, role: Role, locale: str
) -> None:
    await filled(small, staff)
    seen = await open_as(await staff.person(role), "/", locale=locale)
    await ready(seen)
    wrong: list[str] = []
    for name in ("office", "large"):
        width, height = SIZES[name]
        await seen.page.set_viewport_size({"width": width, "height": height})
        await seen.page.wait_for_timeout(150)
        wrong += [f"{name}: {one}" for one in await misfits(seen.page)]
        if SHOTS:
            picture = f"home-{role}.{name}.{locale}.png"
            await seen.page.screenshot(path=str(Path(SHOTS) / picture), full_page=True)
    accounts = (name.replace(" ", "-").replace("+", "-") for name in staff.people)
    wrong += await misspoken(seen.page, locale, (*DATA, *staff.people, *accounts))
    assert wrong + await seen.serious() == []


async def test_the_finder_finds(open_as: Opens, staff: Staff) -> None:
    """Cut-off text, an overflowing page, a raw key and the other language, put there on purpose."""
    seen = await open_as(await staff.person(), "/help", locale="en")
    await seen.page.evaluate(
        """() => {
          const main = document.querySelector('main');
          const add = (text, style) => { const p = document.createElement('p'); p.textContent = text; Object.assign(p.style, style); main.append(p); };
          add('cut off here, surely', {width: '40px', overflow: 'hidden', whiteSpace: 'nowrap'});
          add('wide', {width: '4000px'});
          add('home.no_such_key', {});
          add('中文', {});
        }"""
    )
    found = await misfits(seen.page)
    assert any("cut off" in one for one in found)
    assert any("wide in" in one for one in found)
    assert [one.split(":")[0] for one in await misspoken(seen.page, "en", ())] == ["key", "Chinese"]
