"""Lists as they are found: odd shapes are read when clear, and otherwise named by row and column."""

import pytest

from cases.recording.cells import Options
from cases.recording.problems import Reading
from cases.recording.sheets import read_list

SAID = Options(name="清单", version="1", valid_from_ms=0)
HEAD = "序号,执法类别,执法事项,记录环节,记录方式,开始记录时间,记录内容,结束记录时间,存储期限,应当/可以,备注"
ROW = "1,行政检查,日常检查,现场检查,录像,到达现场,全过程,离开现场,永久,应当,"


def read(*lines: str, options: Options = SAID) -> Reading:
    return read_list("\n".join(lines).encode(), "csv", options)


def said(reading: Reading, *, severity: str = "error") -> list[tuple[int | None, str, str]]:
    return [(p.row, p.column, p.code) for p in reading.problems if p.severity == severity]


def rules(reading: Reading):  # type: ignore[no-untyped-def]
    assert reading.list is not None, [(p.row, p.column, p.en) for p in reading.errors]
    return reading.list.rules


# --- what is clear is read ------------------------------------------------------------------------


def test_the_shape_of_a_published_list_with_line_breaks_in_headings_and_cells() -> None:
    """After the list of a city's justice bureau (M02): title above, headings over two lines."""
    reading = read(
        "某市司法局音像记录事项清单",
        '序号,执法类别,执法事项,记录环节,记录方式,"记录开始\n时间",记录内容,"记录结束\n时间",存储期限,备注',
        '1,行政检查,全部检查事项,现场检查全过程,执法记录仪、照相机、摄像机等记录,"执法人员\n抵达现场",执法过程,"执法人员\n离开现场",永久,',
        '5,行政处罚,全部处罚事项,听证会全过程,执法记录仪、照相机、摄像机等记录,听证会开始,听证会全程,听证会结束,永久,',
        '7,行政处罚、行政检查,"全部处罚、\n检查事项",现场制作询问笔录及相关文书,执法记录仪、照相机、摄像机等记录,"制作文书\n开始",制作过程,"当事人\n签字结束",永久,',
        options=Options(version="1", valid_from_ms=0),
    )  # fmt: skip
    first, hearing, record = rules(reading)
    assert reading.list is not None
    assert reading.list.name == "某市司法局音像记录事项清单"
    assert first.methods == ("photo", "video", "body_camera")
    assert (first.start.code, first.end.code) == ("arrived", "left")
    assert (hearing.start.code, hearing.end.code) == ("hearing_started", "hearing_ended")
    assert (record.start.code, record.end.code) == ("record_started", "party_signed")
    assert record.categories == ("penalty", "inspection")
    assert all(rule.must and rule.retention.kind == "permanent" for rule in (first, record))
    assert said(reading, severity="note") == [(2, "", "no_must"), (None, "", "title_as_name")]


def test_the_shape_of_a_list_of_another_trade_with_equipment_instead_of_methods() -> None:
    """After the list of a city's transport department (M02): no category, no points, no terms."""
    reading = read(
        "序号,记录事项,记录场所,记录设备,记录内容",
        "5,先行登记保存证据,取证现场,执法记录仪、照相机、执法终端等,进入现场、表明身份",
        "6,实施查封(扣押),执法现场,执法记录仪、照相机、执法终端等,查封过程",
    )
    _, seizure = rules(reading)
    assert (seizure.code, seizure.stage) == ("6", "实施查封(扣押)")
    assert seizure.stage_category == "enforcement"
    assert seizure.methods == ("photo", "body_camera")
    assert seizure.occasion == "执法现场"
    assert (3, "D 记录设备", "methods_left") in said(reading, severity="note")


def test_the_shape_of_a_list_with_terms_of_the_case_file_and_a_number_used_twice() -> None:
    reading = read(
        "序号,类别,关键环节,记录方式,保管期限,备注",
        "6,行政处罚,违法现场勘验环节,录像、照片,同案卷保留期限,",
        "6,行政处罚,调查询问主要当事人,录像、录音,同案卷保留期限,",
    )
    assert [rule.code for rule in rules(reading)] == ["6", "6-2"]
    assert all(rule.retention.kind == "with_case" for rule in rules(reading))
    assert (3, "A 序号", "code_twice") in said(reading, severity="note")


