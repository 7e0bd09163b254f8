"""A rule list 音像记录事项清单 as a value: the 13 published columns, parsed, and its JSON.

Guarantee: `list_from_json(list_to_json(x)) == x`; what it accepts has no floats and only keys of
canonical JSON, so a list can be an entry of the log and a verdict can name it for ever.  Anything
`list_to_json` would not write is refused with its place.
Not covered: whether a list is a good one, and which organ may set it.

Format: docs/formats/rules.md, version 1, section "JSON".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from cases.recording import retention
from cases.recording.retention import Retention
from cases.recording.text import clean
from verify.errors import MalformedError

FORMAT = 1
CATEGORIES = ("penalty", "licence", "coercion", "inspection", "levy", "other")
STAGES = (
    "initiation", "investigation", "review", "decision", "service", "enforcement", "filing",
)  # fmt: skip
METHODS = ("photo", "audio", "video", "body_camera", "surveillance")
CARRIERS = ("body_camera", "surveillance", "phone", "recorder", "camera", "room")

is_code = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._-]{0,30}[0-9A-Za-z])?").fullmatch
_is_point = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch
MAX_TEXT, MAX_RULES = 4000, 5000
MAX_MS = 253_402_300_799_999  # the last millisecond of the year 9999


@dataclass(frozen=True, slots=True)
class Point:
    """When recording begins or ends: the list's words, and the known point they mean.

    A free point has no code: a case notes it under the list's own words.
    """

    text: str
    code: str | None = None

    @property
    def key(self) -> str:
        """Under what name a case notes this point."""
        return self.code or self.text


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what must (`must`) or may be recorded, how, from when to when, and for how long."""

    code: str
    methods: tuple[str, ...]
    must: bool
    categories: tuple[str, ...] = ()  # empty: all
    matter: str = ""
    stage: str = ""
    stage_category: str | None = None
    occasion: str = ""
    all_methods: bool = False  # 且: each method for itself, instead of any one
    recorder: str = ""
    start: Point | None = None
    end: Point | None = None
    content: str = ""
    retention: Retention | None = None
    note: str = ""
    carriers: tuple[str, ...] = ()  # empty: any
    threshold_ms: int | None = None  # None: the policy's


