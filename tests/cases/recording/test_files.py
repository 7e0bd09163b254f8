"""Files: what is refused before it is opened, round trips, and the examples."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.recording import csvfile, words, workbook
from cases.recording.cells import Options
from cases.recording.examples import make
from cases.recording.grid import Limits, RefusedFileError, letters
from cases.recording.retention import Retention, read_term
from cases.recording.rules import (
    CARRIERS,
    CATEGORIES,
    MAX_MS,
    METHODS,
    STAGES,
    Point,
    Rule,
    RuleList,
    applied,
    list_from_json,
    list_to_json,
)
from cases.recording.sheets import FORMATS, HEADINGS, read_list, write_list
from cases.recording.text import clean
from verify import canonical
from verify.errors import MalformedError

SAID = Options(name="清单", version="1", valid_from_ms=0)
HEAD = ("序号", "记录环节", "记录方式", "存储期限", "应当/可以")
EXAMPLES = Path(make.__file__).parent

# --- round trips ----------------------------------------------------------------------------------

nasty = st.sampled_from(["=1+1", "'=x", "''", "-", "@a", "+", "＝", "全部", "注：a", "合计", "a[b]", "序号", "a,b;c\td", '"', "_x000D_", "x005F_", "<&>"])  # fmt: skip
texts = st.one_of(nasty, st.text(max_size=12)).map(clean)
some = texts.filter(bool)


def chosen(among: tuple[str, ...], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    picked = st.sets(st.sampled_from(among), min_size=least)
    return picked.map(lambda found: tuple(word for word in among if word in found))


points = st.one_of(
    st.none(),
    st.builds(
        Point,
        some.map(lambda text: text.replace("\n", "")).filter(bool),
        st.one_of(st.none(), st.sampled_from([*words.KNOWN_POINTS, "own_point"])),
    ),
)
terms = st.one_of(
    st.none(),
    st.sampled_from([Retention("permanent"), Retention("with_case")]),
    st.builds(Retention, st.just("term"), st.integers(1, 10**8), st.sampled_from(["days", "months", "years"]), st.booleans()),
    some.map(read_term),
)  # fmt: skip
times = st.integers(0, MAX_MS - 1)


@st.composite
def a_rule(draw: st.DrawFn) -> Rule:
    methods = draw(chosen(METHODS, 1))
    return Rule(
        code=draw(st.from_regex(r"[0-9A-Za-z]([0-9A-Za-z._-]{0,3}[0-9A-Za-z])?", fullmatch=True)),
        methods=methods,
        must=draw(st.booleans()),
        categories=draw(chosen(CATEGORIES)),
        matter=draw(texts), stage=draw(texts),
        stage_category=draw(st.sampled_from([None, *STAGES])),
        occasion=draw(texts),
        all_methods=len(methods) > 1 and draw(st.booleans()),
        recorder=draw(texts), start=draw(points), end=draw(points), content=draw(texts),
        retention=draw(terms), note=draw(texts), carriers=draw(chosen(CARRIERS)),
        threshold_ms=draw(st.one_of(st.none(), st.integers(0, 10**6))),
    )  # fmt: skip


@st.composite
def a_list(draw: st.DrawFn) -> RuleList:
    start = draw(times)
    end = draw(st.one_of(st.none(), st.integers(start + 1, MAX_MS)))
    rules = draw(st.lists(a_rule(), min_size=1, max_size=4, unique_by=lambda rule: rule.code))
    return RuleList(draw(some), draw(some), draw(texts), start, end, tuple(rules))


@settings(max_examples=80, deadline=None)
@given(a_list(), st.sampled_from(FORMATS))
def test_what_is_exported_is_imported_again_as_it_was(rules: RuleList, kind: str) -> None:
    reading = read_list(write_list(rules, kind), kind, Options())
    assert reading.errors == ()
    assert reading.list == rules


@settings(max_examples=60, deadline=None)
@given(a_list())
def test_a_list_is_canonical_json_and_back(rules: RuleList) -> None:
    value = list_to_json(rules)
    assert list_from_json(canonical.decode(canonical.encode(value))) == rules


def test_the_same_list_gives_the_same_bytes() -> None:
    (rules,) = [read_list((EXAMPLES / "inspection.csv").read_bytes(), "csv", Options()).list]
    assert rules is not None
    for kind in FORMATS:
        assert write_list(rules, kind) == write_list(rules, kind)


def test_no_cell_of_an_exported_csv_begins_like_a_formula() -> None:
    rule = Rule("1", ("video",), must=True, matter="=cmd()", content="@sum", note="-1", stage="+1")
    data = write_list(RuleList("=a", "1", "\u3000=b", 0, None, (rule,)), "csv")
    cells = [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=cmd()" in cells


def test_a_formula_like_text_in_an_exported_workbook_is_a_text() -> None:
    rule = Rule("1", ("video",), must=True, matter="=1+1")
    book = openpyxl.load_workbook(
        io.BytesIO(write_list(RuleList("a", "1", "", 0, None, (rule,)), "xlsx"))
    )
    assert [c.data_type for row in book.active.iter_rows() for c in row if c.value == "=1+1"] == [
        "s"
    ]


# --- CSV --------------------------------------------------------------------------------------------

PLAIN = "序号,记录环节,记录方式,存储期限\n1,检查,录像,永久\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_and_delimiters(encoding: str, delimiter: str) -> None:
    data = PLAIN.replace(",", delimiter).encode(encoding)
    reading = read_list(data, "csv", SAID)
    assert reading.list is not None
    assert reading.list.rules[0].stage == "检查"


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x80\x81\xff", b"a\0b", b"\xfe\xff\xd8\x00"])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(RefusedFileError) as caught:
        read_list(data, "csv", SAID)
    assert caught.value.reason == "encoding"


def test_rows_of_a_csv_are_counted_as_a_spreadsheet_counts_them() -> None:
    data = '\n\n标题\n序号,记录环节,记录方式\n1,"两\n行",录像\n\n2,检查,?\n'.encode()
    (problem,) = read_list(data, "csv", SAID).errors
    assert (problem.row, problem.column) == (7, "C 记录方式")


# --- limits -----------------------------------------------------------------------------------------


def refused(data: bytes, kind: str, limits: Limits | None = None) -> str:
    options = replace(SAID, limits=limits or Limits())
    with pytest.raises(RefusedFileError) as caught:
        read_list(data, kind, options)
    assert ": expected" in str(caught.value)
    return caught.value.reason


def book(*rows: tuple[Any, ...], change: Callable[[Any], None] | None = None) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    for row in rows:
        sheet.append(row)
    if change:
        change(sheet)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def repacked(data: bytes, changes: dict[str, bytes]) -> bytes:
    """The archive with parts replaced or added."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))
        for name in changes.keys() - set(old.namelist()):
            new.writestr(name, changes[name])
    return out.getvalue()