def test_columns_no_list_has_go_to_the_remarks_and_are_named() -> None:
    reading = read(
        "序号,执法环节,执法事项,记录事项,记录场合,执法时限要求,执法部门,记录人,记录方式,开始记录时间,记录过程,结束记录时间,执法记录类别,备注",
        "1,听证环节,听证,当事人听证过程,会议室,适时,某科室,执法人员,录像,听证会开始,全过程,听证会结束,场景类,原注",
    )
    (rule,) = rules(reading)
    assert rule.stage == "听证环节 · 当事人听证过程"
    assert rule.note == "原注；执法时限要求：适时；执法部门：某科室；执法记录类别：场景类"
    assert [c for _, c, code in said(reading, severity="note") if code == "unknown_column"] == [
        "F 执法时限要求", "G 执法部门", "M 执法记录类别",
    ]  # fmt: skip


def test_full_width_forms_digits_and_spaces_are_the_same() -> None:
    reading = read(
        HEAD.replace("序号", " 序 号 ").replace("应当/可以", "应当／可以"),
        "１２,行政 检查,日常检查,现场检查,录　像；拍 照,到 达 现 场,全过程,离开现场,≥６个月,应 当,",
        "（三）,检查类,日常检查,现场检查,录像,到达现场,全过程,离开现场,不少于三十年,可以,",
    )
    first, second = rules(reading)
    assert (first.code, first.methods) == ("12", ("photo", "video"))
    assert first.start.code == "arrived"
    assert first.retention.words() == "≥6个月"
    assert (second.code, second.categories, second.must) == ("3", ("inspection",), False)
    assert second.retention.words() == "≥30年"


def test_a_row_without_a_number_continues_the_item_and_inherits_what_it_leaves_empty() -> None:
    reading = read(
        HEAD,
        "1,行政处罚,全部,调查取证,录像,到达现场,经过,离开现场,30年,应当,第一行的注",
        ",,,提取物证,拍照,,,,,可以,",
        ",,,封存,,登记保存开始,,,永久,,",
        "2,行政检查,全部,检查,录像,,,,,应当,",
    )
    first, second, third, other = rules(reading)
    assert [r.code for r in rules(reading)] == ["1", "1-2", "1-3", "2"]
    assert (second.stage, second.methods, second.must) == ("提取物证", ("photo",), False)
    assert (second.start, second.end) == (first.start, first.end)
    assert (second.categories, second.retention, second.note) == (
        first.categories,
        first.retention,
        "",
    )
    # One point said on purpose stands alone; nothing is added to it.
    assert (third.start.code, third.end) == ("preservation_started", None)
    assert (third.methods, third.retention.kind, third.must) == (("photo",), "permanent", False)
    assert (other.start, other.retention) == (None, None)


def test_ticks_in_two_columns() -> None:
    reading = read(
        "序号,记录环节,记录方式,应当,可以",
        "1,检查,录像,✓,", "2,检查,录像,,√", "3,检查,录像,是,否", "4,检查,录像,,",
    )  # fmt: skip
    assert [rule.must for rule in rules(reading)] == [True, False, True, True]
    assert (5, "D 应当", "no_must") in said(reading, severity="note")


def test_a_heading_of_two_lines() -> None:
    reading = read(
        "序号,执法类别,记录环节,记录方式,记录时间,,记录要求,",
        ",,,,开始,结束,应当,可以",
        "1,行政检查,检查,录像,到达现场,离开现场,,√",
    )
    (rule,) = rules(reading)
    assert (rule.start.code, rule.end.code, rule.must) == ("arrived", "left", False)


