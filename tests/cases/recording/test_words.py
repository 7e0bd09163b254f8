"""Cells one by one: methods, points, stages, terms."""

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.recording import retention as terms
from cases.recording import words
from cases.recording.heading import COLUMNS
from cases.recording.problems import ERRORS, NOTES
from cases.recording.retention import PERMANENT, WITH_CASE, Claim, Retention, longest, read_term
from cases.recording.rules import CARRIERS, CATEGORIES, METHODS, STAGES, Point
from cases.recording.text import clean, number
from verify.errors import MalformedError

# --- methods --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "methods", "together", "left"),
    [
        ("录音、录像/执法记录仪 拍照", {"audio", "video", "body_camera", "photo"}, False, ""),
        ("执法记录仪、照相机、摄像机等记录", {"body_camera", "photo", "video"}, False, ""),
        ("拍照、录音录像等", {"photo", "audio", "video"}, False, ""),
        ("全程录音录像", {"audio", "video"}, False, ""),
        ("执法记录仪录像", {"body_camera"}, False, ""),
        ("视频监控录像", {"surveillance"}, False, ""),
        ("音视频设备", {"audio", "video"}, False, ""),
        ("录音且录像", {"audio", "video"}, True, ""),
        ("拍照并录像", {"photo", "video"}, True, ""),
        ("录音或者录像", {"audio", "video"}, False, ""),
        ("执法终端、照相机", {"photo"}, False, "执法终端"),
        ("照相机，见附件二", {"photo"}, False, "见附件二"),
        ("见附件", set(), False, "见附件"),
        ("", set(), False, ""),
    ],
)
def test_methods(cell: str, methods: set[str], together: bool, left: str) -> None:
    found = words.read_methods(cell)
    assert (set(found.methods), found.together, found.left) == (methods, together, left)


def test_words_that_join_loosely_are_read_as_any_one_and_said() -> None:
    found = words.read_methods("录音和录像")
    assert (found.together, found.loose) == (False, True)


@given(st.sets(st.sampled_from(METHODS), min_size=1), st.booleans())
def test_methods_are_read_as_they_are_written(chosen: set[str], together: bool) -> None:
    methods = tuple(method for method in METHODS if method in chosen)
    found = words.read_methods(words.methods_words(methods, together=together))
    assert (found.methods, found.left, found.mixed) == (methods, "", False)
    assert found.together == (together and len(methods) > 1)


@given(st.sets(st.sampled_from(CARRIERS)))
def test_carriers_are_read_as_they_are_written(chosen: set[str]) -> None:
    carriers = tuple(carrier for carrier in CARRIERS if carrier in chosen)
    assert words.read_carriers(words.carriers_words(carriers)) == (carriers, "")


@given(st.sets(st.sampled_from(CATEGORIES)))
def test_categories_are_read_as_they_are_written(chosen: set[str]) -> None:
    categories = tuple(category for category in CATEGORIES if category in chosen)
    assert words.read_categories(words.categories_words(categories)) == categories


# --- stages and points ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "stage"),
    [
        (("调查取证",), "investigation"),
        (("留置送达",), "service"),
        (("处罚决定书送达",), "service"),
        (("实施查封",), "enforcement"),
        (("听证",), None),
        (("送审决定与审核",), None),
        (("其他", "现场检查"), "investigation"),
        (("",), None),
    ],
)
def test_stages(cells: tuple[str, ...], stage: str | None) -> None:
    assert words.read_stage(*cells) == stage


