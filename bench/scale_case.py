"""One case with any number of recordings: visits of several officers, noted, papered, explained.

Guarantee: as `bench.scale_world`.  A case of n recordings has n/100 visits, n/20 time points, n/50
documents and n/200 explained holes; the other figures do not grow.
Not covered: a case in which nothing was recorded, which is cheaper.
"""

import random

from bench.scale_world import (
    DAY_MS,
    MINUTE_MS,
    OFFICERS,
    Person,
    Recording,
    Rows,
    as_json,
    case_row,
    id_of,
    rows_of,
)
from cases.procedure.shipped import shipped
from cases.recording.rules import Point, Rule, rule_to_json
from storage import tables
from storage.bulk import Row

LIST, PROCEDURE = "音像记录事项清单", "penalty_ordinary"
TEAM = OFFICERS[:4]
_PART_MS = 5 * MINUTE_MS  # into which cameras split their recordings
_VISIT = 100  # recordings of one visit
_FIRST_INDEX = 1_000_000  # of the first case; each next one begins a million later
_WALKED = (  # transition, stage after it, how
    ("open", "investigate", "act"), ("finish_investigation", "notify", "act"),
    ("return_to_investigation", "investigate", "fact"), ("finish_investigation", "notify", "act"),
    ("hold_hearing", "hear", "act"), ("hearing_to_review", "legal_review", "act"),
    ("review_passed", "decide", "fact"),
)  # fmt: skip
_ARRIVED, _LEFT = Point("到达现场", "arrived"), Point("离开现场", "left")
_BEGUN, _SIGNED = Point("笔录开始", "record_started"), Point("当事人签名", "party_signed")
RULES = (
    Rule("1", ("body_camera",), must=True, start=_ARRIVED, end=_LEFT, threshold_ms=2000),
    Rule("2", ("photo",), must=True, start=_ARRIVED, end=_LEFT),
    Rule("3", ("audio", "video"), must=True, all_methods=True, start=_BEGUN, end=_SIGNED),
    Rule("4", ("body_camera", "surveillance"), must=False, start=_BEGUN, end=_LEFT),
    Rule("5", ("photo", "video"), must=True, stage_category="decision"),
    Rule("6", ("video",), must=True, start=Point("告知", "notice_given")),
    Rule("7", ("surveillance",), must=False, start=Point("听证开始", "hearing_opened")),
    Rule("8", ("photo",), must=True, end=_SIGNED),
)


def rule_list() -> Rows:
    """The list that judges the cases, and the procedure they go by."""
    rules = as_json([rule_to_json(rule) for rule in RULES])
    known = shipped()[PROCEDURE]
    procedure = (
        PROCEDURE,
        str(known.procedure.version),
        known.digest,
        known.text.decode(),
        None,
        1,
    )
    return {
        tables.rule_list: [(id_of("list", 0), LIST, "1", None, 0, None, rules, 1)],
        tables.procedure: [procedure],
    }


def case_id(size: int) -> str:
    return id_of(f"case:{size}", 0)


def middle_ms(size: int, end_ms: int) -> int:
    """A time in the midst of what was recorded."""
    return end_ms - 200 * DAY_MS + size * DAY_MS // _VISIT // 2


