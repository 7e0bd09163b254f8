"""The offline verifier as a person meets it: verdicts, exit codes, both languages, no server."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify.samples import LOG, OTHER_LOG, WITNESSES, make, sealed_fields
from verify import fingerprint, offline, wording
from verify.examine import EXIT, NEVER, STEPS
from verify.fingerprint import CHUNK

DATA = bytes(range(256)) * (3 * CHUNK // 256) + b"end"
MADE = make(sealed_fields(DATA), witnesses=("court", "prosecutor"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "film.mp4").write_bytes(DATA)
    (tmp_path / "film.mp4.tlog-proof").write_text(MADE.text(), "utf-8")
    (tmp_path / "film.tree").write_bytes(fingerprint.fingerprint_file(tmp_path / "film.mp4").tree)
    lines = [f"log {LOG.vkey}", *(f"witness {n} {k.vkey}" for n, k in WITNESSES.items())]
    for name, last in (
        ("two", "group g 2 court prosecutor ombudsman\nquorum g"), ("none", "quorum none"),
        ("ombudsman", "quorum ombudsman"), ("bad", "quorum nobody"),
    ):  # fmt: skip
        (tmp_path / f"{name}.policy").write_text("\n".join([*lines, last, ""]))
    return tmp_path


def run(
    folder: Path, *more: str, file: str = "film.mp4", receipt: str = "film.mp4.tlog-proof"
) -> tuple[int, str]:
    out = io.StringIO()
    argv = [str(folder / receipt), str(folder / file), *more]
    return offline.run(argv, out, environ={"LANG": "en_US.UTF-8"}), out.getvalue()


def report(folder: Path, *more: str, **names: str) -> dict[str, Any]:
    code, text = run(folder, "--json", *more, **names)
    found: dict[str, Any] = json.loads(text)
    assert found["exit"] == code == EXIT[found["verdict"]]
    return found


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {step["code"]: step["outcome"] for step in found["steps"]}


def test_good(folder: Path) -> None:
    code, text = run(folder, "--key", LOG.vkey)
    assert code == 0
    assert "Verdict: good." in text
    assert "name: 现场.mp4" in text
    assert "whether what is seen and heard is true" in text
    assert "whether independent witnesses" in text
    found = report(folder, "--key", LOG.vkey)
    assert set(outcomes(found).values()) == {"good"}
    assert found["not_checked"] == ["witnesses", *NEVER]
    assert found["facts"]["withheld"] == ["objects"]


def test_chinese(folder: Path) -> None:
    code, text = run(folder, "--key", LOG.vkey, "--lang", "zh")
    assert code == 0
    assert "结论:完好" in text
    assert "未检查:" in text
    out = io.StringIO()
    argv = [str(folder / "film.mp4.tlog-proof"), str(folder / "film.mp4")]
    assert offline.run(argv, out, environ={"LANG": "zh_CN.UTF-8"}) == 2
    assert "结论:无法判定" in out.getvalue()


def test_without_a_key_nothing_is_good(folder: Path) -> None:
    found = report(folder)
    assert found["exit"] == 2
    bad = {code: outcome for code, outcome in outcomes(found).items() if outcome != "good"}
    assert bad == {"log-signature": "incomplete"}
    code, text = run(folder)
    assert code == 2
    assert "expected one that you trust" in text
    assert report(folder, "--key", OTHER_LOG.vkey)["exit"] == 2


@pytest.mark.parametrize(("at", "chunk"), [(0, 0), (CHUNK + 7, 1), (len(DATA) - 1, 3)])
def test_one_changed_byte_is_named_with_its_place(folder: Path, at: int, chunk: int) -> None:
    changed = bytearray(DATA)
    changed[at] ^= 1
    (folder / "film.mp4").write_bytes(changed)
    found = report(folder, "--key", LOG.vkey, "--tree", str(folder / "film.tree"))
    assert found["exit"] == 1
    results = outcomes(found)
    assert results["file-size"] == "good"
    assert results["file-sha256"] == results["file-root"] == "broken"
    stop = min((chunk + 1) * CHUNK, len(DATA))
    assert found["facts"]["first_wrong"] == {"chunk": chunk, "from": chunk * CHUNK, "to": stop}
    _, text = run(folder, "--key", LOG.vkey, "--tree", str(folder / "film.tree"))
    assert f"number {chunk} (from 0), bytes {chunk * CHUNK} up to {stop}" in text
    code, text = run(folder, "--key", LOG.vkey)
    expected = sealed_fields(DATA)["sha256"]
    assert code == 1
    assert f"expected {expected}, got " in text
    assert "give the list of chunk hashes with --tree" in text


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b"", DATA[: 2 * CHUNK]])
def test_cut_and_longer_files(folder: Path, data: bytes) -> None:
    (folder / "film.mp4").write_bytes(data)
    found = report(folder, "--key", LOG.vkey, "--tree", str(folder / "film.tree"))
    size = next(step for step in found["steps"] if step["code"] == "file-size")
    assert (size["outcome"], size["expected"], size["got"]) == (
        "broken",
        str(len(DATA)),
        str(len(data)),
    )
    assert found["facts"]["first_wrong"]["chunk"] == min(len(data), len(DATA) - 1) // CHUNK


def test_a_wrong_list_of_chunk_hashes_is_told_apart(folder: Path) -> None:
    (folder / "film.tree").write_bytes(bytes(128))
    found = report(folder, "--key", LOG.vkey, "--tree", str(folder / "film.tree"))
    assert (outcomes(found)["tree"], outcomes(found)["file-root"]) == ("broken", "good")
    (folder / "film.tree").write_bytes(bytes(129))
    assert report(folder, "--key", LOG.vkey, "--tree", str(folder / "film.tree"))["exit"] == 3


def test_a_changed_receipt(folder: Path) -> None:
    text = MADE.text(
        disclosed=[d if d[1] != "size" else (d[0], "size", 5) for d in MADE.disclosures]
    )
    (folder / "film.mp4.tlog-proof").write_text(text, "utf-8")
    found = report(folder, "--key", LOG.vkey)
    assert found["exit"] == 1
    assert outcomes(found)["commitments"] == "broken"
    assert "file" in found["not_checked"]
    assert "file-size" not in outcomes(found)
    forged = make(sealed_fields(DATA)).text(index=4)
    (folder / "film.mp4.tlog-proof").write_text(forged, "utf-8")
    assert outcomes(report(folder, "--key", LOG.vkey))["inclusion"] == "broken"
    note = MADE.note.replace("LW53a", "LW53b")
    (folder / "film.mp4.tlog-proof").write_text(MADE.text(note=note), "utf-8")
    assert report(folder, "--key", LOG.vkey)["exit"] in {1, 2}


def test_policies(folder: Path) -> None:
    good = report(folder, "--policy", str(folder / "two.policy"))
    assert (good["exit"], outcomes(good)["witnesses"]) == (0, "good")
    assert "witnesses" not in good["not_checked"]
    assert good["facts"]["witnesses"] == ["witness.example/court", "witness.example/prosecutor"]
    none = report(folder, "--policy", str(folder / "none.policy"))
    assert (none["exit"], "witnesses" in none["not_checked"]) == (0, True)
    missing = report(folder, "--policy", str(folder / "ombudsman.policy"))
    assert (missing["exit"], outcomes(missing)["witnesses"]) == (2, "incomplete")
    assert report(folder, "--policy", str(folder / "bad.policy"))["exit"] == 3
    assert report(folder, "--policy", str(folder / "not-there"))["exit"] == 4
    (folder / "none.policy").write_bytes(b"\xff")
    assert report(folder, "--policy", str(folder / "none.policy"))["exit"] == 3


def test_a_forged_witness_line_breaks_the_note(folder: Path) -> None:
    line = WITNESSES["ombudsman"].sign("another text\n", time=5)
    (folder / "film.mp4.tlog-proof").write_text(MADE.text(note=MADE.note + line), "utf-8")
    found = report(folder, "--policy", str(folder / "two.policy"))
    assert (found["exit"], outcomes(found)["log-signature"]) == (1, "broken")


def test_files_that_cannot_be_read(folder: Path) -> None:
    assert report(folder, "--key", LOG.vkey, file="missing")["exit"] == 4
    assert report(folder, "--key", LOG.vkey, file=".")["exit"] == 4
    assert report(folder, "--key", LOG.vkey, receipt="missing")["exit"] == 4
    for data in (b"", b"\xff\xfe", b"hello", DATA, b"x" * (17 << 20)):
        (folder / "film.mp4.tlog-proof").write_bytes(data)
        found = report(folder, "--key", LOG.vkey)
        assert found["exit"] == 3
        assert {"file", "log-signature"} <= set(found["not_checked"])


def test_receipts_that_are_not_of_a_recording(folder: Path) -> None:
    fields = {"case": "4" * 32, "number": "1", "kind": "k", "title": "t", "officers": []}
    other = make(fields, type_="case.opened", chain="c:" + "4" * 32).text()
    hidden = MADE.text(disclosed=[d for d in MADE.disclosures if d[1] != "root"])
    chunked = make(sealed_fields(DATA) | {"chunk": 4096}).text()
    for text in (other, hidden, chunked):
        (folder / "film.mp4.tlog-proof").write_text(text, "utf-8")
        found = report(folder, "--key", LOG.vkey)
        assert (found["exit"], outcomes(found)["file"]) == (2, "incomplete")


@pytest.mark.parametrize(
    "argv",
    [
        [], ["a"], ["a", "b", "c"], ["a", "b", "--nonsense"], ["a", "b", "--key"], ["a", "b", "--key", "no vkey"],
        ["a", "b", "--key", WITNESSES["court"].vkey], ["a", "b", "--key", LOG.vkey, "--policy", "p"],
        ["a", "b", "--lang", "fr"], ["a", "b", "--js"],
    ],
    ids=repr,
)  # fmt: skip
def test_usage(argv: list[str]) -> None:
    out = io.StringIO()
    assert offline.run(argv, out, environ={}) == 64
    assert "usage: python -m verify RECEIPT FILE" in out.getvalue()


def test_help() -> None:
    out = io.StringIO()
    assert offline.run(["--help"], out, environ={"LC_ALL": "zh_CN"}, prog="liuhen verify") == 0
    assert "用法:liuhen verify" in out.getvalue()


def test_names_cannot_act_on_the_screen(folder: Path) -> None:
    name = "a\x1b[2J\u202egpj.exe\u200b\n  [good] x"
    text = make(sealed_fields(DATA) | {"name": name}).text()
    (folder / "film.mp4.tlog-proof").write_text(text, "utf-8")
    code, shown = run(folder, "--key", LOG.vkey)
    assert code == 0
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"name: a\u{1b}[2J\u{202e}gpj.exe\u{200b}\u{a}  [good] x" in shown
    assert report(folder, "--key", LOG.vkey)["facts"]["disclosed"]["name"] == name


@given(st.binary(max_size=300), st.integers(0, 3000))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_a_verdict(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    whole = MADE.text().encode()
    (folder / "r").write_bytes(whole[:at] + data + whole[at + len(data) :])
    (folder / "f").write_bytes(b"")
    found = report(folder, "--key", LOG.vkey, file="f", receipt="r")
    assert found["verdict"] != "good"


def test_both_languages_say_everything() -> None:
    assert wording.ZH.keys() == wording.EN.keys()
    for code in STEPS:
        assert f"step.{code}" in wording.EN
    for outcome in EXIT:
        assert {f"outcome.{outcome}", f"verdict.{outcome}"} <= wording.EN.keys()
    for code in (*NEVER, "witnesses", "file", "log-signature", "where"):
        assert f"not.{code}" in wording.EN


def test_as_a_process_without_anything_else(folder: Path) -> None:
    """Isolated from the environment, in a terminal that can write ASCII only."""
    argv = [
        sys.executable, "-m", "verify", str(folder / "film.mp4.tlog-proof"), str(folder / "film.mp4"),
        "--key", LOG.vkey, "--lang", "zh",
    ]  # fmt: skip
    environ = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u7ed3\u8bba" in done.stdout
    (folder / "film.mp4").write_bytes(DATA[:-1])
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
