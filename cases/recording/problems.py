"""What a reader says about a sheet: row, column, reason in two languages, and how bad it is.

Guarantee: the code of a problem is stable; its words are in both languages.
Not covered: which problem arises when (`heading`, `table`).

Format: docs/formats/rules.md, version 1, section "Problems".
"""

from dataclasses import dataclass

from cases.recording.rules import RuleList


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a sheet; `row` is the sheet's own number, `column` letters and heading."""

    row: int | None
    column: str
    code: str
    severity: str  # "error": nothing is imported; "note": read as the text says
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a file.  `list` is None exactly when a problem is an error."""

    list: RuleList | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")


ERRORS = {
    "no_table": ("找不到表头：应有一行含序号、记录环节、记录方式等列名", "no heading found: expected a row with column names such as 序号, 记录环节, 记录方式"),
    "two_tables": ("有多个工作表含清单（{got}），请指定其中一个", "several sheets hold a list ({got}): name one"),
    "no_sheet": ("没有名为“{got}”的工作表", "there is no sheet named “{got}”"),
    "no_rules": ("表头下没有事项", "there is no rule below the heading"),
    "column_twice": ("两列都是“{got}”", "two columns are both “{got}”"),
    "no_methods_column": ("缺少“记录方式”列", "the column 记录方式 is missing"),
    "no_code": ("第一个事项没有序号", "the first item has no number"),
    "code": ("序号“{got}”无法识别，应如 3 或 3-2", "the number “{got}” is not understood: expected such as 3 or 3-2"),
    "category": ("执法类别“{got}”无法识别", "the category “{got}” is not understood"),
    "no_category": ("执法类别为空而其他行已填写；请填写类别或“全部”", "the category is empty while other rows have one: write it out, or 全部"),
    "methods": ("记录方式“{got}”无法识别", "the methods “{got}” are not understood"),
    "no_methods": ("记录方式为空", "the methods are empty"),
    "methods_mixed": ("记录方式“{got}”中“且”与“或”混用，含义不清", "the methods “{got}” mix “and” with “or”: what binds closer is not said"),
    "must": ("“{got}”既不是应当也不是可以", "“{got}” is neither 应当 nor 可以"),
    "must_both": ("应当与可以同时勾选", "both 应当 and 可以 are ticked"),
    "threshold": ("中断阈值“{got}”不是秒数", "the threshold “{got}” is not a number of seconds"),
    "stage_category": ("环节类别“{got}”不是七个环节之一", "“{got}” is not one of the seven stages"),
    "formula": ("单元格是公式，不予计算；请粘贴为数值", "the cell is a formula, which is not evaluated: paste it as a value"),
    "date": ("单元格是日期（{got}），应为文字", "the cell is a date ({got}): expected text"),
    "cell_error": ("单元格是错误值（{got}）", "the cell holds an error value ({got})"),
    "long": ("文字过长：最多 {limit} 字，实有 {got} 字", "expected at most {limit} characters, got {got}"),
    "after_end": ("说明行之后又出现表格内容", "a row of the table stands below its closing remarks"),
    "empty_rule": ("该行只有序号，没有内容", "this row has a number and nothing else"),
    "no_name": ("没有清单名称", "the list has no name"),
    "no_version": ("没有版本", "the list has no version"),
    "no_valid_from": ("没有生效时间", "the list has no time from which it is valid"),
    "valid_time": ("时间“{got}”无法识别", "the time “{got}” is not understood"),
    "valid_order": ("失效时间不晚于生效时间", "the list ends no later than it begins"),
    "json": ("{got}", "{got}"),
}  # fmt: skip

NOTES = {
    "title_as_name": ("以标题“{got}”作为清单名称", "the title “{got}” is taken as the list's name"),
    "skipped_row": ("该行不是事项，未读入：{got}", "this row is no rule and was not read: {got}"),
    "section": ("标题行“{got}”作为其下各行的执法类别", "the heading “{got}” is the category of the rows below it"),
    "unknown_column": ("列“{got}”不属于清单，内容写入备注", "“{got}” is no column of a list; its text is kept in 备注"),
    "no_code_column": ("没有序号，按行顺序编号", "there are no numbers: rows are numbered in their order"),
    "code_twice": ("序号“{got}”重复，改为 {new}", "the number “{got}” stands twice; this one is read as {new}"),
    "no_must": ("未注明应当/可以，按“{got}”读入", "应当 or 可以 is not said; read as {got}"),
    "no_category_column": ("没有执法类别，适用于全部类别", "there is no category: the rules apply to all"),
    "methods_left": ("记录方式中“{got}”未识别，其余已读入", "“{got}” among the methods is not understood; the others were read"),
    "methods_loose": ("“{got}”读作任选其一", "“{got}” is read as any one of them"),
    "carrier_left": ("载体“{got}”未识别，写入备注", "the carrier “{got}” is not understood and is kept in 备注"),
    "free_point": ("时间点“{got}”不是已知时间点，按原文登记", "“{got}” is no known point; a case notes it under these words"),
    "one_point": ("只有一个时间点，不核对全程", "only one point is given: the whole is not checked"),
    "no_retention": ("未注明存储期限", "the storage term is not said"),
    "free_retention": ("存储期限“{got}”无法度量，按原文保留", "the storage term “{got}” has no measure and is kept as words"),
    "backdated": ("生效时间（{got}）早于导入；导入前已立案且当时已有同名清单的案件、已归档的案件不受影响", "valid from {got}, before its import: cases that were opened before under a list of this name, and filed ones, are not touched"),
}  # fmt: skip


def problem(row: int | None, column: str, code: str, **said: object) -> Problem:
    """A problem in both languages; whether it is an error follows from its code."""
    severity, words = ("error", ERRORS[code]) if code in ERRORS else ("note", NOTES[code])
    short = {key: f"{value!s:.80}" for key, value in said.items()}
    zh, en = (text.format(**short) for text in words)
    return Problem(row, column, code, severity, zh, en)
