"""What is installed elsewhere has the pages with script in it, and not their source."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("wheel")
    (uv,) = (CACHE / "liuhen").glob("uv-*/bin/uv")
    done = subprocess.run(
        [uv, "build", "-q", "--wheel", "--out-dir", out, ROOT],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_built_pages_are_packed(names: list[str]) -> None:
    built = ROOT / "console/built"
    wanted = {f"console/built/assets/{path.name}" for path in (built / "assets").iterdir()}
    assert wanted
    assert wanted | {"console/built/index.html"} <= set(names)


def test_their_source_is_not(names: list[str]) -> None:
    assert [name for name in names if name.startswith("console/web/")] == []
    assert "console/locale/zh-CN.json" in names