def part(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


GOOD = book(HEAD, ("1", "检查", "录像", "永久", "应当"))
SHEET = "xl/worksheets/sheet1.xml"


def test_files_that_are_too_large_are_refused() -> None:
    assert refused(GOOD, "xlsx", Limits(max_bytes=100)) == "size"
    assert refused(GOOD, "xlsx", Limits(max_unpacked_bytes=1000)) == "unpacked"
    many = [HEAD, *[(str(n), "检查", "录像", "永久", "应当") for n in range(60)]]
    assert refused(book(*many), "xlsx", Limits(max_rows=50)) == "rows"
    lines = "\n".join(",".join(row) for row in many)
    assert refused(lines.encode(), "csv", Limits(max_rows=50)) == "rows"
    assert refused(book((*HEAD, *"abc")), "xlsx", Limits(max_columns=7)) == "columns"
    assert refused((PLAIN + "a," * 70 + "a").encode(), "csv") == "columns"
    assert read_list(GOOD, "xlsx", SAID).list is not None


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = repacked(GOOD, {"xl/media/a.xml": b" " * (80 * 2**20)})
    assert len(bomb) < 2**20
    assert refused(bomb, "xlsx") == "unpacked"


def test_a_merged_cell_over_the_whole_sheet_is_refused() -> None:
    sheet = part(GOOD, SHEET).replace(b"</sheetData>", b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>')  # fmt: skip
    assert refused(repacked(GOOD, {SHEET: sheet}), "xlsx") == "rows"


def test_merged_cells_upon_each_other_are_refused() -> None:
    spans = b'<mergeCell ref="A1:BL5000"/>' * 1000
    sheet = part(GOOD, SHEET).replace(b"</sheetData>", b"</sheetData><mergeCells>" + spans + b"</mergeCells>")  # fmt: skip
    assert refused(repacked(GOOD, {SHEET: sheet}), "xlsx") == "format"


def test_a_cell_in_the_last_row_of_all_is_refused() -> None:
    sheet = part(GOOD, SHEET).replace(b"</sheetData>", b'<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>')  # fmt: skip
    assert refused(repacked(GOOD, {SHEET: sheet}), "xlsx") == "rows"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"xl/vbaProject.bin": b"x"}, "macros"),
        ({"xl/externalLinks/externalLink1.xml": b"<a/>"}, "external"),
        ({"xl/embeddings/a.bin": b"x"}, "external"),
        ({"xl/connections.xml": b"<a/>"}, "external"),
        ({"xl/_rels/more.xml.rels": b'<R><Relationship TargetMode="External" Type="x/oleObject" Target="http://a"/></R>'}, "external"),
        ({SHEET: b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}, "markup"),
        ({SHEET: '<?xml version="1.0"?><a/>'.encode("utf-16")}, "markup"),
        ({SHEET: b'<?xml version="1.0" encoding="cp037"?><a/>'}, "markup"),
        ({SHEET: b"<worksheet>"}, "format"),
        ({"xl/workbook.xml": b"<a"}, "format"),
        ({"XL/workbook.xml": b"<a/>"}, "format"),
        ({"[Content_Types].xml": part(GOOD, "[Content_Types].xml").replace(b"sheet.main+xml", b"sheet.macroEnabled.main+xml")}, "macros"),
    ],
)  # fmt: skip
def test_workbooks_with_something_else_in_them_are_refused(changes: dict[str, bytes], reason: str) -> None:  # fmt: skip
    assert refused(repacked(GOOD, changes), "xlsx") == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"\xd0\xcf\x11\xe0" + b"\0" * 600, "encrypted"), (b"PK\x03\x04", "format"), (b"", "format"), (GOOD[:-30], "format")],
)  # fmt: skip
def test_files_that_are_no_workbook_are_refused(data: bytes, reason: str) -> None:
    assert refused(data, "xlsx") == reason


