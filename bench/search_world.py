"""Cases by the hundred thousand with their recordings, as lists and searches look for them.

Guarantee: as `bench.scale_world`.  Each case has words of its own (number, parties, street), one
visit with eight recordings of its first officer and two more that nobody has linked; of a hundred
cases five stand open for too long, two have a hole, three bear a mark.  The newest tenth is open.
Not covered: names as people truly bear them; they are drawn evenly, so a pair of two characters of
a name is rarer than in life or more common, but never absent.
"""

import random
from collections.abc import Iterator

from bench.scale_case import PROCEDURE
from bench.scale_world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    OFFICERS,
    Recording,
    Rows,
    as_json,
    case_row,
    id_of,
    rows_of,
)
from cases.procedure.shipped import shipped
from cases.recording.rules import Point, Rule, rule_to_json
from storage import grams, tables

EACH, UNLINKED = 8, 2  # recordings of a case, and those that belong to none
SPREAD_MS = 500 * DAY_MS
OPEN = 10  # one of so many, the newest
_BATCH = 2_000  # cases
_ENTRIES = 64  # that one case may have
_FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = "建国志强丽娟春梅海燕文博雪莲玉兰国庆晓东永红立新桂英子轩雨桐浩然思远"
_STREETS = "武宁解放人民中山和平建设延安南京北京胜利新华长江黄河东风光明幸福"
_MATTERS = ("占道经营检查", "食品经营许可核查", "扬尘污染处罚", "消防设施检查", "违法建设拆除")
RULE = Rule(
    "1", ("body_camera",), must=True, start=Point("到达现场", "arrived"),
    end=Point("离开现场", "left"), threshold_ms=2000,
)  # fmt: skip


def law(end_ms: int) -> Rows:
    """The list that judges the cases, and the procedure they go by."""
    known = shipped()[PROCEDURE]
    version, text = str(known.procedure.version), known.text.decode()
    rules = as_json([rule_to_json(RULE)])
    from_ms = end_ms - 2 * SPREAD_MS
    return {
        tables.rule_list: [(id_of("list", 0), "清单", "1", None, from_ms, None, rules, 1)],
        tables.procedure: [(PROCEDURE, version, known.digest, text, None, 1)],
    }


def case_id(number: int) -> str:
    return id_of(f"found:{number}", 0)


def called(number: int) -> str:
    """Its number: what people type most."""
    return f"沪城管罚〔2026〕{number}号"


def cases(start: int, stop: int, of: int, end_ms: int) -> Iterator[Rows]:
    """The cases number `start` to `stop` of so many, oldest first, with their recordings."""
    for low in range(start, stop, _BATCH):
        yield _batch(range(low, min(low + _BATCH, stop)), of, end_ms)


def _batch(numbers: range, of: int, end_ms: int) -> Rows:
    recordings: list[Recording] = []
    free: list[Recording] = []
    found: Rows = {
        table: []
        for table in (
            tables.case, tables.case_person, tables.case_gram, tables.case_point,
            tables.case_stage, tables.filing, tables.link,
        )
    }  # fmt: skip
    for number in numbers:
        mine = _case(number, of, end_ms, found)
        recordings += mine[:EACH]
        free += mine[EACH:]
    rows: dict = rows_of([*recordings, *free])
    rows[tables.waiting] = [
        (r.id, *whose[2:5], r.sealed_index, r.sealed_ms, r.end_ms + DAY_MS, None)
        for r, whose in zip(free, rows[tables.attribution][len(recordings) :], strict=True)
    ]
    return rows | found


def _case(number: int, of: int, end_ms: int, found: Rows) -> list[Recording]:
    drawn = random.Random(number)
    id_, at_ms = case_id(number), end_ms - (of - number) * (SPREAD_MS // of)
    index = 1_000_000 + number * _ENTRIES
    lead = OFFICERS[drawn.randrange(len(OFFICERS))]
    party = drawn.choice(_FAMILY) + "".join(drawn.sample(_GIVEN, 2))
    street = f"{''.join(drawn.sample(_STREETS, 2))}路{drawn.randrange(1, 999)}号"
    title = f"{party}{drawn.choice(_MATTERS)}案"
    odd = number % 100
    # The newest tenth stands open; a twentieth of all has stood open for longer than it may.
    filed = index + 40 if number < of - of // OPEN and odd >= 5 else None
    known = shipped()[PROCEDURE]
    procedure = f"{PROCEDURE}@{known.procedure.version}", known.digest
    row = list(
        case_row(
            f"found:{number}", index, called(number), lead, [lead], at_ms, procedure, closed=filed
        )
    )
    names = [column.name for column in tables.case.columns]
    said = {"kind": "penalty_ordinary", "title": title, "parties": as_json([party]),
            "place": as_json({"text": street, "lat_e7": None, "lon_e7": None})}  # fmt: skip
    for name, value in said.items():
        row[names.index(name)] = value
    found[tables.case].append(tuple(row))
    found[tables.case_person].append((id_, lead.id))
    words = [called(number), title, f"人员 {lead.number}", party, street]
    found[tables.case_gram].extend((pair, id_) for pair in grams.of(words))
    arrived = at_ms + HOUR_MS
    hole = 5 * MINUTE_MS if odd in (20, 60) else 0
    mine = []
    for n in range(EACH + UNLINKED):
        start = arrived + n * 5 * MINUTE_MS + (hole if n == EACH - 1 else 0)
        end = start + 5 * MINUTE_MS
        mine.append(
            Recording(
                f"found:{number}:{n}", lead, lead, "video", start, end, end + HOUR_MS, index + 4 * n
            )
        )
    left = mine[EACH - 1].end_ms
    for more, (code, when) in enumerate((("arrived", arrived), ("left", left))):
        marks = '["noted-late"]' if odd in (30, 50, 70) and more else "[]"
        found[tables.case_point].append(
            (index + 41 + more, id_, code, "1", when, 1000, "笔录", None, None, marks)
        )
    found[tables.case_stage].append((
        index + 43, id_, "open", "investigate", None, "act", at_ms, "[]", None, None, "[]",
    ))  # fmt: skip
    found[tables.link].extend(
        (index + 44 + n, id_, r.id, "investigate", "现场录像", r.id * 2, None, None, None)
        for n, r in enumerate(mine[:EACH])
    )
    if filed is not None:
        found[tables.filing].append((filed, id_, at_ms + 30 * DAY_MS, "[]", None, None))
    return mine
