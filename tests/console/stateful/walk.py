"""One walk: calls drawn by whoever drives it, each held against the model before the next.

After every call: an accepted one has left exactly its entries, with what was sent in them, and a
refused one none; a fact is never refused; a document is never issued over what its stage demands;
a case is never filed over an unexplained hole without a leader's name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.console.stateful.holes import unexplained
from tests.console.stateful.law import Law, laws
from tests.console.stateful.told import BACK, CaseModel, Point, Told
from tests.console.stateful.world import MINUTE, T0, THRESHOLD, Entry, World
from verify.entries import format_time, parse_time

Leaves = Callable[[dict[str, Any]], Sequence[tuple[str, str]]]
WORDS = ("现场情况", "<script>alert(1)</script>", "=1+1", "x'; DROP TABLE entry; --", "不知道")
EXITS = ("not_filed", "withdrawn", "terminated", "transferred", "merged", "returned", "remade",
         "suspended", "resumed", "split")  # fmt: skip
MINUTES = (0, 5, 10, 20, 30, 40, 60, 240)
ABSURD = (0, 1, 253_402_300_799_999, 32_503_680_000_000)  # 1970, and the years 9999 and 3000
HEADS = {"unit_head", "organ_head"}
HEAD_OF = {"officer": HEADS, "colleague": {"organ_head"}}


@dataclass
class Request:
    """Something that was asked and may be decided."""

    id: str
    kind: str
    case: str
    by: str
    rule: str = ""
    occasion: str | None = None
    span: tuple[int, int] = (0, 0)
    decision: str | None = None


@dataclass
class Walk:
    """The world, the model of it, and what the walk has seen (to know that it went far)."""

    world: World
    cases: list[CaseModel] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    known: set[str] = field(default_factory=set)  # procedures that are in the log
    refused: dict[str, set[str]] = field(default_factory=dict)  # case -> items it was refused
    seen: dict[str, int] = field(default_factory=dict)
    counter: int = 0

    # --- calling ----------------------------------------------------------------------------

    def call(
        self,
        who: str,
        method: str,
        path: str,
        body: Any,
        leaves: Leaves,
        *,
        fact: bool = False,
    ) -> tuple[dict[str, Any], list[Entry]] | None:
        """The answer and its entries; None if it was refused."""
        before = self.world.size()
        answer = self.world.send(who, method, path, body)
        entries = self.world.since(before)
        told = f"{who} {method} {path} {body} -> {answer.status_code} {answer.text[:400]}"
        self._count(path, answer)
        assert answer.status_code < 500, told
        if not answer.ok:
            assert not fact, f"a fact was refused: {told}"
            left = [e.type for e in entries if e.type != "access.denied"]
            assert left == [], f"a refused call left {left}: {told}"
            if answer.status_code != 403:
                assert entries == [], f"a refused call left entries: {told}"
            return None
        value = answer.json()
        left = [(e.type, e.chain) for e in entries]
        assert left == list(leaves(value)), f"entries {left}: {told}"
        return value, entries

    def _count(self, path: str, answer: requests.Response) -> None:
        parts = path.strip("/").split("/")
        what = "/".join(part for part in parts if len(part) != 32)
        code = "" if answer.ok else f" {answer.json().get('code')}"
        key = f"{what} {answer.status_code}{code}"
        self.seen[key] = self.seen.get(key, 0) + 1

    # --- choosing ---------------------------------------------------------------------------

    def case(self, pick: int) -> CaseModel:
        return self.cases[pick % len(self.cases)]

    @staticmethod
    def moment(pick: int) -> int:
        """A time: mostly near what the recordings show, now and then absurd."""
        if pick % 9 == 8:
            return ABSURD[pick % len(ABSURD)]
        return T0 + MINUTES[pick % len(MINUTES)] * MINUTE

    @staticmethod
    def of(options: Sequence[Any], pick: int) -> Any:
        return options[pick % len(options)]

    # --- cases ------------------------------------------------------------------------------

    def open_case(self, pick: int, *, with_procedure: bool = True) -> CaseModel | None:
        self.counter += 1
        number = f"沪司罚〔2026〕{self.counter if pick % 7 else 1}号"
        law: Law | None = self.of(laws(), pick) if with_procedure else None
        body: dict[str, Any] = {
            "number": number, "title": self.of(WORDS, pick), **self.world.place,
            "people": [self.world.people["officer"]], "officers": ["执法人员甲"],
            "parties": ["当事人甲"],
        }  # fmt: skip
        body |= {"kind": "other"} if law is None else {"procedure": law.name}
        fresh = law is not None and law.name not in self.known

        def leaves(value: dict[str, Any]) -> list[tuple[str, str]]:
            opened = ("case.opened", f"c:{value['id']}")
            return [("procedure.set", "sys"), opened] if fresh else [opened]

        got = self.call("program", "POST", "/api/cases", body, leaves)
        taken = any(case.number == number for case in self.cases)
        assert (got is None) == taken, f"number {number}: taken {taken}, got {got}"
        if got is None:
            return None
        case = CaseModel(got[0]["id"], law, number)
        entry = got[1][-1]
        assert entry.fields["title"] == body["title"]
        if law is not None:
            self.known.add(law.name)
            assert entry.fields["procedure"] == law.version
            case.told.append(Told("entered", law.start, (0, entry.index)))
        self.cases.append(case)
        return case

    def change(self, case: CaseModel, pick: int) -> None:
        body = self.of(
            [
                {"title": self.of(WORDS, pick)},
                {"officers": ["执法人员乙"], "parties": []},
                {"private": True, "viewers": [self.world.people["colleague"]]},
                {"private": False},
                {"place": {"text": "现场", "lat_e7": 312_000_000, "lon_e7": 1_214_000_000}},
            ],
            pick,
        )
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/changes", body | {"reason": "更正"},
            lambda _: [("case.changed", f"c:{case.id}")],
        )  # fmt: skip
        assert got is not None
        assert {k: got[1][0].fields[k] for k in body} == body

    # --- facts ------------------------------------------------------------------------------

    def point(self, case: CaseModel, pick: int, when: int, *, correct: bool = False) -> None:
        """A time point: known, of another procedure, or in words; also one that contradicts."""
        known = [] if case.law is None else case.law.codes("point")
        code = self.of([*known, *known, "arrived", *WORDS], pick)
        occasion = self.of(["1", "1", "1", "2", "第二次"], when)
        body: dict[str, Any] = {
            "point": code, "at": format_time(self.moment(when)), "occasion": occasion,
            "source": self.of(["person", "document", "recording", "device", "system"], pick),
        }  # fmt: skip
        if pick % 3 == 0:
            body |= {"text": self.of(WORDS, when), "uncertainty_ms": 1000 * (when % 5)}
        if correct and case.points:
            old = self.of(case.points, pick)
            body |= {"replaces": old.index, "point": old.code, "occasion": old.occasion}
        self._point(case, body)

    def _point(self, case: CaseModel, body: dict[str, Any]) -> None:
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/points", body,
            lambda _: [("case.point", f"c:{case.id}")], fact=True,
        )  # fmt: skip
        assert got is not None
        entry = got[1][0]
        assert entry.fields["at"] == body["at"], "the time of a fact is the one that was told"
        at_ms, occasion = parse_time(body["at"]), body.get("occasion", "1")
        case.points.append(Point(body["point"], occasion, at_ms, entry.index))
        if "replaces" in body:
            case.replaced.add(body["replaces"])

    def stage_fact(self, case: CaseModel, pick: int, when: int) -> None:
        """A stage, a transition or an exit that happened, whether the procedure knows it or not."""
        law = case.law
        stages = ["自定环节"] if law is None else law.codes("stage")
        ways = ["自定流转"] if law is None else law.codes("transition")
        body: dict[str, Any] = self.of(
            [
                {"stage": self.of(stages, when)},
                {"transition": self.of(ways, when)},
                {"exit": self.of(EXITS, when)},
                {"stage": "另一环节"},
            ],
            pick,
        )
        at_ms = self.moment(when)
        body |= {"how": "fact", "at": format_time(at_ms)}
        if law is not None and pick % 2 and law.codes("condition"):
            word = self.of(law.codes("condition"), when)
            body["stated"] = [word if when % 2 else f"not {word}"]
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/stages", body,
            lambda _: [("case.stage", f"c:{case.id}")], fact=True,
        )  # fmt: skip
        assert got is not None
        entry = got[1][0]
        assert (entry.fields["how"], entry.fields["at"]) == ("fact", body["at"])
        when_ = (at_ms, entry.index)
        if law is None:
            return
        case.say(body.get("stated", []), when_)
        if law.one("transition", body.get("transition")):
            case.transition(body["transition"], [], when_)
        elif "stage" in body:
            case.enter(body["stage"], when_)
        elif "exit" in body:
            case.told.append(Told("exit", body["exit"], when_))

    def add_document(self, case: CaseModel, pick: int, when: int) -> None:
        """A document that exists, wherever it came from."""
        known = [] if case.law is None else case.law.codes("document")
        kind, at_ms = self.of([*known, *known, *WORDS], pick), self.moment(when)
        body: dict[str, Any] = {
            "how": "fact", "kind": kind, "at": format_time(at_ms), "source": "document"
        }  # fmt: skip
        if pick % 3 == 0:
            body["number"] = f"旧〔2025〕{when % 3}号"  # also twice
        if pick % 4 == 0:
            body["item"] = self.of(self.world.footage, when).item
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/documents", body,
            lambda _: [("document.added", f"c:{case.id}")], fact=True,
        )  # fmt: skip
        assert got is not None
        entry = got[1][0]
        assert (entry.fields["kind"], entry.fields["at"]) == (kind, body["at"])
        case.told.append(Told("document", kind, (at_ms, entry.index)))

    # --- acts -------------------------------------------------------------------------------

    def issue(self, case: CaseModel, kind: str, stated: Sequence[str] = ()) -> bool:
        """Issue a document here; the server may refuse, but never let pass what it must not."""
        body: dict[str, Any] = {"how": "act", "kind": kind}
        if stated:
            body["stated"] = list(stated)
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/documents", body,
            lambda _: [("document.issued", f"c:{case.id}")],
        )  # fmt: skip
        if got is None:
            return False
        assert case.law is not None, "a document was issued without a procedure"
        document = case.law.one("document", kind)
        assert document is not None, f"a document was issued that the procedure lacks: {kind}"
        self._may_act(case, f"document {kind}", document.get("stage"), stated)
        entry = got[1][0]
        case.told.append(Told("document", kind, (self._acted(entry), entry.index)))
        return True

    def take(self, case: CaseModel, code: str, stated: Sequence[str] = ()) -> bool:
        """Take a transition here."""
        body: dict[str, Any] = {"how": "act", "transition": code}
        if stated:
            body["stated"] = list(stated)
        transition = case.law.one("transition", code) if case.law is not None else None
        leaves = [("case.stage", f"c:{case.id}")]
        others = [other for other in self.cases if other is not case]
        if transition is not None and transition.get("exit") in ("merged", "split") and others:
            body["other"] = others[0].id
            leaves.append(("case.stage", f"c:{others[0].id}"))
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/stages", body, lambda _: leaves
        )  # fmt: skip
        if got is None:
            return False
        assert transition is not None, f"a transition was taken that the procedure lacks: {code}"
        entry = got[1][0]
        if "exit" not in transition:
            self._may_act(case, f"transition {code}", transition["to"], stated)
        case.transition(code, stated, (self._acted(entry), entry.index))
        return True

    @staticmethod
    def _acted(entry: Entry) -> int:
        """The time of an act: that of its entry, but for what passed while it was written."""
        at_ms = parse_time(entry.fields["at"])
        assert 0 <= parse_time(entry.at) - at_ms < 5000, "an act is not dated back"
        return at_ms

    def _may_act(
        self, case: CaseModel, what: str, stage: str | None, stated: Sequence[str]
    ) -> None:
        """Raise unless the model allows what the server has just done."""
        also = {word.removeprefix("not "): not word.startswith("not ") for word in stated}
        assert not self._is_filed(case), f"{what}: the case is filed"
        if stage is None:
            return
        if case.ended() and stage == case.current:
            return  # an exit led here, past what lies between
        lacks = case.lacks(stage, also)
        assert lacks == [], f"{what} passed although there is no {', '.join(lacks)}"

    @staticmethod
    def _is_filed(case: CaseModel) -> bool:
        if not case.filed:
            return False
        back = [t.when for t in case.told if t.kind == "exit" and t.code in (*BACK, "resumed")]
        return not any(when > (case.filed_ms, case.filed[-1]) for when in back)

    def go_on(self, case: CaseModel, pick: int) -> None:
        """The next step as a diligent person takes it: papers, points, statements, transition."""
        if case.law is None or case.current is None:
            return
        law, stage = case.law, case.current
        said = {name for _, name, _ in case.said}
        leaving = [t for t in law.all("transition") if stage in t["from"]]
        ways = [t for t in leaving if "exit" not in t]
        if case.suspended:
            ways = [t for t in leaving if t.get("exit") == "resumed"]
        elif law.final(stage):
            ways = []
        elif pick % 6 == 0:
            ways = leaving
        way = self.of(ways, pick) if ways else {}
        wanted = list(way.get("conditions", []))
        named = {claim.removeprefix("not ") for claim in wanted}
        stated = wanted + [f"not {c}" for c in law.codes("condition") if c not in said | named]
        papers = [
            d["code"]
            for d in law.all("document")
            if d.get("stage") == stage and (d.get("mandatory") or d.get("mandatory_when"))
        ]
        for code in [*papers, *way.get("documents", [])]:
            self._paper(case, code, stated, pick)
        for code in way.get("points", []):
            self._have_point(case, code, pick)
        if pick % 3:
            for rule in law.all("recording"):
                if rule["stage"] == stage:
                    self._have_point(case, rule["start"], pick)
                    self._have_point(case, rule.get("end", rule["start"]), pick + 1)
        if way:
            self.take(case, way["code"], stated)

    def _paper(
        self, case: CaseModel, code: str, stated: Sequence[str], pick: int, depth: int = 0
    ) -> None:
        assert case.law is not None
        document = case.law.one("document", code)
        if (
            document is None
            or depth > 6
            or case.stands("document", code, document.get("stage", ""))
        ):
            return
        for needed in document.get("documents", []):
            self._paper(case, needed, stated, pick, depth + 1)
        for point in document.get("points", []):
            self._have_point(case, point, pick)
        self.issue(case, code, [*stated, *document.get("conditions", [])])

    def _have_point(self, case: CaseModel, code: str, pick: int) -> None:
        back = any(told.kind == "exit" and told.code in BACK for told in case.told)
        if any(known == code for known, _ in case.live_points) and not back:
            return
        now_ms = self.world.running.house.clock.now_ms()
        at_ms = now_ms if back else T0 + self.of(MINUTES, pick) * MINUTE
        self._point(case, {"point": code, "at": format_time(at_ms)})

    def leave_a_hole(self, case: CaseModel) -> None:
        """Half an hour that must be recorded and of which nothing was linked so far."""
        if case.law is None:
            return
        for rule in case.law.all("recording"):
            if rule["level"] == "must":
                for code, minute in ((rule["start"], 0), (rule.get("end"), 30)):
                    if code is not None:
                        at = format_time(T0 + minute * MINUTE)
                        self._point(case, {"point": code, "at": at})

    def record_well(self, case: CaseModel, pick: int) -> None:
        """The two points of a rule and, perhaps, a recording between them."""
        if case.law is None or not case.law.all("recording"):
            return
        rule = self.of(case.law.all("recording"), pick)
        start = self.of(MINUTES, pick // 3)
        end = start + self.of([5, 10, 20, 40], pick // 2)
        for code, minute in ((rule["start"], start), (rule.get("end"), end)):
            if code is not None:
                at = format_time(T0 + minute * MINUTE)
                self._point(case, {"point": code, "at": at})
        fitting = [
            number for number, track in enumerate(self.world.footage)
            if track.is_by(rule["methods"])
        ]  # fmt: skip
        if fitting and pick % 3:
            self.link(case, self.of(fitting, pick // 4))

    # --- recordings -------------------------------------------------------------------------

    def link(self, case: CaseModel, pick: int) -> None:
        item = self.of(self.world.footage, pick).item
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/links", {"item": item, "reason": "现场"},
            lambda _: [("item.linked", f"c:{case.id}")],
        )  # fmt: skip
        assert (got is None) == (item in case.links), "an item is linked once at a time"
        case.links.add(item)

    def unlink(self, case: CaseModel, pick: int) -> None:
        item = self.of(self.world.footage, pick).item
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/links/{item}/unlink", {"reason": "看错"},
            lambda _: [("item.unlinked", f"c:{case.id}")],
        )  # fmt: skip
        assert (got is not None) == (item in case.links), "what is linked can be unlinked"
        case.links.discard(item)

    def refuse(self, case: CaseModel, pick: int) -> None:
        """Say of two proposals that they are none: each row is an act of its own."""
        items = [self.of(self.world.footage, pick + n).item for n in (0, pick % 3)]
        rows = [{"case": case.id, "item": item} for item in items]
        body = {"refusals": rows, "reason": "不属于本案"}
        got = self.call(
            "officer", "POST", "/api/inbox/refusals", body,
            lambda value: [
                ("proposal.refused", f"c:{case.id}")
                for row in value["results"] if row["index"] is not None
            ],
        )  # fmt: skip
        assert got is not None
        assert [row["item"] for row in got[0]["results"]] == items, "each row is answered"

    # --- asking and deciding ----------------------------------------------------------------

    def explain(self, case: CaseModel, pick: int, when: int) -> None:
        rules = self._rules(case)
        if not rules:
            return
        key, _ = self.of(rules, pick)
        start = T0 + self.of([0, 0, 5, 10], when) * MINUTE
        end = start + self.of([240, 60, 1, 10], pick) * MINUTE
        who = self.of(["officer", "unit_head", "organ_head"], when)
        body = {
            "rule": key, "start": format_time(start), "end": format_time(end),
            "cause": self.of(["equipment", "weather", "other"], pick), "text": "电池耗尽",
        }  # fmt: skip
        got = self.call(
            who, "POST", f"/api/cases/{case.id}/interruptions", body,
            lambda _: [("interruption.explained", f"c:{case.id}")],
        )  # fmt: skip
        if got is None:
            assert not self._could_explain(case, key, start, end), "an open hole may be explained"
            return
        span = parse_time(got[0]["start"]), parse_time(got[0]["end"])
        assert start <= span[0] < span[1] <= end, "an explanation says no more than its author"
        self.asked.append(
            Request(got[0]["approval"], "interruption", case.id, who, key, None, span)
        )

    def _could_explain(self, case: CaseModel, key: str, start: int, end: int) -> bool:
        """Whether a hole is there in this time, and no explanation of the rule waits."""
        waits = any(
            r.case == case.id and r.rule == key and r.kind == "interruption" and r.decision is None
            for r in self.asked
        )
        rule = dict(self._rules(case))[key]
        return not waits and any(a < end and start < b for a, b in self._holes(case, key, rule))

    def exempt(self, case: CaseModel, pick: int, when: int) -> None:
        rules = self._rules(case)
        if not rules:
            return
        key, rule = self.of(rules, pick)
        who = self.of(["officer", "unit_head", "organ_head"], when)
        body = {
            "rule": key, "ground": self.of(["secret", "emergency", "impossible"], pick),
            "text": "涉及商业秘密",
        }  # fmt: skip
        noted = self._occasions(case, rule)
        if noted:
            body["occasion"] = self.of(noted, when)
        got = self.call(
            who, "POST", f"/api/cases/{case.id}/exemptions", body,
            lambda _: [("exemption.asked", f"c:{case.id}")],
        )  # fmt: skip
        assert got is not None, "the written record is kept, however late"
        self.asked.append(
            Request(got[0]["approval"], "exemption", case.id, who, key, body.get("occasion", "1"))
        )

    def ask_access(self, case: CaseModel, pick: int) -> None:
        who = self.of(["colleague", "other_head", "stranger"], pick)
        now_ms = self.world.running.house.clock.now_ms()
        body = {"purpose": "执法监督", "until": format_time(now_ms + 86_400_000)}
        got = self.call(
            who, "POST", f"/api/cases/{case.id}/access", body,
            lambda _: [("access.asked", f"c:{case.id}")],
        )  # fmt: skip
        assert (got is None) == (who == "stranger"), "access is asked within one's organ"
        if got is not None:
            self.asked.append(Request(got[0]["approval"], "access", case.id, who))

    def decide(self, pick: int, who_pick: int) -> None:
        """Somebody decides something, who may or may not."""
        if not self.asked:
            return
        asked = self.of(self.asked, pick)
        everybody = ["unit_head", "organ_head", "officer", "other_head", "foreign_head", "program"]
        fitting = "unit_head" if asked.by == "organ_head" else "organ_head"
        who = self.of([*everybody, asked.by], who_pick) if who_pick % 2 else fitting
        decision = self.of(["approved", "approved", "refused", "withdrawn"], pick + who_pick)
        got = self.call(
            who, "POST", f"/api/approvals/{asked.id}/decision", {"decision": decision},
            lambda _: [("approval.decided", f"c:{asked.case}")],
        )  # fmt: skip
        may = asked.decision is None and (
            who == asked.by if decision == "withdrawn" else who in HEADS and who != asked.by
        )
        assert (got is not None) == may, f"{who} {decision} what {asked.by} asked: {asked}"
        if got is not None:
            asked.decision = decision

    # --- judging and filing -----------------------------------------------------------------

    def judge(self, case: CaseModel) -> None:
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/judgements", {},
            lambda _: [("coverage.judged", f"c:{case.id}")],
        )  # fmt: skip
        assert got is not None
        told = {
            v["rule"]
            for v in got[1][0].fields["verdicts"]
            if any(hole["state"] == "unexplained" for hole in v["holes"])
            and v["verdict"] != "exempt"
        }
        mine = {key for key, rule in self._rules(case) if self._holes(case, key, rule)}
        assert mine <= told, f"holes in {mine - told} are not told"

    def file(self, case: CaseModel, pick: int) -> bool:
        """File the case, with a leader's name or without."""
        leader = self.of([None, None, "unit_head", "organ_head", "officer", "foreign_head"], pick)
        body = {} if leader is None else {"leader": self.world.people[leader]}
        got = self.call(
            "program", "POST", f"/api/cases/{case.id}/filing", body,
            lambda _: [("case.closed", f"c:{case.id}")],
        )  # fmt: skip
        if got is None:
            return False
        holes = {
            key: found
            for key, rule in self._rules(case)
            if rule["level"] == "must" and (found := self._holes(case, key, rule))
        }
        assert not self._is_filed(case), "filed twice"
        assert leader in (None, *HEADS), f"{leader} is no leader of this organ"
        assert not holes or leader is not None, f"filed with nobody's name over {holes}"
        entry = got[1][0]
        if holes:
            marked = {defect["rule"] for defect in entry.fields["defects"]}
            assert holes.keys() <= marked, f"no mark for ever of {holes.keys() - marked}"
            assert entry.fields["leader"] == self.world.people[leader]
        case.filed.append(entry.index)
        case.filed_ms = parse_time(entry.at)
        return True

    def _rules(self, case: CaseModel) -> list[tuple[str, dict[str, Any]]]:
        if case.law is None:
            return []
        return [(f"{case.law.name}/{rule['code']}", rule) for rule in case.law.all("recording")]

    def _occasions(self, case: CaseModel, rule: dict[str, Any]) -> list[str]:
        """On which occasions a point of the rule is noted."""
        codes = {rule.get("start"), rule.get("end")}
        return sorted({occasion for code, occasion in case.live_points if code in codes})

    def _holes(self, case: CaseModel, key: str, rule: dict[str, Any]) -> list[tuple[int, int]]:
        about = [r for r in self.asked if r.case == case.id and r.rule == key]
        approved = [r for r in about if r.decision == "approved"]
        exempt = {r.occasion for r in approved if r.kind == "exemption"}
        points = {at: times for at, times in case.live_points.items() if at[1] not in exempt}
        said = [r.span for r in approved if r.kind == "interruption"]
        footage = [track for track in self.world.footage if track.item in case.links]
        return unexplained(
            rule, points, footage, said, rule.get("hole_ms", THRESHOLD)
        )  # fmt: skip
