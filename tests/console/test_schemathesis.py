"""schemathesis against the running server: no 500, no answer that openapi.yaml does not describe.

It draws requests from the specification, good and bad ones; half of the ids that it draws become
those of objects that are there, so that it gets past "not found".  Left out as in
`console.contract`: what public formats describe (tus uploads, the log's files).
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from console import contract
from storage.rights import Role
from tests.console.belongings import everything, open_case
from tests.console.running import Running
from tests.console.staff import Staff, settled
from verify.entries import format_time

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "response_headers_conformance", "negative_data_rejection",
)  # fmt: skip
ID, TIME = re.compile(r"[0-9a-f]{32}"), re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z")
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429"]
Ids = Mapping[str, list[str]]


@dataclass
class Told:
    """What one run saw."""

    failures: list[str] = field(default_factory=list)
    statuses: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    calls: int = 0


def run(
    url: str,
    headers: dict[str, str],
    ids: Ids,
    *,
    examples: int,
    phases: set[str],
    only: str = "/",
) -> Told:
    """Everything that schemathesis finds with these headers."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": 4,
            "base-url": url,
            "headers": headers,
            "generation": {"deterministic": True, "max-examples": examples, "no-shrink": True},
            "phases": {
                name: {"enabled": name in phases}
                for name in ("examples", "coverage", "fuzzing", "stateful")
            },
            "checks": {"enabled": False}
            | {name: {"enabled": True} for name in CHECKS}
            | {"negative_data_rejection": {"enabled": True, "expected-statuses": REFUSED}},
        }
    )
    schema = schemathesis.openapi.from_dict(
        yaml.safe_load(contract.FILE.read_text("utf-8")), config=config
    )
    schema = schema.exclude(path_regex=f"^({'|'.join(contract.PUBLIC_FORMATS)})")
    schema = schema.include(path_regex=f"^{only}")
    if "Cookie" in headers:  # else it signs itself out
        schema = schema.exclude(path_regex="^/api/sessions?$", method="DELETE")

    told = Told()
    with _hooked(ids):
        for event in from_schema(schema).execute():
            if isinstance(event, events.NonFatalError | events.FatalError):
                told.failures.append(f"schemathesis itself: {event}")
            elif isinstance(event, events.ScenarioFinished):
                _read(event.recorder, told)
    return told


@contextmanager
def _hooked(ids: Ids) -> Iterator[None]:
    def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
        case.path_parameters = _known(case.path_parameters, ids)
        case.body = _known(case.body, ids)

    schemathesis.hook(before_call)
    try:
        yield
    finally:
        schemathesis.hooks.unregister(before_call)


def _known(value: Any, ids: Ids, name: str = "") -> Any:
    """The same with every second well-formed id made one that is there, and such times real."""
    if isinstance(value, dict):
        return {key: _known(given, ids, key) for key, given in value.items()}
    if isinstance(value, list):
        return [_known(given, ids, name) for given in value]
    if isinstance(value, str) and TIME.fullmatch(value) and value[0] in "02468":
        return ids["until"][0] if name == "until" else "2026-03-01T08:00:00.000Z"
    if isinstance(value, str) and name in ids and ID.fullmatch(value) and value[0] in "02468ace":
        return ids[name][int(value[1], 16) % len(ids[name])]
    return value


def _read(recorder: Any, told: Told) -> None:
    for id_, seen in recorder.interactions.items():
        told.calls += 1
        if seen.response is not None:
            told.statuses[recorder.label].add(seen.response.status_code)
        for check in recorder.checks.get(id_, []):
            if check.failure_info is not None:
                told.failures.append(
                    f"{recorder.label}: {check.failure_info.failure}\n"
                    f"  {seen.request.method} {seen.request.uri} {(seen.request.body or b'')[:300]!r}\n"
                    f"  {seen.response and (seen.response.status_code, seen.response.content[:300])}"
                )


