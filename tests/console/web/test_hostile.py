"""The pages with script before somebody who means harm: words that are code, other sites, frames."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page

from storage.access import Right
from storage.rights import Role
from tests.console.belongings import attributed, open_case
from tests.console.conftest import RETAIN, House
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.test_tries import size
from tests.console.web.conftest import Opens, sign_in
from verify.entries import format_time

CODE = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned=1'>",
    "\"><svg onload=\"window.pwned=1\">",
    "{{ constructor.constructor('window.pwned=1')() }}",
    "javascript:window.pwned=1",
    "@:state.loading | {0} {name} \u202egnp.exe",
]  # fmt: skip
MARKED = "pwned"
"""Stands in each of them but the last, and must be read as words."""


async def _everywhere(house: House, staff: Staff, code: str) -> tuple[str, str]:
    """A case and a recording whose every word is this; returns their ids."""
    item = await house.item(name=f"{code}.mp4", sidecar=True)
    await attributed(house, staff, item)
    code = code.replace("\u202e", "")  # the words of a case are refused with it
    case = await open_case(house, staff, title=code, number=code, parties=[code])
    client = await house.client()
    for path, body in (
        ("links", {"item": item, "reason": code}),
        ("points", {"point": "x", "at": format_time(0), "text": code}),
        ("documents", {"how": "fact", "kind": code, "title": code}),
        ("marks", {"start": RETAIN, "end": RETAIN, "text": code, "category": "key", "item": item}),
    ):
        async with client.post(f"/api/cases/{case}/{path}", json=body) as answer:
            assert answer.status == 201, (path, await answer.text())
    await house.publisher.publish()
    return case, item


@pytest.mark.parametrize("code", CODE)
async def test_words_that_are_code_stay_words_in_every_page(
    open_as: Opens, staff: Staff, small: House, code: str
) -> None:
    case, item = await _everywhere(small, staff, code)
    person = await staff.person(Role.ORGAN_HEAD, "city", None)
    seen = await open_as(person)
    shown = 0
    for address in (
        "/", "/inbox", "/overdue", "/cases", f"/cases/{case}", f"/cases/{case}/replay",
        "/approvals", f"/items/{item}/verify",
    ):  # fmt: skip
        await seen.go(address)
        await seen.page.wait_for_load_state("networkidle")
        assert await seen.page.evaluate("window.pwned === undefined"), address
        for planted in ("img[src='x']", "main script", "svg[onload]", "a[href^='javascript']"):
            assert await seen.page.locator(planted).count() == 0, (address, planted)
        text = await seen.text()
        assert "\u202e" not in text, (address, "a name that reads backwards")
        shown += MARKED in text or "gnp.exe" in text
    assert shown >= 3, "the words are there, as words"
    assert seen.wrong == [], "the policy had nothing to stop"


@pytest.fixture
async def elsewhere(small: House) -> AsyncIterator[TestServer]:
    """Another origin on the same host: a cookie knows no ports, so SameSite alone would not help."""

    async def page(request: web.Request) -> web.Response:
        form = "".join(
            f"<form id=f{n} method=post target=t{n} action='{small.url}{path}' enctype=text/plain>"
            f'<input name=\'{{"purpose":"x","what":"original","z":"\' value=\'"}}\'>'
            f"</form><iframe name=t{n}></iframe>"
            for n, path in enumerate(request.query.getall("post", []))
        )
        frames = "".join(
            f"<iframe class=framed src='{small.url}{path}'></iframe>"
            for path in request.query.getall("frame", [])
        )
        return web.Response(
            text=f"<!doctype html><h1>x</h1>{form}{frames}", content_type="text/html"
        )

    app = web.Application()
    app.router.add_get("/", page)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


async def victim(browser: Browser, house: House, person: str) -> Page:
    context = await browser.new_context(locale="en")
    await sign_in(house, context, person)
    return await context.new_page()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_another_sites_posts_change_nothing(
    browser: Browser, staff: Staff, small: House, elsewhere: TestServer, host: str
) -> None:
    """Forms and fetches with the person's cookie, from another port and from another site."""
    _, item = await _everywhere(small, staff, "x")
    page = await victim(browser, small, await staff.person(Role.ORGAN_HEAD, "city", None))
    await page.goto(f"{small.url}/app/cases")  # he is signed in and at work
    await until(page, "document.querySelector('h1') !== null")
    before = await size(small)
    targets = [f"/api/items/{item}/views", "/api/cases", "/logout", "/api/session/end"]
    query = "&".join(f"post={path}" for path in targets)
    await page.goto(f"http://{host}:{elsewhere.port}/?{query}")
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status))
    for n in range(len(targets)):
        await page.evaluate(f"document.getElementById('f{n}').submit()")
    for path in targets:
        for headers in ("{}", "{'Content-Type': 'text/plain'}"):
            await page.evaluate(
                f"fetch('{small.url}{path}', {{method: 'POST', mode: 'no-cors', "
                f"credentials: 'include', headers: {headers}, "
                "body: JSON.stringify({purpose: 'x', what: 'original'})}).catch(() => 0)"
            )
    told = await page.evaluate(
        f"fetch('{small.url}/api/cases', {{credentials: 'include'}})"
        ".then((a) => a.text()).catch(() => 'unreadable')"
    )
    assert told == "unreadable"
    assert statuses
    assert not [status for status in statuses if status in (201, 204)]
    assert await size(small) == before
    session = await page.request.get(f"{small.url}/api/session")
    assert session.status == 200, "he was not signed out either"