def test_each_of_the_seven_is_known_by_its_word() -> None:
    assert [words.read_stage(words.STAGE_WORDS[stage]) for stage in STAGES] == list(STAGES)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("到达现场", "arrived"), ("执法人员进入检查场所", "arrived"), ("离开执法现场时", "left"),
        ("退出检查场所", "left"), ("进入听证室", "hearing_entered"), ("离开听证会场", "hearing_left"),
        ("听证会开始", "hearing_started"), ("告知完毕", "notice_given"), ("开始制作笔录", "record_started"),
        ("询问笔录开始", "record_started"), ("被询问人签名确认", "party_signed"), ("当事人\n签字结束", "party_signed"),
        ("实施查封开始", "seizure_started"), ("查封、扣押结束", "seizure_ended"), ("查封(扣押)开始", "seizure_started"),
        ("登记保存结束", "preservation_ended"), ("送达完毕", "service_ended"), ("出示执法证件", "identity_shown"),
        ("查阅前", None), ("处置结束，相关人员签字", None), ("进入大厅", None), ("现场", None),
        ("开工[measure_taken]", "measure_taken"), ("到达现场[]", None),
    ],
)  # fmt: skip
def test_points(cell: str, code: str | None) -> None:
    point = words.read_point(cell)
    assert point is not None
    assert point.code == code
    assert "\n" not in point.text


@pytest.mark.parametrize("cell", ["", "-", "—", "/", "无", " "])
def test_no_point(cell: str) -> None:
    assert words.read_point(cell) is None


@given(st.builds(Point, st.sampled_from(["到达现场", "甲", "甲[乙]", "-", "甲[a]", "甲[]"]), st.sampled_from([None, "arrived", "left"])))  # fmt: skip
def test_points_are_read_as_they_are_written(point: Point) -> None:
    assert words.read_point(words.point_words(point)) == point


@given(st.one_of(st.none(), st.integers(0, 10**9)))
def test_thresholds_are_read_as_they_are_written(ms: int | None) -> None:
    said = words.seconds_words(ms)
    assert (words.read_seconds(said, 1000) if said else None) == ms


# --- terms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("永久", "永久"), ("永久保存", "永久"), ("同案卷保存期限", "同案卷保存期限"),
        ("同案卷", "同案卷保存期限"), ("与案卷保存期限一致", "同案卷保存期限"), ("随案卷保管", "同案卷保存期限"),
        ("≥6个月", "≥6个月"), (">=6个月", "≥6个月"), ("不少于30年", "≥30年"), ("6个月以上", "≥6个月"),
        ("至少保存6个月", "≥6个月"), ("六个月", "6个月"), ("三十年", "30年"), ("半年", "6个月"), ("15天", "15日"),
        ("２年", "2年"), ("1年及以上", "≥1年"), ("十五日", "15日"),
    ],
)  # fmt: skip
def test_terms(cell: str, said: str) -> None:
    term = read_term(cell)
    assert term is not None
    assert term.words() == said


@pytest.mark.parametrize(
    "cell", ["长期", "6个月，涉案的永久", "2年至5年", "7个工作日", "一年半", "0年", "案件办结后"]
)
def test_terms_without_a_measure_stay_words(cell: str) -> None:
    term = read_term(cell)
    assert term is not None
    assert (term.kind, term.text) == ("text", cell)


def test_a_unit_in_the_heading_is_for_bare_numbers() -> None:
    assert read_term("30", unit="years") == Retention("term", 30, "years")
    assert read_term("≥6", unit="months") == Retention("term", 6, "months", at_least=True)
    assert read_term("永久", unit="years") == PERMANENT
    assert read_term("30") == Retention("text", text="30")


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "other"}, {"kind": "term", "count": 0, "unit": "days", "at_least": False},
        {"kind": "term", "count": True, "unit": "days", "at_least": False},
        {"kind": "term", "count": 1, "unit": "weeks", "at_least": False},
        {"kind": "term", "count": 1, "unit": "days", "at_least": 1},
        {"kind": "permanent", "count": 1}, {"kind": "text", "text": "永久"}, {"kind": "text", "text": ""}, [], "永久",
    ],
)  # fmt: skip
def test_a_term_that_we_would_not_write_is_refused(value: object) -> None:
    with pytest.raises(MalformedError, match="retention: expected"):
        terms.from_json(value)


# --- which term wins (risk 10) ----------------------------------------------------------------------

SIX, THIRTY = Retention("term", 6, "months", at_least=True), Retention("term", 30, "years")
WORDS = Retention("text", text="长期")
BEGINS = date(2026, 8, 31)