@dataclass
class Server:
    running: Running
    ids: Ids

    def program(self) -> dict[str, str]:
        """The headers of a program with every right."""
        _, secret = self.running.do(self.running.house.token())
        return {"Authorization": f"Bearer {secret}"}

    def session(self, *roles: Role) -> dict[str, str]:
        """The headers of a signed-in person of the city."""
        return self.running.do(self._session(roles))

    async def _session(self, roles: tuple[Role, ...]) -> dict[str, str]:
        staff = Staff(self.running.house)
        browser = await staff.signed_in(roles)
        return {name: browser.headers[name] for name in ("Cookie", "X-CSRF-Token")}


async def seeded(running: Running) -> Ids:
    """Some of everything, so that there is something to ask for."""
    house = running.house
    staff = await settled(house)
    known = await everything(house, staff)
    items = [
        known["item"],
        *[await house.item(name=name) for name in ("<script>.wav", "三\r\n.jpg")],
    ]
    cases = [known["case"], await open_case(house, staff, procedure="inspection")]
    people = [
        known["person"],
        *[await staff.person(role) for role in (Role.OFFICER, Role.UNIT_HEAD)],
    ]
    ids = {name: [id_] for name, id_ in known.items()} | {"case": cases, "item": items}
    more = {"people": people, "viewers": people, "leader": people, "other": cases, "person": people}
    tomorrow = format_time(house.clock.now_ms() + 86_400_000)
    return (
        ids
        | more
        | {"until": [tomorrow]}
        | {"parent": ids["organ"], "name": ["inspection", "penalty_ordinary"]}
    )


@pytest.fixture(scope="module")
def server(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("schemathesis")
    shutil.copy(migrated_file, folder / "liuhen.db")
    with Running(f"sqlite:///{folder / 'liuhen.db'}", folder / "data") as running:
        yield Server(running, running.do(seeded(running)))


def expect_nothing(told: Told) -> None:
    assert not told.failures, "\n".join([f"{len(told.failures)} findings", *told.failures[:10]])


def test_every_answer_to_a_program_is_as_specified(server: Server) -> None:
    told = run(server.running.url, server.program(), server.ids, examples=4, phases={"fuzzing"})
    expect_nothing(told)
    assert told.statuses.keys() >= {f"{m} {p}" for m, p in contract.operations()}


def test_every_answer_to_an_officer_is_as_specified(server: Server) -> None:
    headers = server.session(Role.OFFICER)
    expect_nothing(run(server.running.url, headers, server.ids, examples=2, phases={"fuzzing"}))


@pytest.mark.parametrize("role", [Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN])
def test_every_answer_to_an_administrator_is_as_specified(server: Server, role: Role) -> None:
    headers = server.session(role)
    ours = "/api/(people|organs|units|tokens|audit|jobs|procedures|policies|rules|approvals)"
    told = run(server.running.url, headers, server.ids, examples=2, phases={"fuzzing"}, only=ours)
    expect_nothing(told)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda *_: {"id": "no id"}, "response violates schema"),
        (lambda *_: 1 // 0, "server error"),
    ],
)
def test_an_answer_that_is_not_as_specified_is_found(
    server: Server, monkeypatch: pytest.MonkeyPatch, broken: Any, told: str
) -> None:
    monkeypatch.setattr("console.course_said.row", broken)
    found = run(
        server.running.url, server.program(), server.ids, examples=3, phases={"fuzzing"},
        only="/api/cases$",
    )  # fmt: skip
    assert any(told in failure.lower() for failure in found.failures), found


@pytest.mark.nightly
@pytest.mark.parametrize("role", [None, *Role])
def test_every_answer_is_as_specified_in_the_long_run(server: Server, role: Role | None) -> None:
    headers = server.program() if role is None else server.session(role)
    phases = {"examples", "coverage", "fuzzing", "stateful"}
    expect_nothing(run(server.running.url, headers, server.ids, examples=100, phases=phases))
