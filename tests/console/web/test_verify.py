"""Verification in the page: what holds, what was changed on the way, and who has only a keyboard."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Route

from storage.access import Right
from storage.rights import Role
from tests.console.belongings import attributed
from tests.console.conftest import House
from tests.console.staff import Staff
from tests.console.test_browser import until
from tests.console.web.conftest import LANGUAGES, Opens, Seen

MIB = 1 << 20
CONTENT = bytes(range(256)) * 4096 * 3 + b"the rest of it"
ALL = [
    "receipt", "item", "commitments", "inclusion", "log-signature", "key", "consistency",
    "chunks", "file-size", "file-sha256", "file-root",
]  # fmt: skip
WORDS = {
    "zh-CN": ("核验不完整", "核验一致", "没有核对的内容", "画面和声音的内容是否真实"),
    "en": ("Incomplete", "Verified", "What was not checked", "whether what is seen and heard"),
}
OUTCOMES = """Object.fromEntries([...document.querySelectorAll('[data-step]')]
    .map((step) => [step.dataset.step, step.dataset.outcome]))"""
VERDICT = "document.querySelector('[data-verdict]')?.dataset.verdict"


async def sealed(
    house: House, staff: Staff, content: bytes = CONTENT, name: str = "现场.mp4"
) -> str:
    item = await house.item(content, name=name, sidecar=True)
    await attributed(house, staff, item)
    await house.publisher.publish()
    return item


async def checked(seen: Seen, mode: str = "original") -> dict[str, str]:
    """Press the button and wait for the verdict; every step with its outcome."""
    await seen.page.check(f"input[name=mode][value={mode}]")
    await seen.page.click("form button.main")
    await until(seen.page, f"{VERDICT} !== undefined", 30)
    found: dict[str, str] = await seen.page.evaluate(OUTCOMES)
    return found


async def compared(seen: Seen) -> None:
    """The person compared the key with the printed one."""
    await seen.page.click(".key-box button")
    await until(seen.page, "document.querySelector('.key-box').dataset.key === 'compared'")


def good(*but: str, **others: str) -> dict[str, str]:
    return {step: "good" for step in ALL if step not in but} | {
        name.replace("_", "-"): outcome for name, outcome in others.items()
    }


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_recording_is_verified_step_by_step(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    item = await sealed(small, staff)
    reviewer = await staff.person(Role.REVIEWER)
    seen = await open_as(reviewer, f"/items/{item}/verify", locale=locale)
    open_, verified, unchecked, content = WORDS[locale]
    assert await checked(seen) == good(key="incomplete")
    assert open_ in await seen.text()
    await compared(seen)
    assert await seen.page.evaluate(VERDICT) == "good"
    assert await seen.page.evaluate(OUTCOMES) == good()
    text = await seen.text()
    assert verified in text
    assert unchecked in text
    assert content in text
    assert await seen.serious() == []
    # It was a view, recorded with what was really read.
    trail = await small.trail(await small.client(), item)
    views = [entry["type"] for entry in trail if entry["type"].startswith("view.")]
    assert views == ["view.granted", "view.closed"]


async def test_the_result_can_be_kept(
    open_as: Opens, staff: Staff, small: House, tmp_path: Path
) -> None:
    """The saved evidence holds the receipt itself, so that another tool can check it again."""
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    await checked(seen)
    async with seen.page.expect_download() as download:
        await seen.page.click(".result-acts button:nth-child(3)")
    await (await download.value).save_as(tmp_path / "evidence.json")
    kept = json.loads((tmp_path / "evidence.json").read_text("utf-8"))
    async with (await small.client()).get(f"/api/items/{item}/receipt") as answer:
        receipt = await answer.text()
    assert kept["receipt"].split("\n")[:3] == receipt.split("\n")[:3]
    assert kept["facts"]["item"] == item
    assert kept["vkey"] == small.parts.vkey
    assert [step["code"] for step in kept["steps"]] == [
        "receipt", "commitments", "item", "inclusion", "log-signature", "key", "consistency",
        "chunks", "file-size", "file-sha256", "file-root",
    ]  # fmt: skip
    assert "content" in kept["not_checked"]
    await seen.page.emulate_media(media="print")
    assert await seen.page.is_visible("[data-verdict]")
    assert not await seen.page.is_visible("form")


async def test_what_was_remembered_is_held_against_the_log_of_today(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """First visit, a grown log, and then a server that shows the log of before."""
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    await checked(seen)
    async with small.session().get("/log/checkpoint") as answer:
        old = await answer.text()
    person = await staff.person()
    for _ in range(300):  # over the first full tile
        await staff.change(person, "officer-city-one", ["officer"], "city", "one")
    await small.publisher.publish()
    await seen.page.reload()
    await until(seen.page, "document.querySelector('form') !== null")
    assert (await checked(seen, "none"))["consistency"] == "good"

    async def older(route: Route) -> None:
        await route.fulfill(status=200, body=old, content_type="text/plain")

    await seen.page.route("**/log/checkpoint", older)
    assert (await checked(seen, "none"))["consistency"] == "broken"
    assert await seen.page.evaluate(VERDICT) == "broken"
    assert "expected a log of at least" in await seen.text()


def _flip(text: str) -> str:
    """The same base64 with another byte in it."""
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 1
    return base64.b64encode(data).decode()


def _proof(body: str) -> str:
    lines = body.split("\n")
    assert lines[3]
    return "\n".join([*lines[:3], _flip(lines[3]), *lines[4:]])


def _signature(body: str) -> str:
    *before, last = body.rstrip("\n").split("\n")
    dash, name, signature = last.split(" ")
    return "\n".join([*before, f"{dash} {name} {_flip(signature)}", ""])


def _entry(body: str) -> str:
    lines = body.split("\n")
    value = base64.b64decode(lines[1].removeprefix("extra "))
    at = value.index(b'"at":"20') + 8
    changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
    return "\n".join([lines[0], "extra " + base64.b64encode(changed).decode(), *lines[2:]])


def _disclosed(body: str) -> str:
    lines = body.split("\n")
    value = json.loads(base64.b64decode(lines[1].removeprefix("extra ")))
    for triple in value["disclosed"]:
        if triple[1] == "size":
            triple[2] += 1
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    return "\n".join([lines[0], "extra " + base64.b64encode(text.encode()).decode(), *lines[2:]])


CHANGED: dict[str, tuple[str, Callable[[str], str], dict[str, str]]] = {
    "a hash of the proof": ("**/receipt?*", _proof, good(inclusion="broken")),
    "the signature": (
        "**/receipt?*", _signature, good(log_signature="broken", consistency="incomplete"),
    ),
    "the entry": ("**/receipt?*", _entry, good(inclusion="broken")),
    "no receipt at all": ("**/receipt?*", lambda _: "nothing", {}),
    "the newest checkpoint": ("**/log/checkpoint", _signature, good(consistency="broken")),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
async def test_an_answer_that_was_changed_fails_its_step(
    open_as: Opens, staff: Staff, small: House, what: str
) -> None:
    where, change, expected = CHANGED[what]
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    await checked(seen, "none")
    await compared(seen)

    async def changed(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(status=200, body=change(await answer.text()), content_type="text/plain")

    await seen.page.route(where, changed)
    found = await checked(seen)
    if expected:
        assert found == expected
        assert await seen.page.evaluate(VERDICT) == "broken"
    else:
        assert found == {"receipt": "malformed"} | dict.fromkeys(ALL[1:], "todo")
        assert await seen.page.evaluate(VERDICT) == "malformed"
    assert "expected" in await seen.page.inner_text(".steps .detail")


async def test_a_value_that_the_entry_did_not_commit_to_is_told(
    open_as: Opens, staff: Staff, small: House
) -> None:
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")

    async def changed(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(status=200, body=_disclosed(await answer.text()))

    await seen.page.route("**/receipt?*", changed)
    found = await checked(seen)
    assert (found["commitments"], found["inclusion"]) == ("broken", "good")
    assert "disclosure size: expected digest" in await seen.text()


async def test_the_receipt_of_another_recording_is_told(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """It is genuine, signed and in the log: only it is not of this one."""
    item, other = await sealed(small, staff), await sealed(small, staff, b"other", name="b.mp4")
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")

    async def swapped(route: Route) -> None:
        answer = await route.fetch(url=route.request.url.replace(item, other))
        await route.fulfill(response=answer)

    await seen.page.route("**/receipt?*", swapped)
    found = await checked(seen, "none")
    assert found["item"] == "broken"
    assert await seen.page.evaluate(VERDICT) == "broken"


async def test_a_changed_byte_is_told_to_the_chunk(
    open_as: Opens, staff: Staff, small: House
) -> None:
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    bad = bytearray(CONTENT)
    bad[2 * MIB + 7] ^= 1

    async def changed(route: Route) -> None:
        asked = route.request.headers.get("range")
        if asked is None:
            await route.fulfill(status=200, body=bytes(bad))
        else:
            first, last = asked.removeprefix("bytes=").split("-")
            await route.fulfill(status=206, body=bytes(bad[int(first) : int(last) + 1]))

    await seen.page.route("**/api/views/*/media", changed)
    found = await checked(seen)
    assert found == good(key="incomplete", file_sha256="broken", file_root="broken")
    assert f"from chunk 2, byte {2 * MIB}" in await seen.text()
    found = await checked(seen, "sample")
    assert found["file-sample"] == "broken"
    assert f"chunk 2, bytes {2 * MIB} to {3 * MIB}" in await seen.text()


async def test_a_sample_stays_incomplete_unless_it_is_all(
    open_as: Opens, staff: Staff, small: House
) -> None:
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    assert (await checked(seen, "sample"))["file-sample"] == "good"  # 8 asked for, 4 there
    await compared(seen)
    assert await seen.page.evaluate(VERDICT) == "good"
    await seen.page.fill("input[type=number]", "2")
    assert (await checked(seen, "sample"))["file-sample"] == "incomplete"
    assert await seen.page.evaluate(VERDICT) == "incomplete"
    assert "read 2 (0, 3)" in await seen.text()


async def test_another_key_than_before_is_an_alarm(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """Even one with which everything would fit: the remembered one never goes by itself."""
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    await seen.page.evaluate(
        "(origin) => localStorage.setItem('liuhen.keys', JSON.stringify({[origin]: "
        "{vkey: 'log.example/console+00000000+AAAA', since: '2026-01-01T00:00:00Z', "
        "compared: true}}))",
        small.parts.origin,
    )
    assert await checked(seen) == good(key="broken")
    assert await seen.page.get_attribute(".key-box", "data-key") == "changed"
    assert await seen.page.is_visible(".key-box [role=alert]")
    assert await checked(seen) == good(key="broken")
    await compared(seen)
    assert await seen.page.evaluate(VERDICT) == "good"


async def test_a_file_of_this_computer_is_held_against_the_entry(
    open_as: Opens, staff: Staff, small: House
) -> None:
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    await seen.page.check("input[name=mode][value=local]")
    steps = {step: "good" for step in ALL if step != "chunks"} | {"key": "incomplete"}
    for content, more in (
        (CONTENT, {}),
        (b"!" + CONTENT[1:], {"file-sha256": "broken", "file-root": "broken"}),
        (b"", {"file-size": "broken", "file-sha256": "broken", "file-root": "broken"}),
    ):
        file = {"name": "现场.mp4", "mimeType": "video/mp4", "buffer": content}
        await seen.page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
        assert await checked(seen, "local") == steps | more
    trail = await small.trail(await small.client(), item)
    assert not [entry for entry in trail if entry["type"].startswith("view.")], "nothing was viewed"


@pytest.mark.parametrize("locale", LANGUAGES)
async def test_a_stranger_checks_his_file_without_signing_in(
    open_as: Opens, staff: Staff, small: House, locale: str
) -> None:
    item = await sealed(small, staff)
    async with (await small.client(Right.READ)).get(f"/api/items/{item}/receipt") as answer:
        receipt = await answer.read()
    seen = await open_as(None, "/verify", locale=locale)
    page = seen.page
    await until(page, "document.querySelector('input[name=vkey]').value !== ''")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    for name, data in (("receipt", receipt), ("file", CONTENT)):
        file = {"name": "现场.mp4.tlog-proof", "mimeType": "text/plain", "buffer": data}
        await page.set_input_files(f"input[name={name}]", file)  # type: ignore[arg-type]
    await page.click("form button.main")
    await until(page, f"{VERDICT} === 'incomplete'")
    await compared(seen)
    assert await page.evaluate(VERDICT) == "good"
    assert WORDS[locale][1] in await seen.text()
    assert {line.removeprefix(f"GET {small.url}") for line in asked} == {"/log/checkpoint"}
    other = {"name": "b.mp4", "mimeType": "text/plain", "buffer": b"other"}
    await page.set_input_files("input[name=file]", other)  # type: ignore[arg-type]
    await page.click("form button.main")
    await until(page, f"{VERDICT} === 'broken'")
    assert await seen.serious() == []
    seen.wrong[:] = [wrong for wrong in seen.wrong if "401" not in wrong]  # that he is a stranger


async def test_an_excerpt_is_held_against_the_entry_of_its_making(
    open_as: Opens, staff: Staff, small: House
) -> None:
    """It is said of which recording it is; that it shows the same is not said."""
    item, clip, excerpt = await sealed(small, staff), "c" * 32, b"an excerpt" * 1000
    await small.record(
        "clip.asked", f"i:{item}", clip=clip, item=item, kind="clip", from_ms=1000, to_ms=3000,
        purpose="x",
    )  # fmt: skip
    made = await small.record(
        "clip.made", f"i:{item}", clip=clip, item=item, from_ms=0, to_ms=3000, key="d/x",
        sha256=hashlib.sha256(excerpt).hexdigest(), size=len(excerpt), mime="video/mp4",
        name="a-excerpt.mp4", label="x", tool="ffmpeg", arguments=[],
        input=hashlib.sha256(CONTENT).hexdigest(),
    )  # fmt: skip
    await small.publisher.publish()
    receipt = (await small.parts.receipts.of(made.index)).encode()
    seen = await open_as(await staff.person(Role.REVIEWER), "/verify", locale="en")
    await until(seen.page, "document.querySelector('input[name=vkey]').value !== ''")
    for content, outcome in ((excerpt, "good"), (excerpt[1:] + b"!", "broken")):
        for name, data in (("receipt", receipt), ("file", content)):
            file = {"name": "a.mp4.tlog-proof", "mimeType": "text/plain", "buffer": data}
            await seen.page.set_input_files(f"input[name={name}]", file)  # type: ignore[arg-type]
        await seen.page.click("form button.main")
        await until(seen.page, f"{VERDICT} !== undefined && !document.querySelector('progress')")
        found = await seen.page.evaluate(OUTCOMES)
        assert (found["commitments"], found["inclusion"]) == ("good", "good")
        assert (found["file-size"], found["file-sha256"]) == ("good", outcome)
        assert f"of recording {item}, 0:00 to 0:03" in await seen.text()
        assert "a playable copy, still or excerpt is true to the original" in await seen.text()


async def test_a_browser_without_web_crypto_verifies_too(
    open_as: Opens, staff: Staff, small: House
) -> None:
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER))
    await seen.page.add_init_script(
        "Object.defineProperty(Crypto.prototype, 'subtle', {get() { return undefined }})"
    )
    await seen.go(f"/items/{item}/verify")
    assert await seen.page.evaluate("crypto.subtle === undefined")
    await until(seen.page, "document.querySelector('form') !== null")
    assert await checked(seen) == good(key="incomplete")


async def test_a_keyboard_is_enough(open_as: Opens, staff: Staff, small: House) -> None:
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(Role.REVIEWER), f"/items/{item}/verify")
    page = seen.page

    async def reach(selector: str) -> None:
        for _ in range(60):
            if await page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
            await page.keyboard.press("Tab")
        pytest.fail(f"{selector}: expected to be reached by Tab")

    await reach("input[name=mode]")
    await page.keyboard.press("ArrowDown")
    assert await page.is_checked("input[value=sample]")
    await page.keyboard.press("ArrowUp")
    await reach("form button.main")
    await page.keyboard.press("Enter")
    await until(page, f"{VERDICT} !== undefined")
    await reach(".key-box button")
    await page.keyboard.press("Enter")
    await until(page, f"{VERDICT} === 'good'")
    assert await page.get_attribute("ol.steps", "aria-live") == "polite"


async def test_who_may_not_see_the_recording_is_told_and_it_is_on_record(
    open_as: Opens, staff: Staff, small: House
) -> None:
    item = await sealed(small, staff)
    seen = await open_as(await staff.person(organ="county"))
    await seen.go(f"/items/{item}/verify")
    await until(seen.page, "document.querySelector('main .state, main [role=alert]') !== null")
    assert await seen.page.query_selector("form button.main") is None
    assert "现场" not in await seen.text()
    seen.wrong[:] = [wrong for wrong in seen.wrong if "403" not in wrong and "404" not in wrong]