def claims(*found: Retention) -> list[Claim]:
    return [Claim(f"清单{n}", "1", str(n), term) for n, term in enumerate(found)]


@pytest.mark.parametrize(
    ("found", "case_term", "winner", "until"),
    [
        ((SIX, THIRTY), None, 1, date(2056, 8, 31)),
        ((PERMANENT, THIRTY, WITH_CASE), THIRTY, 0, None),
        ((SIX, WITH_CASE), THIRTY, 1, date(2056, 8, 31)),
        ((THIRTY, WITH_CASE), SIX, 0, date(2056, 8, 31)),
        ((SIX, WITH_CASE), PERMANENT, 1, None),
        ((THIRTY, WITH_CASE), None, 1, None),
        ((THIRTY, WORDS), None, 1, None),
        ((WORDS, PERMANENT), None, 1, None),
        ((SIX,), None, 0, date(2027, 2, 28)),
        ((Retention("term", 183, "days"), SIX), None, 0, date(2027, 3, 2)),
        ((Retention("term", 99999, "years"),), None, 0, date.max),
        ((Retention("term", 999999999, "days"),), None, 0, date.max),
    ],
)
def test_the_longest_term_wins_and_says_whose_it_is(
    found: tuple[Retention, ...], case_term: Retention | None, winner: int, until: date | None
) -> None:
    won = longest(claims(*found), begins=BEGINS, case_term=case_term)
    assert [claim.code for claim in won.claims] == [str(winner)]
    assert won.until == until


def test_what_cannot_be_measured_is_named_and_equal_claims_win_together() -> None:
    won = longest(claims(THIRTY, WORDS, WITH_CASE), begins=BEGINS, case_term=None)
    assert [claim.code for claim in won.undetermined] == ["1", "2"]
    both = longest(claims(SIX, Retention("term", 6, "months")), begins=BEGINS, case_term=None)
    assert [claim.code for claim in both.claims] == ["0", "1"]
    assert longest([], begins=BEGINS, case_term=None).term is None
    told = longest(claims(WITH_CASE), begins=BEGINS, case_term=THIRTY)
    assert told.term == THIRTY


# --- text -------------------------------------------------------------------------------------------


@given(st.text())
def test_clean_text_stays_clean(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_invisible_characters_are_dropped_and_line_breaks_kept() -> None:
    assert clean("\ufeff 到\u200b达\u202e\r\n 现场\t甲\x00\xa0\ufffe ") == "到达\n现场 甲"


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("十", 10), ("十二", 12), ("三十", 30), ("一百零五", 105), ("二三", None), ("两", 2), ("", None), ("a", None)],
)  # fmt: skip
def test_numbers(text: str, value: int | None) -> None:
    assert number(text) == value


def test_every_problem_has_both_languages_and_the_same_blanks() -> None:
    for zh, en in (*ERRORS.values(), *NOTES.values()):
        assert re.findall(r"\{\w+\}", zh) == re.findall(r"\{\w+\}", en)
    assert not ERRORS.keys() & NOTES.keys()


def test_the_page_of_the_format_names_every_problem_point_and_refusal() -> None:
    page = (Path(__file__).parents[3] / "docs/formats/rules.md").read_text("utf-8")
    assert page.splitlines()[2].startswith("Version 1. Normative.")
    errors, notes = (re.search(rf"^{kind}: (.*)\.$", page, re.MULTILINE) for kind in ("Errors", "Notes"))  # fmt: skip
    assert errors is not None
    assert notes is not None
    assert re.findall(r"`(\w+)`", errors[1]) == list(ERRORS)
    assert re.findall(r"`(\w+)`", notes[1]) == list(NOTES)
    assert all(f"`{code}`" in page for code in words.KNOWN_POINTS)
    plain = page.replace("（", "(").replace("）", ")")
    joined = (
        "记录时间",
        "记录要求应当",
        "记录要求可以",
        "记录环节(事项)",
    )  # of a heading of two lines
    named = [name for names in COLUMNS.values() for name in names if not name.isascii()]
    assert [name for name in named if name not in plain and not name.startswith(joined)] == []
