"""What the README promises of `make run`, and its commands, as a new user would run them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import free_port

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


def test_the_first_run_takes_a_case_through_the_whole_path(first: tuple[Path, str]) -> None:
    data, said = first
    assert "4 stored" in said
    assert "the link was cut once" in said
    assert said.count("unchanged since it was sealed") == 4
    assert re.search(r"the case +http://127\.0\.0\.1:\d+/cases/[0-9a-f]{32}", said)
    assert re.search(r"sign in with +lh_[\w-]{43}", said)
    assert (data / "demo.json").stat().st_mode & 0o077 == 0


def test_the_second_run_finds_its_data_again(first: tuple[Path, str]) -> None:
    said = demo(first[0])
    assert "0 stored, 4 already stored" in said
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
    clip = next((data / "footage").glob("*_0001.mp4"))
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