def test_a_workbook_with_an_address_in_a_cell_is_read() -> None:
    def link(sheet: Any) -> None:
        sheet["B2"].hyperlink = "http://example.invalid/"

    data = book(HEAD, ("1", "检查", "录像", "永久", "应当"), change=link)
    assert read_list(data, "xlsx", SAID).list is not None


def test_an_unknown_kind_of_file_is_refused() -> None:
    with pytest.raises(MalformedError, match="expected csv, xlsx, json, got 'xls'"):
        read_list(b"", "xls", SAID)
    with pytest.raises(MalformedError, match="expected csv, xlsx, json"):
        write_list(RuleList("a", "1", "", 0, None, (Rule("1", ("video",), must=True),)), "pdf")


# --- cells of a workbook ----------------------------------------------------------------------------


def test_formulas_dates_and_errors_are_named_and_not_evaluated() -> None:
    data = book(
        HEAD,
        ("=ROW()-1", "检查", "录像", "永久", "应当"),
        ("2", "检查", "录像", date(2026, 3, 1), "应当"),
        ("3", "检查", "录像", "永久", datetime(2026, 3, 1, 5)),  # noqa: DTZ001 - sheets have no zone
        ("4", "#N/A", "录像", "永久", "应当"),
    )
    reading = read_list(data, "xlsx", SAID)
    assert reading.list is None
    assert [(p.row, p.column, p.code) for p in reading.errors] == [
        (2, "A 序号", "formula"), (3, "D 存储期限", "date"), (4, "E 应当/可以", "date"),
        (5, "B 记录环节", "cell_error"),
    ]  # fmt: skip