def test_sections_totals_repeated_headings_and_remarks_are_not_rules() -> None:
    reading = read(
        "序号,执法事项,记录环节,记录方式,存储期限,应当/可以",
        "一、行政处罚,,,,,",
        "1,全部,调查,录像,永久,应当",
        "二、行政许可,,,,,",
        "序号,执法事项,记录环节,记录方式,存储期限,应当/可以",
        "2,全部,受理,拍照,永久,应当",
        "合计,2,,,,",
        ",,,,,",
        "注：本表一式两份,,,,,",
        "填表人：执法人员甲,,,审核人：,,",
    )
    assert [(r.code, r.categories) for r in rules(reading)] == [
        ("1", ("penalty",)),
        ("2", ("licence",)),
    ]
    assert [(row, code) for row, _, code in said(reading, severity="note")] == [
        (1, "no_category_column"), (2, "section"), (4, "section"), (7, "skipped_row"),
        (9, "skipped_row"), (10, "skipped_row"),
    ]  # fmt: skip


def test_rows_without_any_number_are_numbered() -> None:
    reading = read("执法事项,记录环节,记录方式", "甲,检查,录像", "乙,检查,拍照")
    assert [rule.code for rule in rules(reading)] == ["1", "2"]
    assert (1, "", "no_code_column") in said(reading, severity="note")


def test_what_stands_above_the_table_is_read_and_the_importer_goes_before_it() -> None:
    lines = ("某清单", "版本,2026-2", "编制单位：某局", "施行日期,2026年3月1日", HEAD, ROW)
    found = read(*lines, options=Options(offset_minutes=480)).list
    assert found is not None
    assert (found.name, found.version, found.organ) == ("某清单", "2026-2", "某局")
    assert found.valid_from_ms == 1772294400000  # 2026-02-28T16:00Z, midnight in China
    mine = read(*lines, options=Options(version="9", organ="", valid_from_ms=5)).list
    assert mine is not None
    assert (mine.version, mine.organ, mine.valid_from_ms) == ("9", "", 5)


def test_the_default_of_must_is_the_importers() -> None:
    reading = read(
        "序号,记录环节,记录方式",
        "1,检查,录像",
        options=Options(name="a", version="1", valid_from_ms=0, must=False),
    )
    assert rules(reading)[0].must is False


def test_the_threshold_and_the_carrier_have_columns_of_their_own() -> None:
    reading = read(
        "序号,记录环节,记录方式,载体,中断阈值（秒）,存储期限（年）",
        "1,检查,录像,执法记录仪、手机,2.5,30", "2,检查,录像,,,",
        "3,检查,录像,光盘,0,永久",
    )  # fmt: skip
    first, second, third = rules(reading)
    assert (first.carriers, first.threshold_ms) == (("body_camera", "phone"), 2500)
    assert first.retention.words() == "30年"
    assert (second.carriers, second.threshold_ms) == ((), None)
    assert (third.carriers, third.threshold_ms, third.note) == ((), 0, "载体：光盘")


def test_points_of_a_procedure_are_known_by_their_labels() -> None:
    options = Options(name="a", version="1", valid_from_ms=0, points={"进入实验室": "lab_entered"})
    reading = read(
        "序号,记录环节,记录方式,开始,结束",
        "1,检查,录像,执法人员进入 实验室,离开实验室",
        options=options,
    )
    (rule,) = rules(reading)
    assert (rule.start.code, rule.end.key) == ("lab_entered", "离开实验室")


