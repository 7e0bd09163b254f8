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
import requests
import schemathesis
import yaml
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from console import contract
from console.sessions import COOKIE
from tests.console.running import Running

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "response_headers_conformance", "negative_data_rejection",
)  # fmt: skip
ID = re.compile(r"[0-9a-f]{32}")
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
            "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
        }
    )
    schema = schemathesis.openapi.from_dict(
        yaml.safe_load(contract.FILE.read_text("utf-8")), config=config
    )
    schema = schema.exclude(path_regex=f"^({'|'.join(contract.PUBLIC_FORMATS)})")
    schema = schema.include(path_regex=f"^{only}")

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


def _known(value: Any, ids: Ids) -> Any:
    """The same with every second well-formed id made one that is there."""
    if not isinstance(value, dict):
        return value
    return {
        name: ids[name][int(given[1], 16) % len(ids[name])]
        if name in ids and isinstance(given, str) and ID.fullmatch(given) and given[0] in "02468ace"
        else given
        for name, given in value.items()
    }


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

    def session(self) -> dict[str, str]:
        """The headers of a signed-in browser."""
        _, secret = self.running.do(self.running.house.token())
        with requests.Session() as browser:
            page = browser.post(f"{self.running.url}/login", data={"token": secret, "next": "/"})
            csrf = re.search(r'name="csrf"[^>]*?(?:value|content)="([^"]+)"', page.text)
            assert csrf is not None, page.text[:2000]
            return {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}", "X-CSRF-Token": csrf[1]}


async def seeded(running: Running) -> Ids:
    """Some of everything, so that there is something to ask for."""
    house = running.house
    items = [await house.item(name=name) for name in ("一.mp4", "<script>二.wav", "三\r\n.jpg")]
    await house.derive(items[0], "poster", b"\xff\xd8jpeg", "image/jpeg")
    await house.derive(items[0], "peaks", b"peaks", "application/octet-stream")
    client = await house.client()
    cases = []
    for number in ("沪司罚〔2026〕1号", "沪司罚〔2026〕2号"):
        body = {
            "number": number,
            "kind": "penalty",
            "title": "占道经营",
            "officers": ["执法人员甲"],
        }
        async with client.post("/api/cases", json=body) as answer:
            cases.append((await answer.json())["id"])
    async with client.post(
        f"/api/cases/{cases[0]}/links", json={"item": items[0], "reason": "现场"}
    ) as answer:
        assert answer.status == 201
    return {"case": cases, "item": items}


@pytest.fixture(scope="module")
def server(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("schemathesis")
    shutil.copy(migrated_file, folder / "liuhen.db")
    with Running(f"sqlite:///{folder / 'liuhen.db'}", folder / "data") as running:
        yield Server(running, running.do(seeded(running)))


def expect_nothing(told: Told) -> None:
    assert not told.failures, "\n".join([f"{len(told.failures)} findings", *told.failures[:10]])


def test_every_answer_to_a_program_is_as_specified(server: Server) -> None:
    told = run(server.running.url, server.program(), server.ids, examples=6, phases={"fuzzing"})
    expect_nothing(told)
    assert told.statuses.keys() >= {f"{m} {p}" for m, p in contract.operations()}


def test_every_answer_to_a_browser_is_as_specified(server: Server) -> None:
    told = run(server.running.url, server.session(), server.ids, examples=3, phases={"fuzzing"})
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
    monkeypatch.setattr("console.said.case", broken)
    found = run(
        server.running.url, server.program(), server.ids, examples=3, phases={"fuzzing"},
        only="/api/cases$",
    )  # fmt: skip
    assert any(told in failure.lower() for failure in found.failures), found


@pytest.mark.nightly
@pytest.mark.parametrize("how", ["program", "session"])
def test_every_answer_is_as_specified_in_the_long_run(server: Server, how: str) -> None:
    headers = getattr(server, how)()
    phases = {"examples", "coverage", "fuzzing", "stateful"}
    expect_nothing(run(server.running.url, headers, server.ids, examples=200, phases=phases))