def test_numbers_and_truth_values_are_read_as_they_look() -> None:
    data = book((*HEAD[:4], "是否必须"), (1, "检查", "录像", "永久", True), (2.0, "检查", "录像", 3.5, False))  # fmt: skip
    reading = read_list(data, "xlsx", SAID)
    assert reading.list is not None
    assert [(rule.code, rule.must) for rule in reading.list.rules] == [("1", True), ("2", False)]
    assert reading.list.rules[1].retention == Retention("text", text="3.5")


def test_a_merged_cell_stands_in_all_its_places_and_a_merged_number_continues_the_item() -> None:
    def merge(sheet: Any) -> None:
        for span in ("A1:F1", "A3:A5", "B3:B6", "D3:D4", "E4:E5"):
            sheet.merge_cells(span)

    data = book(
        ("某局清单",),
        ("序号", "执法类别", "记录环节", "记录方式", "存储期限", "备注"),
        (1, "行政处罚", "调查", "录像", "30年", "注"),
        (None, None, "取证", None, "永久", None),
        (None, None, "询问", "录音", None, None),
        (2, None, "送达", "拍照", "6个月", None),
        change=merge,
    )
    reading = read_list(data, "xlsx", Options(version="1", valid_from_ms=0))
    assert reading.list is not None
    assert reading.list.name == "某局清单"
    found = [(r.code, r.stage, r.methods, r.retention.words()) for r in reading.list.rules if r.retention]  # fmt: skip
    assert found == [
        ("1", "调查", ("video",), "30年"), ("1-2", "取证", ("video",), "永久"),
        ("1-3", "询问", ("audio",), "永久"), ("2", "送达", ("photo",), "6个月"),
    ]  # fmt: skip
    assert {rule.categories for rule in reading.list.rules} == {("penalty",)}


def test_columns_under_one_merged_heading_are_read_as_one() -> None:
    data = book(
        ("序号", "记录内容", None, "记录环节", "记录方式"),
        (1, "甲", "乙", "检查", "录像"),
        change=lambda sheet: sheet.merge_cells("B1:C1"),
    )
    reading = read_list(data, "xlsx", SAID)
    assert reading.list is not None
    assert reading.list.rules[0].content == "甲 乙"


def test_empty_rows_and_columns_far_out_do_not_count() -> None:
    def far(sheet: Any) -> None:
        sheet["ZZ9000"].font = openpyxl.styles.Font(bold=True)

    data = book(HEAD, ("1", "检查", "录像", "永久", "应当"), change=far)
    assert read_list(data, "xlsx", SAID).list is not None


def test_the_one_sheet_that_holds_a_list_is_found() -> None:
    made = openpyxl.load_workbook(io.BytesIO(GOOD))
    made.create_sheet("说明").append(("随便",))
    out = io.BytesIO()
    made.save(out)
    assert read_list(out.getvalue(), "xlsx", SAID).list is not None
    made.copy_worksheet(made.worksheets[0]).title = "旧版"
    out = io.BytesIO()
    made.save(out)
    assert [p.code for p in read_list(out.getvalue(), "xlsx", SAID).errors] == ["two_tables"]
    assert read_list(out.getvalue(), "xlsx", replace(SAID, sheet="旧版")).list is not None
    assert [p.code for p in read_list(out.getvalue(), "xlsx", replace(SAID, sheet="无")).errors] == ["no_sheet"]  # fmt: skip