class _Case:
    """Rows in the making; entries are numbered as they would have come."""

    def __init__(self, size: int, place: int, end_ms: int) -> None:
        self.size, self.id = size, case_id(size)
        self.next = _FIRST_INDEX * (place + 1)
        self.drawn = random.Random(size)
        self.begun = end_ms - 200 * DAY_MS
        self.recordings: list[Recording] = []
        self.mentions: list[Row] = []
        self.points: list[Row] = []
        self.approvals: list[Row] = []

    def entry(self) -> int:
        """The index of a further entry about the case."""
        self.next += 1
        self.mentions.append(("case", self.id, self.next))
        return self.next

    def visit(self, number: int) -> None:
        """Some officers record all of it in parts; one of them stops for a minute or two."""
        count = min(_VISIT, self.size - number * _VISIT)
        arrived = self.begun + number * DAY_MS + self.drawn.randrange(DAY_MS // 3)
        parts = max(1, count * 9 // 10 // len(TEAM))
        left = arrived + parts * _PART_MS
        middle = (arrived + left) // 2
        for at, person in enumerate(TEAM):
            for part in range(parts):
                start = arrived + part * _PART_MS
                end = start + _PART_MS - (self.drawn.randrange(500) if at else 0)
                self._record(person, "video", start, end)
        while len(self.recordings) < number * _VISIT + count:
            at_ms = self.drawn.randrange(arrived, left)
            self._record(TEAM[0], "photo", at_ms, at_ms)
        for code, at_ms in (
            ("arrived", arrived - 1000), ("notice_given", arrived + MINUTE_MS),
            ("record_started", middle), ("party_signed", left - MINUTE_MS), ("left", left + 3000),
        ):  # fmt: skip
            self.points.append((
                self.entry(), self.id, code, str(number + 1), at_ms, 1000, "笔录", None, None, "[]",
            ))  # fmt: skip
        if number % 2 == 0:
            self._explained(str(number + 1), left, left + 3000)

    def _record(self, person: Person, kind: str, start: int, end: int) -> None:
        key = f"case:{self.size}:{len(self.recordings)}"
        self.next += 4
        self.recordings.append(
            Recording(key, person, person, kind, start, end, end + DAY_MS // 2, self.next)
        )

    def _explained(self, occasion: str, start: int, end: int) -> None:
        asked, decided = self.entry(), self.entry()
        self.approvals.append((
            id_of(f"approval:{self.size}", asked), "interruption", self.id, None, f"{LIST}/1", occasion,
            "equipment", "换电池", start, end, None, "[]", f"u:{TEAM[0].id}", asked, end + DAY_MS,
            "approved", f"u:{TEAM[1].id}", decided, end + DAY_MS + MINUTE_MS, None, None,
        ))  # fmt: skip


def one(size: int, place: int, end_ms: int) -> Rows:
    """The case of `size` recordings, the one number `place` of all."""
    case = _Case(size, place, end_ms)
    opened = case.entry()
    for number in range(-(-size // _VISIT)):
        case.visit(number)
    at = case.begun + size * DAY_MS // _VISIT
    stages = [
        (case.entry(), case.id, code, stage, "returned" if code.startswith("return") else None,
         how, at + n * DAY_MS, "[]", None, None, "[]")
        for n, (code, stage, how) in enumerate(_WALKED)
    ]  # fmt: skip
    documents = [
        (id_of(f"document:{size}", n), case.id, "scene_record", "investigate", "fact",
         case.begun + n * DAY_MS // 2, f"检查〔2026〕{n}号", "现场检查笔录", "纸质", None, "[]",
         case.entry())
        for n in range(max(1, size // 50))
    ]  # fmt: skip
    rows = rows_of(case.recordings)
    rows[tables.link] = [
        (case.entry(), case.id, r.id, "investigate", "现场录像", r.id * 2, None, None, None)
        for r in case.recordings
    ]  # fmt: skip
    rows[tables.late] = [
        (r.id, r.end_ms, r.end_ms + 1, r.sealed_ms, "duty", "shipped-1", r.sealed_index + 2)
        for r in case.recordings[::20]
    ]
    known = shipped()[PROCEDURE]
    procedure = (f"{PROCEDURE}@{known.procedure.version}", known.digest)
    called = f"桂司罚〔2026〕{size}号"
    rows[tables.case] = [
        case_row(f"case:{size}", opened, called, TEAM[0], TEAM, case.begun, procedure)
    ]
    return rows | {
        tables.case_person: [(case.id, p.id) for p in TEAM], tables.case_point: case.points,
        tables.case_stage: stages, tables.document: documents, tables.approval: case.approvals,
        tables.mention: case.mentions,
    }  # fmt: skip
