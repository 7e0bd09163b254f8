"""Pages: rendered whole, in one language, with hostile names made harmless, in every state."""

import re

import pytest
from aiohttp import ClientSession

from cases import acts
from console.i18n import CATALOGUES
from storage.access import Right
from tests.console.conftest import House

NUMBER = "沪城管罚〔2026〕17号"
HOSTILE = "<script>alert(1)</script>\u202egpj.exe\r\n'\"&.mp4"


async def page(client: ClientSession, path: str, expected: int = 200) -> str:
    async with client.get(path, allow_redirects=False) as answer:
        text = await answer.text()
        assert answer.status == expected, (path, answer.status, text[:300])
        return text


def check(text: str, language: str) -> None:
    """No inline script or style, nothing from another host, nothing unescaped, one language."""
    assert f'<html lang="{language}">' in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text)
    assert "<script>alert" not in text
    assert "\u202e" not in text
    bare = re.sub(r"<[^>]+>", "\n", text)
    other = CATALOGUES["en" if language == "zh-CN" else "zh-CN"]
    lines = {line.strip() for line in bare.splitlines() if len(line.strip()) > 3}
    same = {t for k, t in CATALOGUES[language].items()}
    names = {k for k, t in other.items() if t in lines and t not in same}
    assert not {k for k in names if not k.startswith("language.")}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_page_with_everything_on_it(small: House, language: str) -> None:
    browser = await small.browser(language=language)
    item = await small.item(name=HOSTILE, wish=NUMBER)
    image = await small.item(name="photo.jpg", mime="image/jpeg", verdict="image")
    broken = await small.item(name="", verdict="none")
    waiting = await small.item(name="fresh", verdict=None)
    await small.derive(item, "poster", b"jpeg", "image/jpeg")
    await small.derive(item, "peaks", b"peaks", "application/octet-stream")
    case = await acts.open_case(
        small.ledger, "u:" + "1" * 32, number=NUMBER, kind="penalty", title="占道", officers=["甲"]
    )
    await acts.link(
        small.ledger, "u:" + "1" * 32, case=case, item=item, stage="investigation", reason="现场"
    )
    await small.upload("a" * 32, name=HOSTILE, size=1000, offset=300)
    await small.upload("b" * 32, size=1000, offset=300, touched_ms=1)
    for path in (
        "/desk", f"/cases/{case}", f"/items/{item}", f"/items/{image}", f"/items/{broken}",
        f"/items/{waiting}", f"/uploads/{'a' * 32}", f"/uploads/{'b' * 32}", "/verify", "/login",
    ):  # fmt: skip
        check(await page(browser, path), language)
    text = await page(browser, f"/items/{item}")
    assert "\\u{202e}gpj.exe" in text
    assert "python -m verify" in text
    assert small.parts.vkey in text.replace("&#43;", "+")
    assert f"/cases/{case}" in text
    home = await page(browser, "/desk")
    assert ("已中断，停在 30%" if language == "zh-CN" else "Interrupted at 30 %") in home
    await page(browser, f"/items/{'0' * 32}", 404)


async def test_a_sealed_uploads_page_leads_to_its_item(small: House) -> None:
    browser = await small.browser()
    item = await small.item()
    async with browser.get(f"/uploads/{item[::-1]}", allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"/items/{item}"
    async with browser.get(f"/uploads/{item[::-1]}/state") as answer:
        assert (await answer.json())["goal"] == f"/items/{item}"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_pages_that_need_scripts_say_so_where_there_are_none(
    small: House, language: str
) -> None:
    browser = await small.browser(language=language)
    said = f'<noscript><p class="problem">{CATALOGUES[language]["noscript"]}</p></noscript>'
    for path in ("/desk", f"/items/{await small.item()}"):
        assert said in await page(browser, path)
    for path in ("/verify", "/login"):  # these work without
        assert "<noscript>" not in await page(browser, path)


async def test_a_reason_may_be_as_long_as_the_server_takes(small: House) -> None:
    await small.upload("b" * 32, size=1000, offset=300, touched_ms=1)
    text = await page(await small.browser(), f"/uploads/{'b' * 32}")
    assert re.findall(r'name="reason" required maxlength="(\d+)"', text) == ["1000", "1000"]


@pytest.mark.parametrize(("language", "word"), [("zh-CN", "没有权限"), ("en", "no right")])
async def test_denied_missing_and_broken_have_pages_of_their_own(
    small: House, language: str, word: str
) -> None:
    browser = await small.browser(Right.UPLOAD, language=language)
    item = await small.item()
    text = await page(browser, f"/items/{item}", 403)
    check(text, language)
    assert word in text
    check(await page(browser, "/nowhere", 404), language)


async def test_strangers_see_how_to_verify_and_are_led_to_sign_in(small: House) -> None:
    stranger = small.session({"Accept": "text/html"})
    check(await page(stranger, "/verify"), "zh-CN")
    async with stranger.get("/items/abc?x=1", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/login?next=/items/abc?x%3D1"


async def test_the_language_is_remembered(small: House) -> None:
    stranger = small.session({"Accept": "text/html", "Accept-Language": "zh-CN"})
    async with stranger.get("/language?to=en&next=/verify") as answer:
        assert str(answer.url).endswith("/verify")
        check(await answer.text(), "en")
    async with stranger.get("/language?to=xx&next=//evil.example", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/"
        assert "Set-Cookie" not in answer.headers


async def test_files_of_the_pages_may_be_kept_for_ever_and_lead_nowhere_else(small: House) -> None:
    stranger = small.session()
    for name in ("console.css", "player.js", "wave.js", "live.js", "forms.js", "mark.svg"):
        async with stranger.get(f"/static/{name}") as answer:
            text = await answer.text()
            assert "immutable" in answer.headers["Cache-Control"]
            assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
            assert "innerHTML" not in text
    async with stranger.get("/static/..%2Fapp.py") as answer:
        assert answer.status == 404
