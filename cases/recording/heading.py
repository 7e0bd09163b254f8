"""The heading of a published list: which column is what, and what stands above the table.

Guarantee: a column is taken for one of a list's only by a name of the table of synonyms (white
space, line breaks, full-width forms and remarks in brackets apart); no column is guessed from its
contents.
Not covered: the rows below (`table`).

Format: docs/formats/rules.md, version 1, section "Columns".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from cases.recording.grid import Row, letters
from cases.recording.problems import Problem, problem
from cases.recording.text import squeeze

COLUMNS = {
    "code": ("序号", "编号", "序", "项目编号", "no", "no."),
    "category": ("执法类别", "执法类型", "类别", "执法种类", "行政执法类别", "行为类别", "权力类型", "权力类别", "category"),
    "matter": ("执法事项", "事项", "事项名称", "执法事项名称", "执法项目", "权力事项", "matter"),
    "stage": ("记录环节", "执法环节", "关键环节", "环节", "记录节点", "记录环节/记录事项", "记录环节/事项", "记录环节(事项)", "stage"),
    "stage_item": ("记录事项", "音像记录事项", "记录项目"),
    "occasion": ("记录场合", "记录场所", "场合", "场所", "记录地点", "适用场合", "occasion"),
    "methods": ("记录方式", "音像记录方式", "记录形式", "记录手段", "方式", "记录设备", "methods"),
    "recorder": ("记录人", "记录人员", "记录主体", "记录责任人", "责任人", "recorder"),
    "start": ("开始记录时间点", "开始记录时间", "记录开始时间", "记录开始时间点", "开始时间", "开始时间点", "开始记录", "记录时间开始", "起始时间", "记录起点", "起点", "开始", "start"),
    "content": ("记录内容", "记录过程", "内容", "记录要点", "记录内容及要求", "content"),
    "end": ("结束记录时间点", "结束记录时间", "记录结束时间", "记录结束时间点", "结束时间", "结束时间点", "结束记录", "记录时间结束", "终止时间", "记录终点", "终点", "结束", "end"),
    "retention": ("存储期限", "保存期限", "保管期限", "存储时限", "保存时限", "存储时间", "保存时间", "归档保管期限", "retention"),
    "must": ("应当/可以", "应当可以", "应当或可以", "记录要求", "记录义务", "是否必须", "是否应当", "是否必录", "应录可录", "must/may"),
    "must_tick": ("应当", "应当记录", "必录", "必须记录", "记录要求应当"),
    "may_tick": ("可以", "可以记录", "选录", "选择记录", "记录要求可以"),
    "note": ("备注", "备考", "说明", "注", "note"),
    "carrier": ("载体", "记录载体", "carrier"),
    "threshold": ("中断阈值", "中断阈值(秒)", "允许中断", "threshold"),
    "stage_category": ("环节类别",),
}  # fmt: skip
_NAMES = {squeeze(name): key for key, names in COLUMNS.items() for name in names}
_REMARK = re.compile(r"\([^()]*\)$")

META = {
    "name": ("清单名称", "名称", "name"),
    "version": ("版本", "版本号", "version"),
    "organ": ("机关", "执法机关", "实施机关", "单位", "编制单位", "填报单位", "制表单位", "organ"),
    "valid_from": ("有效期起", "生效时间", "生效日期", "施行日期", "validfrom"),
    "valid_to": ("有效期止", "失效时间", "失效日期", "validto"),
}
_META = {name: key for key, names in META.items() for name in names}
_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")


@dataclass(frozen=True, slots=True)
class Heading:
    """Where the table begins and what its columns are; `above` is what the rows before it say."""

    first: int  # index of the first row below the heading
    row: int  # number of the heading's row
    names: dict[int, str]  # column -> heading as written
    columns: dict[str, tuple[int, ...]]  # field -> its columns (several under one merged heading)
    others: tuple[int, ...]
    units: dict[str, str] = field(default_factory=dict)

    def label(self, key: str) -> str:
        """Letters and heading of a field's column, for people; "" if there is no such column."""
        return self.label_of(self.columns[key][0]) if key in self.columns else ""

    def label_of(self, column: int) -> str:
        return f"{letters(column)} {self.names.get(column, '')}".strip()


