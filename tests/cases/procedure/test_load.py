"""Procedures as text: the shipped ones load, bad ones are refused with every line and reason."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.procedure.load import MAX_BYTES, BadProcedureError, digest, load
from cases.procedure.model import CATEGORIES, EXITS, LEVELS, METHODS, ROLES, STAGE_CATEGORIES
from cases.procedure.read import Problem
from cases.procedure.reasons import chinese
from cases.procedure.shipped import shipped
from tests.cases.procedure.walks import SMALL
from verify.errors import MalformedError

LINES = SMALL.split("\n")


def line_of(text: str, fragment: str, nth: int = 1) -> int:
    return [n for n, line in enumerate(text.split("\n"), 1) if fragment in line][nth - 1]


def problems(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(BadProcedureError) as refused:
        load(text, source="bad.toml")
    untold = [p.reason for p in refused.value.problems if chinese(p.reason) is None]
    assert untold == [], "reasons without a Chinese sentence"
    return refused.value.problems


EXPECTED = {
    "coercion", "inspection", "inspection_forensics", "inspection_lawyers", "inspection_notaries",
    "legal_review", "licence", "mediation", "penalty_ordinary", "penalty_summary",
}  # fmt: skip


def test_m01_the_shipped_procedures_are_there() -> None:
    assert set(shipped()) == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_m01_a_shipped_procedure_loads_and_is_whole(name: str) -> None:
    found = shipped()[name]
    procedure = found.procedure
    assert (procedure.name, load(found.text, source=name)) == (name, procedure)
    assert found.digest == digest(found.text)
    assert procedure.category in CATEGORIES
    assert {stage.category for stage in procedure.stages} <= set(STAGE_CATEGORIES)
    assert procedure.stages[-1].final
    assert procedure.enforcement is (name != "mediation")
    assert procedure.recordings
    labels = [e.label for e in (*procedure.stages, *procedure.transitions, *procedure.documents)]
    assert all(label.zh and label.en and label.zh != label.en for label in labels)


def test_m01_the_instances_of_the_inspection_have_its_stages() -> None:
    general = shipped()["inspection"].procedure
    for name in ("inspection_lawyers", "inspection_notaries", "inspection_forensics"):
        special = shipped()[name].procedure
        assert special.stages == general.stages
        assert {d.code for d in general.documents} < {d.code for d in special.documents}


# ── one fault each: where it stands and what it is ───────────────────────────────────────────────

EXTRA = '\n[[stage]]\ncode = "island"\nlabel = { zh-CN = "岛", en = "Island" }\ncategory = "review"\n'  # fmt: skip
POINT = '\n[[point]]\ncode = "p"\nlabel = { zh-CN = "点", en = "P" }\nstage = "check"\n'


@pytest.mark.parametrize(
    ("old", "new", "where", "reason"),
    [
        # keys and values
        ('code = "go"', 'code = "go"\ncolour = "red"', 'colour = "red"', "expected one of the keys"),
        ("format = 1", "format = 2", "format = 2", "expected version 1 of the format, got 2"),
        ("version = 1", "version = 0", "version = 0", "expected 1 to 1000000, got 0"),
        ("version = 1", "version = true", "version = true", "expected a whole number, got true or false"),
        ("version = 1", 'version = "1"', "version =", "expected a whole number, got text"),
        ('name = "small"', 'name = "Small!"', "name =", "expected a-z, 0-9 and _ after a letter"),
        ('category = "other"', 'category = "art"', 'category = "art"', "expected one of penalty, licence"),
        ('category = "review"', 'category = "art"', 'category = "art"', "expected one of initiation, investigation"),
        ("final = true", 'final = "yes"', 'final = "yes"', "expected true or false, got text"),
        ('"送审", en = "Go"', '"送审"', '"送审"', "expected a label in en, got none"),
        ('zh-CN = "送审", en', "en", 'en = "Go"', "expected a label in zh-CN, got none"),
        ('en = "Go"', 'en = " "', 'en = " "', "expected some text, got none"),
        ('en = "Go"', 'en = "a\\u202eb"', "u202e", "expected no control characters, got U+202E"),
        ('en = "Go"', 'en = "Go", fr = "Va"', "fr =", "expected one of the keys en, zh-CN, got 'fr'"),
        ('from = ["begin"]', "from = []", "from = []", "expected at least one stage, got none"),
        ('from = ["begin"]', 'from = "begin"', 'from = "begin"', "expected an array, got text"),
        ('from = ["begin"]', 'from = [\n  "begin",\n  "begin",\n]', '  "begin",', "expected each once, got 'begin' twice"),
        # references
        ('from = ["begin"]', 'from = ["begin",\n "nowhere"]', '"nowhere"', "unknown stage: expected one of this procedure, got 'nowhere'"),
        ('to = "check"', 'to = "chekc"', 'to = "chekc"', "unknown stage"),
        ('start = "begin"', 'start = "bgin"', 'start = "bgin"', "unknown stage"),
        ('to = "check"', 'to = "check"\ndocuments = ["leaf"]', '"leaf"', "unknown document: expected one of this procedure, got 'leaf'"),
        ('to = "check"', 'to = "check"\npoints = ["leaf"]', '"leaf"', "unknown point"),
        ('to = "check"', 'to = "check"\nconditions = ["not x"]', '"not x"', "unknown condition"),
        ('to = "check"', 'to = "check"\nconditions = ["Not x"]', '"Not x"', "expected a condition or «not» and one"),
        ('stage = "begin"', 'stage = "bgin"', 'stage = "bgin"', "unknown stage"),
        ('stage = "begin"', 'stage = "begin"\nmandatory_when = ["x"]', "mandatory_when", "expected mandatory or mandatory_when, got both"),
        ('stage = "begin"\n', "", '[[document]]', "expected a stage for a mandatory document, got none"),
        # whose part it is
        ('to = "check"', 'to = "check"\nby = [\n  "reviewer",\n  "judge",\n]', '  "judge",', "expected one of officer, station_keeper, reviewer"),
        ('stage = "begin"', 'stage = "begin"\nby = ["party"]', 'by = ["party"]', "expected one of officer"),
        ('stage = "begin"', 'stage = "begin"\nby = []', "by = []", "expected at least one role, got none"),
        ('stage = "begin"', 'stage = "begin"\nrepeatable = 1', "repeatable = 1", "expected true or false, got a whole number"),
        # names
        ('code = "pass"', 'code = "go"', 'code = "go"', "duplicate code: expected an unused one, got go of the transition on line"),
        ('code = "paper"', 'code = "begin"', 'code = "begin"', "duplicate code: expected an unused one, got begin of the stage on line 10"),
        # the graph
        ('to = "end"', 'to = "check"', '[[stage]]', "unreachable stage: no way leads from begin to end"),
        ("final = true", "", None, "no filing stage: expected a final stage of category filing, got none"),
        ('category = "filing"', 'category = "service"', "final = true", "expected category filing of a final stage, got 'service'"),
        ('to = "end"', 'to = "begin"', 'from = ["check"]', "cycle without exit: expected a stage before begin, got check"),
        ('to = "end"', 'to = "end"\nexit = "returned"', 'from = ["check"]', "expected a stage from end on, got check: returned goes back"),
        ('to = "end"', 'to = "end"\nexit = "vanished"', "vanished", "expected one of not_filed"),
        ('to = "end"', 'to = "end"\nexit = "suspended"', 'to = "end"', "expected no stage to go to with exit suspended, got end"),
        ('to = "end"\n', "", "[[transition]]", "expected the key to, got none"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_reason(
    old: str, new: str, where: str | None, reason: str
) -> None:
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    found = problems(text)
    lines = {n for n, line in enumerate(text.split("\n"), 1) if where is not None and where in line}
    lines |= {1} if where is None else set()  # the text itself
    assert any(p.line in lines and reason in p.reason for p in found), found


@pytest.mark.parametrize(
    ("added", "line", "reason"),
    [
        (EXTRA, 0, "unreachable stage: no way leads from begin to island"),
        (EXTRA, 0, "stage with no way out: no transition leads from island"),
        (
            EXTRA + '[[transition]]\ncode = "in"\nlabel = { zh-CN = "入", en = "In" }\nfrom = ["check"]\nto = "island"\n'
            '[[transition]]\ncode = "out"\nlabel = { zh-CN = "出", en = "Out" }\nfrom = ["island"]\nto = "island"\nexit = "returned"\n',
            0,
            "cycle without exit: from island no final stage can be reached",
        ),
        (
            '\n[[transition]]\ncode = "around"\nlabel = { zh-CN = "绕", en = "Around" }\nfrom = ["begin"]\nto = "end"\n',
            None,
            "mandatory stage: expected no way around check, got one to end",
        ),
        (
            POINT + 'after = [\n  "p",\n]\n',
            4,
            "cycle: p needs itself",
        ),
        (
            '\n[[document]]\ncode = "late"\nlabel = { zh-CN = "迟", en = "Late" }\nstage = "end"\n[[document]]\ncode = "early"\nlabel = { zh-CN = "早", en = "Early" }\nstage = "begin"\ndocuments = [\n  "late",\n]\n',
            9,
            "expected a document of begin or before, got late of end",
        ),
        (
            '\n[[deadline]]\ncode = "d"\nlabel = { zh-CN = "限", en = "D" }\nfrom = { stage = "begin" }\nuntil = { document = "nope" }\nterm = "7wd"\n',
            4,
            "unknown document",
        ),
        (
            '\n[[deadline]]\ncode = "d"\nlabel = { zh-CN = "限", en = "D" }\nfrom = { stage = "begin" }\nuntil = { document = "paper" }\nterm = "a week"\n',
            5,
            "expected such as 15d, 7wd or 24h, got 'a week'",
        ),
        (
            '\n[[deadline]]\ncode = "d"\nlabel = { zh-CN = "限", en = "D" }\nfrom = { stage = "begin", point = "p" }\nuntil = { document = "paper" }\nterm = "7wd"\n' + POINT,
            3,
            "expected one of stage, document and point, got 2",
        ),
        (
            '\n[[deadline]]\ncode = "d"\nlabel = { zh-CN = "限", en = "D" }\nfrom = { stage = "begin" }\nuntil = { document = "paper" }\nterm = "7wd"\nextension = { document = "paper", term = "7d" }\n',
            6,
            "expected the unit of 7wd, got 7d",
        ),
        (
            '\n[[deadline]]\ncode = "d"\nlabel = { zh-CN = "限", en = "D" }\nfrom = { stage = "begin" }\nuntil = { document = "paper" }\nterm = "7wd"\npauses = [\n  { from = "p", until = "p" },\n  { from = "p", until = "q" },\n]\n' + POINT,
            8,
            "unknown point: expected one of this procedure, got 'q'",
        ),
        (
            POINT + '[[recording]]\ncode = "r"\nlabel = { zh-CN = "录", en = "R" }\nstage = "check"\nlevel = "perhaps"\nmethods = ["video"]\nstart = "p"\nend = "p"\n',
            8,
            "expected one of must, may, got 'perhaps'",
        ),
        (
            POINT + '[[recording]]\ncode = "r"\nlabel = { zh-CN = "录", en = "R" }\nstage = "check"\nlevel = "must"\nmethods = ["film"]\nstart = "p"\nend = "p"\n',
            9,
            "expected one of photo, audio, video, body_camera, surveillance, got 'film'",
        ),
        (
            POINT + '[[recording]]\ncode = "r"\nlabel = { zh-CN = "录", en = "R" }\nstage = "check"\nlevel = "must"\nmethods = ["video"]\nstart = "p"\n',
            4,
            "expected an end point for methods other than photo, got none",
        ),
        ('\n[[stage]]\n', 0, "expected the key code, got none"),
        ('\n[[stages]]\ncode = "x"\n', 0, "expected one of the keys"),
    ],
)  # fmt: skip
def test_a_fault_of_what_was_added_is_told_with_its_line_and_reason(
    added: str, line: int | None, reason: str
) -> None:
    # a line of the addition, counted from its first table; None: the table of stage `check`
    at = line_of(SMALL, "[[stage]]", 2) if line is None else len(LINES) + 1 + line
    found = problems(SMALL + added)
    assert any(p.line == at and reason in p.reason for p in found), (at, found)


def test_a_stage_that_is_mandatory_on_a_condition_is_only_left_out_by_denying_it() -> None:
    conditional = SMALL.replace(
        'category = "review"\nmandatory = true', 'category = "review"\nmandatory_when = ["big"]'
    )
    conditional += '\n[[condition]]\ncode = "big"\nlabel = { zh-CN = "大", en = "Big" }\n'
    around = '\n[[transition]]\ncode = "around"\nlabel = { zh-CN = "绕", en = "Around" }\nfrom = ["begin"]\nto = "end"\n'  # fmt: skip
    assert load(conditional + around + 'conditions = ["not big"]\n', source="good.toml")
    (problem,) = problems(conditional + around + 'conditions = ["big"]\n')
    assert "mandatory stage when «big»: expected no way around check" in problem.reason


def test_all_problems_are_told_in_the_order_of_their_lines() -> None:
    text = SMALL.replace('category = "other"', 'category = "art"')
    text = text.replace('to = "check"', 'to = "nowhere"').replace('stage = "begin"', 'stage = "x"')
    found = problems(text)
    assert [p.line for p in found] == sorted(p.line for p in found)
    assert len(found) >= 3
    with pytest.raises(MalformedError, match=r"^bad.toml: expected a procedure, got line 6, ") as e:
        load(text, source="bad.toml")
    assert e.value.code == "bad-procedure"


# ── what is not even TOML ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a = 1\nb = \nc = 3", 2, "expected TOML, got: Invalid value"),
        ("a = 1\na = 2", 2, "Cannot overwrite a value"),
        ('a = 1\n\nb = "open', 3, "expected TOML"),
        ("a = " + "9" * 5000, 1, "expected TOML"),
        (b"a = 1\nb = '\xff'", 2, "expected UTF-8, got byte 0xff"),
        ('a = "\ud800"', 1, "expected UTF-8"),
        ("a = " + "[" * 5000 + "]" * 5000, 1, "expected at most 8 levels, got 5001"),
        ("a = " + "{a=" * 5000, 1, "expected at most 8 levels"),
        (".".join("a" * 100) + " = 1", 1, "expected at most 8 levels, got 100"),
        ("[" + ".".join("a" * 100) + "]", 1, "expected at most 8 levels, got 100"),
        ("#" * (MAX_BYTES + 1), 1, f"expected at most {MAX_BYTES} bytes, got {MAX_BYTES + 1}"),
        ("", 1, "expected the key name, got none"),
        ("stage = 5", 1, "expected an array, got a whole number"),
        ("stage = [5]", 1, "expected a table, got a whole number"),
    ],
)
def test_what_is_no_procedure_at_all_is_refused_with_its_line(
    text: str | bytes, line: int, reason: str
) -> None:
    found = problems(text)
    assert any(p.line == line and reason in p.reason for p in found), found


def test_a_reason_in_chinese_has_the_same_names_and_numbers() -> None:
    (problem,) = problems(SMALL.replace('to = "check"', 'to = "check"\ndocuments = ["leaf"]'))
    assert chinese(problem.reason) == "本程序没有文书 'leaf'"
    twice = problems(SMALL.replace('code = "pass"', 'code = "go"'))
    assert "代码 go 重复：第 29 行的流转已经使用" in {chinese(p.reason) for p in twice}
    assert chinese("expected an amount of 1 to 9, got 10") == "期限的数应在 1 至 9 之间，实为 10"
    assert chinese("words of somebody else") is None


def test_every_reason_that_the_code_gives_has_a_chinese_sentence() -> None:
    folder = Path(load.__code__.co_filename).parent
    for name in ("read.py", "load.py", "refer.py", "graph.py"):
        for written in re.findall(
            r'f?"((?:[a-z «»{}.]+: )?expected(?! a procedure) [^"]+)"', (folder / name).read_text()
        ):
            kinds = (
                written.replace("{_KINDS[kind]}", "text")
                .replace("{named(value)}", "a table")
                .replace("{when}", "")
            )
            reason = re.sub(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", "7", kinds)
            assert chinese(reason) is not None, (name, written)


def test_text_that_looks_like_tables_inside_strings_moves_no_line() -> None:
    text = SMALL.replace(
        'code = "go"', 'basis = """\n[[transition]]\ncode = \\"x\\"\n"""\ncode = "Go"', 1
    )
    found = [p for p in problems(text) if "after a letter" in p.reason]
    assert [p.line for p in found] == [line_of(text, 'code = "Go"')]


def test_windows_line_ends_move_no_line() -> None:
    text = SMALL.replace('to = "check"', 'to = "nowhere"').replace("\n", "\r\n")
    assert line_of(text, 'to = "nowhere"') in {p.line for p in problems(text)}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_text_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SMALL)))
    length = data.draw(st.integers(0, 40))
    put = data.draw(st.sampled_from(["", "[", "]", '"', '"""', "'", "=", "\n", "#", ".", "x", "{ ", "1", "\\"]))  # fmt: skip
    text = SMALL[:at] + put + SMALL[at + length :]
    found: tuple[Problem, ...] = ()
    try:
        load(text, source="x")
    except BadProcedureError as refused:
        found = refused.problems
    assert all(1 <= p.line <= text.count("\n") + 1 and p.reason and p.where for p in found)


def test_the_example_of_the_format_page_loads_and_the_page_names_every_key() -> None:
    page = (Path(__file__).parents[3] / "docs/formats/procedures.md").read_text("utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    assert load(example, source="procedures.md").name == "check"
    for word in (*EXITS, *METHODS, *LEVELS, *CATEGORIES, *STAGE_CATEGORIES, *ROLES):
        assert f"`{word}`" in page
