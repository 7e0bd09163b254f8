"""No sequence of calls leads the running server where the rules do not allow it to be.

A walk calls the API over HTTP and holds every answer and every entry against a model that was
written from the rule (`tests.console.stateful`): no document is issued over a mandatory stage that
is missing, no case is filed over an unexplained hole without a leader's name, no fact is refused,
every accepted call left exactly its entries and every refused one none, and replaying the log gives
the same rows.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from cases import judging
from tests.console.running import Running
from tests.console.stateful import world as worlds
from tests.console.stateful.walk import Walk
from tests.console.stateful.world import Template, World, furnish, world_of
from tests.services import PostgresServer
from tests.storage.samples import dump
from tests.storage.test_replay import brought_back, records
from verify.errors import ConflictError

PICK = st.integers(0, 250)
QUICK = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

WALKED = {
    "api/cases 201", "api/cases/changes 201", "api/cases/points 201", "api/cases/stages 201",
    "api/cases/documents 201", "api/cases/documents 409 not-allowed", "api/cases/links 201",
    "api/cases/exemptions 201", "api/cases/judgements 201", "api/cases/filing 201",
}  # fmt: skip
"""What walks must have seen to say anything."""


@pytest.fixture(scope="module")
def template(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return worlds.template(migrated_file, tmp_path_factory.mktemp("walk") / "template")


def same_again(world: World, empty: str) -> None:
    """Replay what the log and the disclosures say into an empty database: equal rows."""

    async def both() -> tuple[Any, Any]:
        house = world.running.house
        kept, rows = await records(house.database), await dump(house.database)
        again, replayed = await brought_back(empty, kept)
        assert replayed.unexplained == ()
        return again, rows

    again, rows = world.running.do(both())
    for table in rows:
        assert again[table] == rows[table], f"rows of {table} differ after a replay"


class Machine(RuleBasedStateMachine):
    """Drives a walk; the walk asserts."""

    opened: Callable[[Path], AbstractContextManager[World]]  # a world in this folder
    migrated: Path
    seen: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="walk-"))
        self.stack = ExitStack()
        self.stack.callback(shutil.rmtree, self.folder)
        self.walk = Walk(self.stack.enter_context(self.opened(self.folder / "server")))

    def teardown(self) -> None:
        try:
            shutil.copy(self.migrated, self.folder / "again.db")
            same_again(self.walk.world, f"sqlite:///{self.folder / 'again.db'}")
        finally:
            for key, count in self.walk.seen.items():
                self.seen[key] = self.seen.get(key, 0) + count
            self.stack.close()

    @initialize(pick=PICK)
    def begin(self, pick: int) -> None:
        self.walk.counter = 1  # so that the number of «1号» is free
        self.walk.open_case(pick | 1)

    @rule(pick=PICK, with_procedure=st.booleans())
    def open_case(self, pick: int, with_procedure: bool) -> None:
        self.walk.open_case(pick, with_procedure=with_procedure)

    @rule(case=PICK, pick=PICK)
    def change(self, case: int, pick: int) -> None:
        self.walk.change(self.walk.case(case), pick)

    @rule(case=PICK, pick=PICK, when=PICK, correct=st.booleans())
    def point(self, case: int, pick: int, when: int, correct: bool) -> None:
        self.walk.point(self.walk.case(case), pick, when, correct=correct)

    @rule(case=PICK, pick=PICK, when=PICK)
    def stage_fact(self, case: int, pick: int, when: int) -> None:
        self.walk.stage_fact(self.walk.case(case), pick, when)

    @rule(case=PICK, pick=PICK, when=PICK)
    def add_document(self, case: int, pick: int, when: int) -> None:
        self.walk.add_document(self.walk.case(case), pick, when)

    @rule(case=PICK, pick=PICK)
    def issue(self, case: int, pick: int) -> None:
        found = self.walk.case(case)
        kinds = ["不存在的文书"] if found.law is None else found.law.codes("document")
        self.walk.issue(found, self.walk.of(kinds, pick))

    @rule(case=PICK, pick=PICK)
    def take(self, case: int, pick: int) -> None:
        found = self.walk.case(case)
        ways = ["none"] if found.law is None else found.law.codes("transition")
        self.walk.take(found, self.walk.of(ways, pick))

    @rule(case=PICK, pick=PICK)
    def go_on(self, case: int, pick: int) -> None:
        self.walk.go_on(self.walk.case(case), pick)

    @rule(case=PICK, pick=PICK, to_the_end=st.booleans())
    def go_far(self, case: int, pick: int, to_the_end: bool) -> None:
        for step in range(8):
            self.walk.go_on(self.walk.case(case), pick + step)
        if to_the_end:
            self.walk.file(self.walk.case(case), pick)

    @rule(case=PICK, pick=PICK)
    def try_to_file_over_a_hole(self, case: int, pick: int) -> None:
        """What is rare in drawn steps and must not be missed: the whole way, and no recording."""
        self.walk.leave_a_hole(self.walk.case(case))
        for _ in range(10):
            self.walk.go_on(self.walk.case(case), pick | 1)
        self.walk.file(self.walk.case(case), 0)

    @rule(case=PICK, pick=PICK)
    def record_well(self, case: int, pick: int) -> None:
        self.walk.record_well(self.walk.case(case), pick)

    @rule(case=PICK, pick=PICK)
    def link(self, case: int, pick: int) -> None:
        self.walk.link(self.walk.case(case), pick)

    @rule(case=PICK, pick=PICK)
    def unlink(self, case: int, pick: int) -> None:
        self.walk.unlink(self.walk.case(case), pick)

    @rule(case=PICK, pick=PICK)
    def refuse(self, case: int, pick: int) -> None:
        self.walk.refuse(self.walk.case(case), pick)

    @rule(case=PICK, pick=PICK, when=PICK)
    def explain(self, case: int, pick: int, when: int) -> None:
        self.walk.explain(self.walk.case(case), pick, when)

    @rule(case=PICK, pick=PICK, when=PICK)
    def exempt(self, case: int, pick: int, when: int) -> None:
        self.walk.exempt(self.walk.case(case), pick, when)

    @rule(case=PICK, pick=PICK)
    def ask_access(self, case: int, pick: int) -> None:
        self.walk.ask_access(self.walk.case(case), pick)

    @precondition(lambda self: self.walk.asked)
    @rule(pick=PICK, who=PICK)
    def decide(self, pick: int, who: int) -> None:
        self.walk.decide(pick, who)

    @rule(case=PICK)
    def judge(self, case: int) -> None:
        self.walk.judge(self.walk.case(case))

    @rule(case=PICK, pick=PICK)
    def file(self, case: int, pick: int) -> None:
        self.walk.file(self.walk.case(case), pick)


Made = type[Machine]


def machine(opened: Callable[[Path], AbstractContextManager[World]], migrated: Path) -> Made:
    """A machine of this run, which remembers what its walks have seen."""
    members = {"opened": staticmethod(opened), "migrated": migrated, "seen": {}}
    return type("Walking", (Machine,), members)


@pytest.fixture
def walking(template: Template, migrated_file: Path) -> Made:
    return machine(template.world, migrated_file)


@pytest.fixture
def walking_on_postgresql(migrated_postgres: PostgresServer, migrated_file: Path) -> Made:
    @contextmanager
    def opened(folder: Path) -> Iterator[World]:
        url = migrated_postgres.fresh("liuhen_migrated")
        try:
            with Running(url, folder) as running:
                yield world_of(running, running.do(furnish(running)))
        finally:
            migrated_postgres.drop(url)

    return machine(opened, migrated_file)


def test_no_sequence_of_calls_goes_where_the_rules_do_not_allow(walking: Made) -> None:
    for _ in range(6):  # walks are drawn: a few may miss what is rare, so many may not
        run_machine(walking, settings=settings(QUICK, derandomize=False))
        if not (lacking := WALKED - walking.seen.keys()):
            break
    assert not lacking, f"the walks got nowhere: {walking.seen}"


def test_the_same_holds_on_postgresql(walking_on_postgresql: Made) -> None:
    run_machine(walking_on_postgresql, settings=settings(QUICK, max_examples=2))


@pytest.mark.nightly
def test_no_long_walk_goes_where_the_rules_do_not_allow(walking: Made) -> None:
    long = settings(QUICK, max_examples=400, stateful_step_count=60, derandomize=False)
    run_machine(walking, settings=long)


@pytest.mark.nightly
def test_no_long_walk_does_on_postgresql(walking_on_postgresql: Made) -> None:
    long = settings(QUICK, max_examples=40, stateful_step_count=60, derandomize=False)
    run_machine(walking_on_postgresql, settings=long)


def refuse(*_: Any, **__: Any) -> Any:
    raise ConflictError("point: expected another, got this one")


async def judged_twice(*args: Any, **more: Any) -> Any:
    await JUDGED(*args, **more)
    return await JUDGED(*args, **more)


JUDGED = judging.record
BROKEN = [
    ("cases.course.machine.check_issue", lambda *_, **__: None, "passed although"),
    (
        "cases.course.machine.check_transition",
        lambda *_, **__: None,
        "passed although|the case is filed",
    ),
    ("cases.filing.unexplained", lambda _: (), "with nobody's name|no mark for ever"),
    ("cases.course.point", refuse, "a fact was refused"),
    ("cases.judging.record", judged_twice, "entries"),
]


@pytest.mark.parametrize(("gate", "away", "told"), BROKEN, ids=[gate for gate, *_ in BROKEN])
def test_a_gate_that_is_gone_is_noticed(
    walking: Made, monkeypatch: pytest.MonkeyPatch, gate: str, away: Any, told: str
) -> None:
    monkeypatch.setattr(gate, away)
    once = settings(QUICK, max_examples=200, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError, match=told):
        run_machine(walking, settings=once)
