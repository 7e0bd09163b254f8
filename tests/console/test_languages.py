"""Two languages: every sentence in both, every key used exists, every code has its sentence."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import console
from cases.rules import KINDS, STAGES
from cases.trail import Step
from console import problems, said, shown, state
from console.i18n import CATALOGUES, LANGUAGES, Speech, load
from console.words import NOBODY, words
from ingest.answers import STATUS as UPLOAD_STATUS
from ingest.media.classify import Reason
from storage.access import Right
from verify.errors import EvidenceError
from verify.schema import TYPES

HERE = Path(console.__file__).parent
SPEECHES = [Speech(language, ZoneInfo("Asia/Shanghai")) for language in LANGUAGES]
PACKAGES = ("capture", "cases", "console", "ingest", "liuhen", "storage", "verify")
NEVER_SENT = ("capture.", "ingest.media", "storage.jobs")
_CJK = re.compile(r"[\u4e00-\u9fff]")


def test_both_catalogues_have_the_same_keys_and_placeholders() -> None:
    first, second = load().values()
    assert first.keys() == second.keys()


def test_english_is_english_and_chinese_is_chinese() -> None:
    for key, text in CATALOGUES["en"].items():
        assert key.startswith("language.") or not _CJK.search(text), key
    plain = {
        k for k, t in CATALOGUES["zh-CN"].items() if re.search(r"[A-Za-z]{4,} [A-Za-z]{3,}", t)
    }
    assert plain <= {"problem.database-behind.next"}  # names a command


@pytest.mark.parametrize(
    "path", sorted((*HERE.glob("templates/*.html"), *HERE.glob("*.py"))), ids=lambda p: p.name
)
def test_every_key_that_is_used_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    pattern = (
        r"""(?<![\w.])(?:t|speech|spoken|self\._speech)\(\s*["']([a-z_0-9.\-A-Z]+)["']\s*[,)]"""
    )
    missing = {key for key in re.findall(pattern, text) if key not in CATALOGUES["en"]}
    assert not missing


def test_every_word_that_is_chosen_by_a_value_exists() -> None:
    wanted = [f"kind.{k}" for k in KINDS] + [f"stage.{s}" for s in STAGES]
    wanted += [f"right.{r}" for r in Right] + [f"reason.{r}" for r in Reason]
    wanted += [f"entry.{t}" for t in TYPES]
    wanted += [f"reason.{r}" for r in ("duplicate", "terminated", "discarded", "expired")]
    assert [key for key in wanted if key not in CATALOGUES["en"]] == []


def every_error() -> Iterator[type[EvidenceError]]:
    for package in PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    waiting: list[type[EvidenceError]] = [EvidenceError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if "code" in vars(kind) and kind.__module__.split(".")[0] in PACKAGES:
            yield kind


def test_the_page_of_errors_lists_every_code_with_its_status_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/errors.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `([a-z-]+)` \| (\S+) \|", page, re.MULTILINE))
    true = {}
    for kind in every_error():
        sent = not kind.__module__.startswith(NEVER_SENT)
        status = str(problems.status_of(kind.__new__(kind), UPLOAD_STATUS)) if sent else "–"
        true.setdefault(kind.code, status)
    assert told == true


def test_every_error_that_is_sent_has_a_sentence_and_a_next_step() -> None:
    for kind in every_error():
        for speech in SPEECHES:
            title, next_ = problems.sentences(kind.__new__(kind), speech)
            assert title
            assert next_


# --- words ----------------------------------------------------------------------------------


def step(type_: str, fields: dict[str, object], erased: tuple[str, ...] = ()) -> Step:
    return Step(
        1, "sys", 1, type_, "sys", None, "2026-11-23T06:00:00.000Z", "a" * 64, fields, erased
    )


@pytest.mark.parametrize("speech", SPEECHES, ids=LANGUAGES)
def test_every_type_of_entry_has_words_with_all_fields_and_with_none(speech: Speech) -> None:
    values = {
        "id": "a" * 32, "digest": "b" * 64, "hex": "00", "text": "x\u202ey", "int": 5, "bool": True,
        "time": "2026-11-23T06:00:00.000Z", "list": [], "object": {"a": 1},
    }  # fmt: skip
    for name, type_ in TYPES.items():
        full = {field: values[kind.kind] for field, kind in type_.fields.items()}
        for text in (
            words(step(name, full), speech, NOBODY),
            words(step(name, {}), speech, NOBODY),
        ):
            assert text
            assert "\u202e" not in text
            assert "{" not in text.replace("\\u{202e}", "")


def test_what_was_erased_is_named_as_erased() -> None:
    said_ = words(
        step("item.sealed", {"size": 1, "sha256": "c" * 64}, ("name",)), SPEECHES[0], NOBODY
    )
    assert "〔已清除〕" in said_


# --- values ---------------------------------------------------------------------------------


@given(st.text())
def test_shown_text_hides_nothing(text: str) -> None:
    assert not any(
        ord(c) < 32 or c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\x7f"
        for c in shown.visible(text)
    )


@given(st.text())
def test_a_file_name_is_safe_to_save(name: str) -> None:
    safe = shown.safe_filename(name)
    assert safe
    assert safe == safe.strip()
    assert not set(safe) & set('/\\<>:"|?*\r\n\0')
    assert safe not in (".", "..")
    assert len(safe.encode()) <= 200


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (33286884, "31.7 MiB"),
        (1 << 40, "1.00 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert shown.size(count) == text


@given(st.integers(0, 4_102_444_800_000))
def test_times_are_shown_in_the_servers_zone_with_its_offset(ms: int) -> None:
    text = SPEECHES[0].time(ms)
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
    assert moment == datetime.fromtimestamp(ms // 1000, UTC)
    assert text.endswith(("+08:00", "+09:00"))  # China had summer time until 1991


# --- states ---------------------------------------------------------------------------------


def upload(**more: object) -> state.State:
    known: dict[str, object] = {
        "state": "open", "moving": "receiving", "offset": 30, "length": 100, "touched_ms": 1000,
        "now_ms": 2000, "interrupted_after_ms": 60_000, "reason": None, "problem": None, "copies": 0,
    }  # fmt: skip
    return state.of_upload(**(known | more))  # type: ignore[arg-type]


def item(**more: object) -> state.State:
    known: dict[str, object] = {
        "published": True, "copies": 2, "verdict": "transcode", "reason": None,
        "has_playable": False, "jobs": {},
    }  # fmt: skip
    return state.of_item(**(known | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (upload(), "正在接收 30%", "Receiving 30 %"),
        (upload(length=None), "正在接收 ?%", "Receiving ? %"),
        (upload(now_ms=100_000), "已中断，停在 30%", "Interrupted at 30 %"),
        (upload(moving="received", offset=100), "已接收", "Received"),
        (upload(moving="received", offset=100, copies=1), "已存储 ×1", "Stored ×1"),
        (upload(moving="stored", offset=100, copies=2), "已存储 ×2", "Stored ×2"),
        (upload(state="aborted", reason="discarded"), "已终止（已放弃）", "Ended (discarded)"),
        (item(published=False), "已存储 ×2", "Stored ×2"),
        (item(verdict=None), "已封存", "Sealed"),
        (item(), "已封存", "Sealed"),
        (item(verdict="native"), "可以播放", "Playable"),
        (item(has_playable=True), "可以播放", "Playable"),
        (item(jobs={"playable": state.Job("queued")}), "等待转换", "Waiting to be converted"),
        (item(jobs={"playable": state.Job("running", 0.427)}), "正在转换 42%", "Being converted 42 %"),
        (item(jobs={"playable": state.Job("failed")}), "无法播放（转换失败）", "Cannot be played (conversion failed)"),
        (item(verdict="none", reason="empty"), "无法播放（文件为空）", "Cannot be played (the file is empty)"),
        (item(verdict=None, jobs={"probe": state.Job("failed")}), "无法播放（检查未能完成）", "Cannot be played (examination failed)"),
    ],
)  # fmt: skip
def test_the_states_in_words(value: state.State, chinese: str, english: str) -> None:
    assert [said.state_text(value, speech) for speech in SPEECHES] == [chinese, english]
    assert len(value.steps) == 4


def test_sealed_is_never_said_before_a_checkpoint_covers_it() -> None:
    for verdict in ("native", "none", None):
        assert item(published=False, verdict=verdict).steps[2].standing != "done"


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0"), (1, "0.1"), (100, "0.1"), (11_302, "11.4"), (12_000, "12")]
)
def test_an_uncertainty_never_looks_better_than_it_is(ms: int, text: str) -> None:
    assert shown.about(ms) == text