# --- what is not clear is named, and nothing is imported ------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("甲乙,行政检查,a,b,录像,,,,永久,应当,", "A 序号", "code"),
        (",行政检查,a,b,录像,,,,永久,应当,", "A 序号", "no_code"),
        ("1,,a,b,录像,,,,永久,应当,", "B 执法类别", "no_category"),
        ("1,行政某某,a,b,录像,,,,永久,应当,", "B 执法类别", "category"),
        ("1,行政检查,a,b,,,,,永久,应当,", "E 记录方式", "no_methods"),
        ("1,行政检查,a,b,见附件,,,,永久,应当,", "E 记录方式", "methods"),
        ("1,行政检查,a,b,录音且录像或拍照,,,,永久,应当,", "E 记录方式", "methods_mixed"),
        ("1,行政检查,a,b,录像,,,,永久,视情况,", "J 应当/可以", "must"),
        (f"1,行政检查,{'长' * 4001},b,录像,,,,永久,应当,", "C 执法事项", "long"),
        ("1,,,,,,,,,,", "", "empty_rule"),
    ],
)
def test_a_cell_that_is_not_clear_is_named_and_nothing_is_imported(row: str, column: str, code: str) -> None:  # fmt: skip
    reading = read("标题", HEAD, row, ROW.replace("1,", "9,", 1))
    assert reading.list is None
    assert said(reading) == [(3, column, code)]


def test_all_problems_of_a_sheet_are_named_at_once() -> None:
    reading = read(
        HEAD,
        ROW,
        ROW.replace("录像", "见附件"),
        "",
        ROW.replace("应当", "?").replace("行政检查", "?"),
    )
    assert said(reading) == [
        (3, "E 记录方式", "methods"), (5, "J 应当/可以", "must"), (5, "B 执法类别", "category"),
    ]  # fmt: skip


def test_both_ticks_and_odd_ticks_are_errors() -> None:
    head = "序号,记录环节,记录方式,应当,可以"
    reading = read(head, "1,检查,录像,✓,✓", "2,检查,录像,○,")
    assert said(reading) == [(2, "D 应当", "must_both"), (3, "D 应当", "must")]


def test_odd_thresholds_and_stages_are_errors() -> None:
    reading = read(
        "序号,记录环节,记录方式,中断阈值（秒）,环节类别",
        "1,检查,录像,两秒,",
        "2,检查,录像,0.0001,某环节",
        "3,检查,录像,-1,",
    )
    assert said(reading) == [
        (2, "D 中断阈值（秒）", "threshold"), (3, "E 环节类别", "stage_category"),
        (3, "D 中断阈值（秒）", "threshold"), (4, "D 中断阈值（秒）", "threshold"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (("随便什么", "a,b,c"), (None, "", "no_table")),
        (("序号,记录环节,存储期限", "1,检查,永久"), (1, "", "no_methods_column")),
        (
            ("序号,记录方式,记录环节,记录方式", "1,录像,检查,录音"),
            (1, "D 记录方式", "column_twice"),
        ),
        ((HEAD,), (None, "", "no_rules")),
        ((HEAD, ROW, "注：完,,", ROW.replace("1,", "2,", 1)), (4, "", "after_end")),
    ],
)
def test_a_table_that_is_none(lines: tuple[str, ...], problem: tuple[int | None, str, str]) -> None:
    reading = read(*lines)
    assert reading.list is None
    assert problem in said(reading)


@pytest.mark.parametrize(
    ("options", "above", "code"),
    [
        (Options(version="1", valid_from_ms=0), (), "no_name"),
        (Options(name="a", valid_from_ms=0), (), "no_version"),
        (Options(name="a", version="1"), (), "no_valid_from"),
        (Options(name="a", version="1", valid_from_ms=9, valid_to_ms=9), (), "valid_order"),
        (Options(name="a", version="1"), ("生效日期,2026-03-01",), "valid_time"),
        (
            Options(name="a", version="1", offset_minutes=480),
            ("生效日期,2026-13-01",),
            "valid_time",
        ),
        (Options(name="a", version="1"), ("生效日期,三月",), "valid_time"),
    ],
)
def test_a_list_must_have_name_version_and_validity(options: Options, above: tuple[str, ...], code: str) -> None:  # fmt: skip
    reading = read(*above, HEAD, ROW, options=options)
    assert reading.list is None
    assert [problem.code for problem in reading.errors] == [code]


def test_problems_speak_both_languages_with_what_was_found() -> None:
    (found,) = read(HEAD, ROW.replace("录像", "见附件")).errors
    assert found.zh == "记录方式“见附件”无法识别"
    assert found.en == "the methods “见附件” are not understood"
