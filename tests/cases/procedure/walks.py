"""Walking a case through a procedure for tests: acts that are checked first, facts that are not."""

from copy import copy
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from cases.procedure import machine, marks
from cases.procedure.load import load
from cases.procedure.model import Procedure
from cases.procedure.shipped import shipped
from cases.procedure.state import EMPTY, Happening, How, Kind, State, apply, fold

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000


def ms(text: str) -> int:
    """A time on the wall clock of Shanghai, such as 2026-03-02 09:00."""
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
    return round(moment.timestamp() * 1000)


def shipped_procedure(name: str) -> Procedure:
    return shipped()[name].procedure


SMALL = """
format = 1
name = "small"
version = 1
label = { zh-CN = "小程序", en = "Small" }
category = "other"
start = "begin"

[[stage]]
code = "begin"
label = { zh-CN = "开始", en = "Begin" }
category = "initiation"
mandatory = true

[[stage]]
code = "check"
label = { zh-CN = "审核", en = "Check" }
category = "review"
mandatory = true

[[stage]]
code = "end"
label = { zh-CN = "归档", en = "End" }
category = "filing"
mandatory = true
final = true

[[transition]]
code = "go"
label = { zh-CN = "送审", en = "Go" }
from = ["begin"]
to = "check"

[[transition]]
code = "pass"
label = { zh-CN = "通过", en = "Pass" }
from = ["check"]
to = "end"

[[document]]
code = "paper"
label = { zh-CN = "文书", en = "Paper" }
stage = "begin"
mandatory = true
"""


def small() -> Procedure:
    return load(SMALL, source="small.toml")


class Walk:
    """One case: acts go through the checks, facts are marked; one hour passes with each."""

    def __init__(self, procedure: Procedure, opened: str = "2026-03-02 09:00") -> None:
        self.procedure, self.now = procedure, ms(opened)
        self.happenings: list[Happening] = []
        self.state: State = EMPTY
        self.add("opened")

    def branch(self) -> "Walk":
        """The same case, to be led another way."""
        other = copy(self)
        other.happenings = list(self.happenings)
        return other

    def add(self, kind: Kind, code: str = "", how: How = "act", **more: object) -> Happening:
        happening = replace(
            Happening(kind, len(self.happenings), self.now, how, code),
            **more,  # type: ignore[arg-type]
        )
        self.happenings.append(happening)
        self.state = apply(self.procedure, self.state, happening)
        self.now += HOUR
        return happening

    def at(self, text: str) -> "Walk":
        self.now = ms(text)
        return self

    def take(self, code: str, **said: bool) -> "Walk":
        machine.check_transition(self.procedure, self.state, code, self.now, said)
        self.add("transition", code, stated=tuple(said.items()))
        return self

    def issue(self, *codes: str) -> "Walk":
        for code in codes:
            machine.check_issue(self.procedure, self.state, code)
            self.add("document", code)
        return self

    def point(self, *codes: str) -> "Walk":
        for code in codes:
            found = marks.marks_of_point(self.procedure, self.state, code, self.now)
            self.add("point", code, "fact", marks=found)
        return self

    def say(self, **said: bool) -> "Walk":
        self.add("stated", stated=tuple(said.items()))
        return self

    def file(self) -> "Walk":
        machine.check_file(self.procedure, self.state)
        self.add("closed")
        return self

    def fact(self, kind: Kind, code: str, **said: bool) -> tuple[str, ...]:
        """Something that happened all the same; its marks are returned."""
        given = (self.procedure, self.state, code, self.now)
        found = {
            "transition": lambda: marks.marks_of_transition(*given, said),
            "entered": lambda: marks.marks_of_stage(*given, said),
            "document": lambda: marks.marks_of_document(*given, said),
            "point": lambda: marks.marks_of_point(*given),
            "exit": lambda: marks.marks_of_exit(*given),
        }[kind]()
        self.add(kind, code, "fact", stated=tuple(said.items()), marks=found)
        return found

    def refolded(self) -> State:
        return fold(self.procedure, self.happenings)


NO_GROUND = {
    "public_interest": False,
    "major_rights_after_hearing": False,
    "complex_case": False,
    "review_by_law": False,
}


def investigated() -> Walk:
    """An ordinary penalty whose investigation is finished."""
    walk = Walk(shipped_procedure("penalty_ordinary"))
    walk.issue("clue_record", "opening_approval").take("open", grounds_to_open=True)
    walk.point("arrived", "identity_shown", "left").issue("scene_record", "investigation_report")
    return walk


def noticed() -> Walk:
    walk = investigated().take("finish_investigation", penalty_intended=True)
    walk.say(hearing_requested=False).issue("penalty_notice")
    return walk.point("notice_given")


def decided() -> Walk:
    walk = noticed().take("notice_to_decision", **NO_GROUND).say(collective_discussion=False)
    return walk.issue("decision_approval", "decision_paper").take("decided")


def served() -> Walk:
    return decided().point("service_started", "served_at").issue("service_receipt")


def filed() -> Walk:
    walk = served().take("served", penalty_imposed=True).issue("payment_proof").take("enforced")
    return walk.issue("closing_report", "volume_catalogue").file()