def test_letters_are_those_of_a_spreadsheet() -> None:
    assert [letters(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


# --- JSON -------------------------------------------------------------------------------------------


def as_json(**changes: object) -> dict[str, Any]:
    rule = Rule("1", ("video",), must=True, start=Point("到达现场", "arrived"))
    return json.loads(json.dumps(list_to_json(RuleList("a", "1", "", 0, None, (rule,))))) | changes  # type: ignore[no-any-return]


def with_rule(**changes: object) -> dict[str, Any]:
    value = as_json()
    value["rules"][0] |= changes
    return value


@pytest.mark.parametrize(
    "value",
    [
        [], as_json(format=2), as_json(name=""), as_json(name=5), as_json(extra=1), as_json(rules=[]), as_json(rules={}),
        as_json(valid_from_ms=-1), as_json(valid_from_ms=True), as_json(valid_to_ms=0), as_json(valid_from_ms=MAX_MS + 1),
        as_json(rules=as_json()["rules"] * 2), with_rule(code=""), with_rule(code="1."), with_rule(code=1),
        with_rule(must=1), with_rule(methods=[]), with_rule(methods=["film"]), with_rule(methods=["video", "photo"]),
        with_rule(all_methods=True), with_rule(stage_category="other"), with_rule(threshold_ms=-1),
        with_rule(matter=" a"), with_rule(matter="a" * 4001), with_rule(start={"code": None, "text": ""}),
        with_rule(start={"code": "A", "text": "a"}), with_rule(start={"code": None, "text": "a\nb"}), with_rule(start={"text": "a"}),
        with_rule(retention={"kind": "text", "text": "永久"}), with_rule(carriers=["disk"]), with_rule(categories="penalty"),
    ],
)  # fmt: skip
def test_json_that_we_would_not_write_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(MalformedError, match=": expected"):
        list_from_json(value)
    reading = read_list(json.dumps(value).encode(), "json", SAID)
    assert reading.list is None
    assert [problem.code for problem in reading.problems] == ["json"]


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"a":1,"a":2}', b"1.5", b"NaN", b"\xff", b"[" * 100_000, b"9" * 5000]
)
def test_bytes_that_are_no_json_are_a_problem(data: bytes) -> None:
    assert [problem.code for problem in read_list(data, "json", SAID).errors] == ["json"]


# --- which rules apply ------------------------------------------------------------------------------


def test_rules_apply_by_kind_while_their_list_is_in_force() -> None:
    rules = (Rule("1", ("video",), must=True, categories=("penalty",)), Rule("2", ("video",), must=True))  # fmt: skip
    old, new = RuleList("a", "1", "", 100, 200, rules), RuleList("a", "2", "", 200, None, rules)

    def codes(category: str, at_ms: int) -> list[tuple[str, str]]:
        return [(a.list_version, a.rule.code) for a in applied([old, new], category=category, at_ms=at_ms)]  # fmt: skip

    assert codes("penalty", 199) == [("1", "1"), ("1", "2")]
    assert codes("licence", 200) == [("2", "2")]
    assert codes("penalty", 99) == []


# --- the examples -----------------------------------------------------------------------------------


def test_the_examples_are_what_their_source_makes() -> None:
    for name, data in make.files():
        assert (EXAMPLES / name).read_bytes() == data, f"run python -m {make.__name__}"


@pytest.mark.parametrize(("name", "count"), [("inspection", 7), ("enforcement", 16)])
def test_the_examples_import_the_same_from_csv_and_from_merged_cells(name: str, count: int) -> None:
    flat, merged = (
        read_list((EXAMPLES / f"{name}.{kind}").read_bytes(), kind, Options())
        for kind in ("csv", "xlsx")
    )
    assert flat.list is not None
    assert flat.list == merged.list
    assert len(flat.list.rules) == count
    assert "示例" in flat.list.name
    assert "示例" in flat.list.version


def test_m02_an_example_asks_for_the_seizure_to_be_recorded_from_its_start_to_its_end() -> None:
    found = read_list((EXAMPLES / "enforcement.csv").read_bytes(), "csv", Options()).list
    assert found is not None
    (seizure,) = [rule for rule in found.rules if rule.stage == "实施查封"]
    assert seizure.must
    assert (seizure.start and seizure.start.code, seizure.end and seizure.end.code) == (
        "seizure_started", "seizure_ended",
    )  # fmt: skip
    assert {rule.retention.kind for rule in found.rules if rule.retention} == {"permanent", "with_case", "term"}  # fmt: skip


def test_the_headings_of_an_export_are_the_thirteen_and_three_more() -> None:
    page = (Path(__file__).parents[3] / "docs/formats/rules.md").read_text("utf-8")
    assert len(HEADINGS) == 16
    for heading in HEADINGS:
        assert f"| {heading} |" in page


def test_writing_a_workbook_or_csv_of_nothing_is_possible() -> None:
    assert workbook.read(workbook.write("空", []), Limits())[0].rows == ()
    assert csvfile.read(csvfile.write([]), Limits()).rows == ()