@dataclass(frozen=True, slots=True)
class RuleList:
    """A list as it was published: one version, valid from and (perhaps) to, times in UTC."""

    name: str
    version: str
    organ: str
    valid_from_ms: int
    valid_to_ms: int | None
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule with the list it comes from, as a verdict names it."""

    list_name: str
    list_version: str
    rule: Rule


def applied(lists: Iterable[RuleList], *, category: str, at_ms: int) -> tuple[Applied, ...]:
    """The rules of the lists in force at that time for that kind of enforcement.

    Whether a rule's occasion arises at all (was there a hearing?) is the procedure's to say: the
    caller leaves out the rules of occasions that do not.
    """
    return tuple(
        Applied(found.name, found.version, rule)
        for found in lists
        if found.valid_from_ms <= at_ms and (found.valid_to_ms is None or at_ms < found.valid_to_ms)
        for rule in found.rules
        if not rule.categories or category in rule.categories
    )


# --- JSON ---------------------------------------------------------------------------------------


def list_to_json(rules: RuleList) -> dict[str, object]:
    """The list for an entry of the log: texts, whole numbers, true, false, null only."""
    return {
        "format": FORMAT,
        "name": rules.name,
        "version": rules.version,
        "organ": rules.organ,
        "valid_from_ms": rules.valid_from_ms,
        "valid_to_ms": rules.valid_to_ms,
        "rules": [rule_to_json(rule) for rule in rules.rules],
    }


def rule_to_json(rule: Rule) -> dict[str, object]:
    """One rule for JSON, every member present."""
    plain = {field.name: getattr(rule, field.name) for field in fields(Rule)}
    return plain | {
        "categories": list(rule.categories),
        "methods": list(rule.methods),
        "carriers": list(rule.carriers),
        "start": _point_to_json(rule.start),
        "end": _point_to_json(rule.end),
        "retention": rule.retention.to_json() if rule.retention else None,
    }


def _point_to_json(point: Point | None) -> dict[str, object] | None:
    return None if point is None else {"code": point.code, "text": point.text}


def list_from_json(value: object) -> RuleList:
    """Read `list_to_json` again; MalformedError names the place of what is not as it must be."""
    found = _members("rule list", value, _LIST)
    if found["format"] != FORMAT:
        raise MalformedError(f"rule list: expected format {FORMAT}, got {found['format']!r:.20}")
    start, end = found["valid_from_ms"], found["valid_to_ms"]
    _time("valid_from_ms", start)
    if end is not None:
        _time("valid_to_ms", end)
        if end <= start:
            raise MalformedError(f"valid_to_ms: expected a time after {start}, got {end}")
    rows = found["rules"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_RULES:
        raise MalformedError(f"rules: expected 1 to {MAX_RULES} rules, got {_size(rows)}")
    rules = tuple(rule_from_json(row, f"rule {at}") for at, row in enumerate(rows, 1))
    codes = [rule.code for rule in rules]
    if len(set(codes)) != len(codes):
        twice = next(code for code in codes if codes.count(code) > 1)
        raise MalformedError(f"rules: expected each code once, got {twice} twice")
    name, version = (_text(key, found[key], needed=True) for key in ("name", "version"))
    return RuleList(name, version, _text("organ", found["organ"]), start, end, rules)


def rule_from_json(value: object, where: str) -> Rule:
    """One rule from JSON; `where` names it in messages."""
    found = _members(where, value, _RULE)
    texts = {
        key: _text(f"{where}, {key}", found[key])
        for key in ("matter", "stage", "occasion", "recorder", "content", "note")
    }
    if not isinstance(found["code"], str) or not is_code(found["code"]):
        raise MalformedError(f"{where}: expected a code such as 3 or 3-2, got {found['code']!r}")
    for key in ("must", "all_methods"):
        if type(found[key]) is not bool:
            raise MalformedError(f"{where}, {key}: expected true or false, got {found[key]!r}")
    methods = _chosen(f"{where}, methods", found["methods"], METHODS)
    if not methods or (found["all_methods"] and len(methods) == 1):
        raise MalformedError(f"{where}: expected methods, several if all are asked, got {methods}")
    if found["stage_category"] not in (None, *STAGES):
        raise MalformedError(f"{where}: expected a stage, got {found['stage_category']!r:.40}")
    threshold = found["threshold_ms"]
    if threshold is not None:
        _time(f"{where}, threshold_ms", threshold)
    return Rule(
        code=found["code"],
        methods=methods,
        must=found["must"],
        all_methods=found["all_methods"],
        categories=_chosen(f"{where}, categories", found["categories"], CATEGORIES),
        carriers=_chosen(f"{where}, carriers", found["carriers"], CARRIERS),
        stage_category=found["stage_category"],
        start=_point(f"{where}, start", found["start"]),
        end=_point(f"{where}, end", found["end"]),
        retention=retention.from_json(found["retention"]),
        threshold_ms=threshold,
        **texts,
    )


_LIST = frozenset({"format", *(field.name for field in fields(RuleList))})
_RULE = frozenset(field.name for field in fields(Rule))


def _members(where: str, value: object, names: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{where}: expected an object, got {type(value).__name__}")
    if wrong := sorted(names ^ value.keys(), key=str):
        what = "missing" if wrong[0] in names else "unknown"
        raise MalformedError(f"{where}: expected its members only, got {wrong[0]!r:.60} {what}")
    return value


def _text(where: str, value: object, *, needed: bool = False) -> str:
    if not isinstance(value, str) or clean(value) != value or len(value) > MAX_TEXT:
        raise MalformedError(f"{where}: expected plain text up to {MAX_TEXT}, got {value!r:.60}")
    if needed and not value:
        raise MalformedError(f"{where}: expected some text, got none")
    return value


def _chosen(where: str, value: object, among: tuple[str, ...]) -> tuple[str, ...]:
    """Some of `among`, in its order: one list has one JSON."""
    if not isinstance(value, list) or [word for word in among if word in value] != value:
        raise MalformedError(f"{where}: expected some of {', '.join(among)}, got {value!r:.80}")
    return tuple(value)


def _point(where: str, value: object) -> Point | None:
    if value is None:
        return None
    found = _members(where, value, frozenset({"code", "text"}))
    text, code = _text(f"{where}, text", found["text"], needed=True), found["code"]
    if "\n" in text:
        raise MalformedError(f"{where}, text: expected one line, got {text!r:.60}")
    if code is not None and (not isinstance(code, str) or not _is_point(code)):
        raise MalformedError(f"{where}: expected a point's code, got {code!r:.60}")
    return Point(text, code)


def _time(where: str, value: object) -> None:
    if type(value) is not int or not 0 <= value <= MAX_MS:
        raise MalformedError(f"{where}: expected whole milliseconds, got {value!r:.40}")


def _size(rows: object) -> str:
    return str(len(rows)) if isinstance(rows, list) else type(rows).__name__
