"""The door of rule lists: bytes in, a list or problems out; a list in, bytes out.

Guarantee: `read_list(write_list(x, kind), kind, Options())` gives x again for CSV, XLSX and JSON;
a list comes out whole or not at all.
Not covered: recording a list as an entry of the log (`cases.acts`).

Format: docs/formats/rules.md, version 1.
"""

import json
from typing import Any, NoReturn

from cases.recording import csvfile, table, words, workbook
from cases.recording.cells import Options
from cases.recording.grid import RefusedFileError
from cases.recording.heading import time_words
from cases.recording.problems import Reading, problem
from cases.recording.rules import Rule, RuleList, list_from_json, list_to_json
from verify import canonical
from verify.errors import MalformedError

FORMATS = ("csv", "xlsx", "json")
HEADINGS = (
    "序号", "执法类别", "执法事项", "记录环节/记录事项", "记录场合", "记录方式", "记录人",
    "开始记录时间点", "记录内容", "结束记录时间点", "存储期限", "应当/可以", "备注",
    "载体", "中断阈值（秒）", "环节类别",
)  # fmt: skip


def read_list(data: bytes, kind: str, options: Options) -> Reading:
    """Read a list; RefusedFileError for a file that is not opened, problems for one that is."""
    limit = options.limits.max_bytes
    if len(data) > limit:
        raise RefusedFileError("size", f"file: expected at most {limit} bytes, got {len(data)}")
    if kind == "json":
        return _read_json(data)
    if kind == "csv":
        return table.pick([csvfile.read(data, options.limits)], options)
    if kind == "xlsx":
        return table.pick(workbook.read(data, options.limits), options)
    raise MalformedError(f"rule list: expected {', '.join(FORMATS)}, got {kind!r:.20}")


def write_list(rules: RuleList, kind: str) -> bytes:
    """The list as a file of that kind; the same list gives the same bytes."""
    if kind == "json":
        return canonical.encode(list_to_json(rules)) + b"\n"
    above, rows = _about(rules), [_cells(rule) for rule in rules.rules]
    if kind == "csv":
        return csvfile.write([*above, HEADINGS, *rows])
    if kind == "xlsx":
        return workbook.write("音像记录事项清单", [*above, HEADINGS, *rows], heading=len(above) + 1)
    raise MalformedError(f"rule list: expected {', '.join(FORMATS)}, got {kind!r:.20}")


def _about(rules: RuleList) -> list[tuple[str, str]]:
    end = rules.valid_to_ms
    return [
        ("清单名称", rules.name),
        ("版本", rules.version),
        ("机关", rules.organ),
        ("有效期起", time_words(rules.valid_from_ms)),
        ("有效期止", "" if end is None else time_words(end)),
    ]


def _cells(rule: Rule) -> tuple[str, ...]:
    """One rule in the order of HEADINGS; each cell is read as the same value again."""
    return (
        rule.code,
        words.categories_words(rule.categories),
        rule.matter,
        rule.stage,
        rule.occasion,
        words.methods_words(rule.methods, together=rule.all_methods),
        rule.recorder,
        words.point_words(rule.start),
        rule.content,
        words.point_words(rule.end),
        rule.retention.words() if rule.retention else "",
        "应当" if rule.must else "可以",
        rule.note,
        words.carriers_words(rule.carriers),
        words.seconds_words(rule.threshold_ms),
        words.STAGE_WORDS[rule.stage_category] if rule.stage_category else "",
    )


def _read_json(data: bytes) -> Reading:
    try:
        value = json.loads(
            data, object_pairs_hook=_members, parse_float=_refuse, parse_constant=_refuse
        )
        return Reading(list_from_json(value), ())
    except MalformedError as exc:
        said = str(exc)
    except (ValueError, RecursionError) as exc:
        said = f"JSON: expected one value, got {exc!s:.120}"
    return Reading(None, (problem(None, "", "json", got=said),))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("JSON: expected each name once, got one twice")
    return found


def _refuse(text: str) -> NoReturn:
    raise MalformedError(f"JSON: expected whole numbers, got {text:.20}")
