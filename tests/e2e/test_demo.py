"""What the README promises of `make run`, and its commands, as a new user would run them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import async_playwright

from deploy.demo.api import Api, DemoError
from deploy.screenshots import browser_path
from tests.console.test_browser import until
from tests.e2e.server import RealServer, free_port

ROOT = Path(__file__).parents[2]


def demo(data: Path, *more: str) -> str:
    """`make run`, ended after its tour; what it printed."""
    found = subprocess.run(
        [
            sys.executable, "-m", "deploy.demo", "--data", str(data), "--port", str(free_port()),
            "--leave", *more,
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(data.parent / "state")},
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    data = tmp_path_factory.mktemp("demo") / "data"
    return data, demo(data)


def test_the_first_run_takes_two_cases_through_the_whole_path(first: tuple[Path, str]) -> None:
    data, said = first
    assert "4 stored" in said
    assert "2 stored" in said
    assert "the link was cut once" in said
    assert said.count("unchanged since it was sealed") == 11
    assert re.search(r"the case +http://127\.0\.0\.1:\d+/app/cases/[0-9a-f]{32} +complete", said)
    assert re.search(
        r"another +http://127\.0\.0\.1:\d+/app/cases/[0-9a-f]{32} +a hole of 40 s", said
    )
    assert re.search(r"token of a program: lh_[\w-]{43}", said)
    assert (data / "demo.json").stat().st_mode & 0o077 == 0


def test_one_case_is_complete_and_one_lacks_forty_seconds(first: tuple[Path, str]) -> None:
    _, said = first
    verdicts = re.findall(r"^  实施现场检查: (.+)$", said, re.MULTILINE)
    assert verdicts[0] == "齐全"
    assert re.fullmatch(r"部分（缺 40 秒，\d\d:\d\d:10–\d\d:\d\d:50）", verdicts[1])


async def test_recordings_wait_to_be_linked_one_visit_proposed_and_some_of_no_case(
    first: tuple[Path, str],
) -> None:
    data, said = first
    assert "/app/inbox" in said
    server = RealServer(data.parent, {"LIUHEN_PATHS_DATA": str(data)})
    await server.start()
    try:
        async with Api(server.url, json.loads((data / "demo.json").read_text())["person"]) as api:
            rows = (await api.call("GET", "/api/inbox"))["items"]
    finally:
        await server.stop()
    rows.sort(key=lambda row: row["attribution"]["start"])
    assert [row["confident"] for row in rows] == [True, True, True, False, False]
    assert {row["proposals"][0]["number"] for row in rows[:3]} == {"执检〔2026〕0002号"}
    assert rows[3]["proposals"] == []
    assert [row["upload_clock"]["late"] for row in rows] == [True, True, True, True, False]


async def test_its_people_sign_in_with_their_one_time_passwords_and_see_what_they_may(
    first: tuple[Path, str],
) -> None:
    data, said = first
    once = dict(re.findall(r"^    (officer-b|officer-c|audit) +(\S+) ", said, re.MULTILINE))
    server = RealServer(data.parent, {"LIUHEN_PATHS_DATA": str(data)})
    await server.start()
    try:
        for account, numbers in (("officer-b", ["执检〔2026〕0002号"]), ("audit", None)):
            async with Api(server.url) as person:
                await person.sign_in(account, once[account])
                assert (await person.call("GET", "/api/session"))["must_change"]
                with pytest.raises(DemoError, match="change-first"):
                    await person.call("GET", "/api/cases")
                new = {"old": once[account], "new": "a long enough passphrase 9"}
                await person.call("POST", "/api/session/password", new)
                if numbers is None:  # an administrator has to set a second factor first
                    with pytest.raises(DemoError, match="second factor"):
                        await person.call("GET", "/api/cases")
                    continue
                found = await person.call("GET", "/api/cases")
                assert [case["number"] for case in found["cases"]] == numbers
                with pytest.raises(DemoError, match="401"):
                    await Api(server.url).sign_in(account, once[account])
        async with Api(server.url, json.loads((data / "demo.json").read_text())["person"]) as api:
            overdue = await api.call("GET", "/api/overdue")
        assert [late["name"].endswith("_0003.mp4") for late in overdue["uploads"]] == [True]
    finally:
        await server.stop()


def test_the_second_run_finds_its_data_again(first: tuple[Path, str]) -> None:
    said = demo(first[0])
    assert "0 stored, 4 already stored" in said
    assert "0 stored, 2 already stored" in said
    assert "making footage" not in said


def test_own_footage_goes_the_same_way(first: tuple[Path, str], tmp_path: Path) -> None:
    own = tmp_path / "own footage"
    own.mkdir()
    (own / "笔录 01.txt").write_text("not footage at all\n" + os.urandom(8).hex())
    said = demo(first[0], "--footage", str(own))
    assert "1 stored" in said
    assert "笔录 01.txt: unchanged since it was sealed" in said


def test_the_verify_commands_of_the_readme_work(first: tuple[Path, str], tmp_path: Path) -> None:
    """Word for word, with the README's clip and key replaced by real ones."""
    data, _ = first
    clip = next((data / "footage").glob("complete/DSJ*_0001.mp4"))
    shutil.copy(clip, tmp_path / "clip.mp4")
    shutil.copy(f"{clip}.tlog-proof", tmp_path / "clip.mp4.tlog-proof")
    vkey = json.loads((data / "demo.json").read_text())["vkey"]
    lines = [
        line for line in (ROOT / "README.md").read_text().splitlines()
        if line.startswith(("liuhen verify ", "python -m verify "))
    ]  # fmt: skip
    assert len(lines) == 2
    for line in lines:
        words = [vkey if "…" in word else word for word in shlex.split(line)]
        program = {"liuhen": ["-m", "liuhen"], "python": []}[words[0]]
        found = subprocess.run(
            [sys.executable, *program, *words[1:]], cwd=tmp_path, capture_output=True, text=True,
            timeout=60, check=False, env={**os.environ, "LANG": "en_US.UTF-8"},
        )  # fmt: skip
        assert found.returncode == 0, found.stdout + found.stderr
        assert "Not checked" in found.stdout