def find(rows: Sequence[Row]) -> Heading | None:
    """The first row that names at least three columns of a list, with the row below if it belongs."""
    for at, row in enumerate(rows):
        known = {column: key for column in row.filled if (key := _known(row.cells[column]))}
        below = rows[at + 1] if at + 1 < len(rows) else None
        if below is not None and _continues(row, below):
            named = {c: _joined(row.cell(c), below.cell(c)) for c in {*row.filled, *below.filled}}
            if len({_known(name) for name in named.values()} - {None}) >= 3:
                return _heading(at + 2, row, named)
        if len(set(known.values())) >= 3:
            return _heading(at + 1, row, {column: row.cells[column] for column in row.filled})
    return None


def _known(name: str) -> str | None:
    text = squeeze(name)
    return _NAMES.get(text) or _NAMES.get(_REMARK.sub("", text))


def _continues(row: Row, below: Row) -> bool:
    """Whether `below` is the second line of a heading, as under a merged 记录时间."""
    lower = [c for c in below.filled if below.cells[c] != row.cell(c)]
    upper = {_known(row.cells[c]) for c in row.filled} - {None}
    return len(upper) >= 2 and bool(lower) and all(_known(below.cells[c]) for c in lower)


def _joined(upper: str, lower: str) -> str:
    if upper == lower or not lower:
        return upper
    return next((n for n in (upper + lower, lower, upper) if _known(n)), upper + lower)


def _heading(first: int, row: Row, names: dict[int, str]) -> Heading:
    columns: dict[str, tuple[int, ...]] = {}
    others = []
    for column in sorted(names):
        if key := _known(names[column]):
            columns[key] = (*columns.get(key, ()), column)
        else:
            others.append(column)
    if "carrier" in columns and "methods" not in columns:
        columns["methods"] = columns.pop("carrier")  # 记录载体 is then the only word on how
    units = {key: _unit(names[at[0]]) for key, at in columns.items()}
    return Heading(first, row.number, names, columns, tuple(others), units)


def _unit(name: str) -> str:
    """The unit that a heading gives in brackets, as 存储期限（年）; "" if none."""
    found = re.search(r"\((毫秒|秒|分钟|分|年|个?月|天|日)\)$", squeeze(name))
    return found[1] if found else ""


def twice(heading: Heading, rows: Sequence[Row]) -> Iterator[Problem]:
    """The columns that are named twice; several under one merged heading are one."""
    row = next(row for row in rows if row.number == heading.row)
    for at in heading.columns.values():
        for column in at[1:]:
            if row.merged.get(column, (0, -1))[1] != at[0]:
                name = heading.names[column]
                yield problem(row.number, heading.label_of(column), "column_twice", got=name)


def above(rows: Sequence[Row], heading: Heading) -> tuple[dict[str, tuple[Row, int, str]], str]:
    """What the rows above the table say of the list (key -> row, column, text), and the title."""
    said: dict[str, tuple[Row, int, str]] = {}
    title = ""
    for row in rows:
        if row.number >= heading.row:
            break
        own = [c for c in row.filled if c not in row.merged]
        pairs = list(_pairs(row, own))
        said |= {key: (row, column, text) for key, column, text in pairs if key not in said}
        if not pairs and len(own) == 1 and not title:
            title = row.cells[own[0]].replace("\n", "")
    return said, title


def _pairs(row: Row, own: list[int]) -> Iterator[tuple[str, int, str]]:
    """«名称 | text» in two cells, or «单位：text» in one."""
    for at, column in enumerate(own):
        if key := _META.get(squeeze(row.cells[column]).rstrip(":")):
            value = own[at + 1] if at + 1 < len(own) else None
            yield key, column if value is None else value, row.cells[value] if value else ""
            return
        label, colon, text = row.cells[column].replace("：", ":", 1).partition(":")
        if colon and (key := _META.get(squeeze(label))):
            yield key, column, text.strip()


def read_time(text: str, offset_minutes: int | None) -> int | None:
    """A time as UTC milliseconds: ISO 8601 with its offset, or a date where the zone is known."""
    plain = squeeze(text).upper()
    if found := _DATE.fullmatch(plain):
        if offset_minutes is None:
            return None
        zone = timezone(timedelta(minutes=offset_minutes))
        try:
            moment = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=zone)
        except ValueError:
            return None
    else:
        try:
            moment = datetime.fromisoformat(plain)
        except ValueError:
            return None
        if moment.tzinfo is None:
            return None
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return passed // timedelta(milliseconds=1) if passed >= timedelta() else None


def time_words(at_ms: int) -> str:
    """The time as `read_time` reads it again."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
