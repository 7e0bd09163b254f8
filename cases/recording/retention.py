"""Storage terms 存储期限: how one is written, and which of several wins.

Guarantee: of several terms the longest wins, and the answer names every list and rule that asks
for it.  A term that cannot be measured (长期, or "with the case" while the case's own term is not
known) beats every measured one except permanence: what cannot be measured never expires by itself.
Not covered: when deletion is allowed; holds; who may shorten (`storage`, M17).

Format: docs/formats/rules.md, version 1, section "Retention".
"""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from cases.recording.text import clean, number, squeeze
from verify.errors import MalformedError

KINDS = ("permanent", "with_case", "term", "text")
UNITS = ("days", "months", "years")
_LAST = date.max

_PERMANENT = re.compile(r"永久(保存|保管|存储|留存)?")
_WITH_CASE = re.compile(
    r"[同随与和按依照]*(行政)?(执法)?案卷(归档)?(的)?(保存|保管|保留|存储)?(期限|时间|期)?"
    r"(一致|相同|一样|执行|保存)?"
)
_AT_LEAST = re.compile(r"(>=|≥|≧|⩾|不少于|不低于|不短于|不得少于|不得低于|至少|最少|最低)+")
_TERM = re.compile(r"([0-9]+|[零〇一二两三四五六七八九十百]+)(个?(?:工作)?[年月日天]|个半年)")
_UNIT = {"年": "years", "月": "months", "日": "days", "天": "days"}


@dataclass(frozen=True, slots=True)
class Retention:
    """One term.  `text` is used only by the kind "text": words that have no measure."""

    kind: str
    count: int = 0
    unit: str = ""
    at_least: bool = False
    text: str = ""

    def to_json(self) -> dict[str, object]:
        if self.kind == "term":
            return {
                "kind": "term",
                "count": self.count,
                "unit": self.unit,
                "at_least": self.at_least,
            }
        return {"kind": "text", "text": self.text} if self.kind == "text" else {"kind": self.kind}

    def words(self) -> str:
        """The term as a list has it; reading it again gives the same term."""
        if self.kind == "term":
            unit = {"days": "日", "months": "个月", "years": "年"}[self.unit]
            return f"{'≥' if self.at_least else ''}{self.count}{unit}"
        return {"permanent": "永久", "with_case": "同案卷保存期限"}.get(self.kind, self.text)


PERMANENT = Retention("permanent")
WITH_CASE = Retention("with_case")


def read_term(cell: str, *, unit: str = "") -> Retention | None:
    """The term a cell means; None if it is empty, kind "text" if it has no measure.

    `unit` is what the column's heading says of bare numbers, as 存储期限（年） does.
    """
    text = squeeze(cell).strip("。.;；,，、")
    if text in ("", "-", "—", "/", "无"):
        return None
    if _PERMANENT.fullmatch(text):
        return PERMANENT
    if _WITH_CASE.fullmatch(text):
        return WITH_CASE
    term = _measured(text, unit)
    return term if term is not None else Retention("text", text=clean(cell))


def _measured(text: str, unit: str) -> Retention | None:
    core = re.sub(r"^(保存|保管|存储|留存)(期限)?(为)?|(保存|保管|存储)$", "", text)
    floor = _AT_LEAST.match(core)
    core = re.sub(r"^(保存|保管|存储|留存)", "", core[floor.end() :]) if floor else core
    if core.endswith(("及以上", "以上", "或以上", "起")):
        core, floor = re.sub(r"(及以上|或以上|以上|起)$", "", core), floor or _AT_LEAST.match("≥")
    if core == "半年":
        return Retention("term", 6, "months", floor is not None)
    if unit and (count := number(core)):
        return Retention("term", count, unit, floor is not None)
    found = _TERM.fullmatch(core)
    # 工作日 is no calendar measure, and a bare 3月 may be March; both stay words.
    if found is None or "工作" in found[2] or "半" in found[2]:
        return None
    count = number(found[1]) or 0
    return Retention("term", count, _UNIT[found[2][-1]], floor is not None) if count else None


def from_json(value: object) -> Retention | None:
    """Read `to_json` again; MalformedError for anything it would not write."""
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise MalformedError(f"retention: expected a kind of {', '.join(KINDS)}, got {value!r:.80}")
    count, unit, text = value.get("count", 0), value.get("unit", ""), value.get("text", "")
    term = Retention(value["kind"], count, unit, value.get("at_least", False), text)
    if term.kind == "term" and (type(count) is not int or count < 1 or unit not in UNITS):
        raise MalformedError(f"retention: expected a count and days, months or years, got {value}")
    if type(term.at_least) is not bool:
        raise MalformedError(f"retention: expected at_least to be true or false, got {value}")
    if term.to_json() != value:
        raise MalformedError(f"retention: expected the members of its kind only, got {value}")
    if read_term(term.words()) != term:
        raise MalformedError(f"retention: expected {text!r} as what it means, got it as words")
    return term


@dataclass(frozen=True, slots=True)
class Claim:
    """One rule's term for a recording, with the list that asks for it."""

    list_name: str
    list_version: str
    code: str
    term: Retention


@dataclass(frozen=True, slots=True)
class Longest:
    """The term that wins, and the claims that ask for just that.

    `until` is the first day after the term, None when no day can be named: the term is permanent,
    or cannot be measured (`undetermined`).  `claims` is empty when nothing was claimed.
    """

    term: Retention | None
    until: date | None
    claims: tuple[Claim, ...]
    undetermined: tuple[Claim, ...]


def term_end(begins: date, term: Retention) -> date:
    """The first day after a measured term: six months from 31 August end on the last of February."""
    if term.unit == "days":
        left = (_LAST - begins).days
        return begins + timedelta(days=min(term.count, left))
    months = term.count * (12 if term.unit == "years" else 1)
    year, month = divmod(begins.year * 12 + begins.month - 1 + months, 12)
    if year > _LAST.year:
        return _LAST
    return date(year, month + 1, min(begins.day, calendar.monthrange(year, month + 1)[1]))


def longest(claims: Iterable[Claim], *, begins: date, case_term: Retention | None) -> Longest:
    """Which term wins for a recording whose terms begin on that day; `case_term` is the file's own.

    A later end wins; permanence beats all; what cannot be measured beats what can.
    """
    ranked = [(_rank(claim.term, begins, case_term), claim) for claim in claims]
    if not ranked:
        return Longest(None, None, (), ())
    top = max(rank for rank, _ in ranked)
    winners = tuple(claim for rank, claim in ranked if rank == top)
    unmeasured = tuple(claim for rank, claim in ranked if rank[0] == 1)
    won = winners[0].term
    if won.kind == "with_case" and case_term is not None:
        won = case_term
    return Longest(won, top[1] if top[0] == 0 else None, winners, unmeasured)


def _rank(term: Retention, begins: date, case_term: Retention | None) -> tuple[int, date]:
    if term.kind == "with_case" and case_term is not None and case_term.kind != "with_case":
        return _rank(case_term, begins, None)
    if term.kind == "term":
        return 0, term_end(begins, term)
    return (2 if term.kind == "permanent" else 1), _LAST