async def test_what_the_pipeline_made_really_plays(first: tuple[Path, str]) -> None:
    """Every recording of the demo that is called playable: frames advance, seeking works."""
    data, _ = first
    token = json.loads((data / "demo.json").read_text())["person"]
    server = RealServer(data.parent, {"LIUHEN_PATHS_DATA": str(data)})
    await server.start()
    try:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
            async_playwright() as playwright,
        ):
            async with http.get(f"{server.url}/api/items") as answer:
                items = (await answer.json())["items"]
            names = {i["name"]: i["id"] for i in items if i["state"]["name"] == "playable"}
            assert sorted(n.split("_")[0][:3] for n in names) == ["202", *["DSJ"] * 8, "IPC"]
            browser = await playwright.chromium.launch(
                executable_path=browser_path(),
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
            page = await browser.new_page(locale="zh-CN")
            await page.goto(f"{server.url}/login")
            await page.fill("input[name=token]", token)
            await page.press("input[name=token]", "Enter")
            await page.wait_for_url(f"{server.url}/app/")
            for name, item in names.items():
                await page.goto(f"{server.url}/items/{item}")
                await page.click("[data-start]")
                media = "document.querySelector('video, audio')"
                await until(page, f"{media}.currentTime > 0.3")
                if not name.endswith(".WAV"):
                    frames = f"{media}.getVideoPlaybackQuality().totalVideoFrames"
                    assert await page.evaluate(frames) > 3, name
                await page.evaluate(f"() => {{ {media}.currentTime = 7 }}")
                await until(page, f"{media}.currentTime > 7.2")
            await browser.close()
    finally:
        await server.stop()