async def test_no_page_can_be_framed(
    browser: Browser, staff: Staff, small: House, elsewhere: TestServer
) -> None:
    _, item = await _everywhere(small, staff, "x")
    page = await victim(browser, small, await staff.person(Role.ORGAN_HEAD, "city", None))
    addresses = ["/app/", "/app/verify", f"/app/items/{item}/verify", "/login", "/verify", "/desk"]
    query = "&".join(f"frame={path}" for path in addresses)
    await page.goto(f"{elsewhere.make_url('/')}?{query}")
    assert await page.locator("iframe.framed").count() == len(addresses)
    frames = [frame for frame in page.frames if frame != page.main_frame]
    assert len(frames) == len(addresses)
    for frame in frames:
        assert not frame.url.startswith(small.url), frame.url
        assert await frame.locator("main, form").count() == 0


async def test_a_recording_is_never_a_page_of_ours(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """HTML sent in as a recording is a download in a sandbox, whatever it calls itself."""
    html = b"<!doctype html><script>window.pwned = 1; document.title = 'mine'</script>"
    item = await small.item(html, name="a.html", mime="text/html", verdict="none")
    client = await small.client(Right.READ)
    body = {"purpose": "x", "what": "original"}
    async with client.post(f"/api/items/{item}/views", json=body) as answer:
        url = (await answer.json())["url"]
    async with client.get(url) as answer:
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_shell_allows_no_script_but_its_own(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """What a hole would let in still does not run: the policy stops it."""
    seen = await open_as(await staff.person())
    page = seen.page
    await page.evaluate(
        """() => {
          const script = document.createElement('script')
          script.textContent = 'window.pwned = 1'
          document.body.append(script)
          const image = document.createElement('img')
          image.setAttribute('onerror', 'window.pwned = 1')
          image.src = '/nothing'
          document.body.append(image)
          const far = document.createElement('script')
          far.src = 'data:text/javascript,window.pwned=1'
          document.body.append(far)
          const blob = document.createElement('script')
          blob.src = URL.createObjectURL(new Blob(['window.pwned=1'], {type: 'text/javascript'}))
          document.body.append(blob)
        }"""
    )
    far = "fetch('http://192.0.2.1/').then(() => 'sent').catch(() => 'stopped')"
    assert await page.evaluate(far) == "stopped"
    await page.wait_for_timeout(300)
    assert await page.evaluate("window.pwned === undefined")
    stopped = [wrong for wrong in seen.wrong if "Content Security Policy" in wrong]
    assert len(stopped) >= 4
    seen.wrong.clear()
