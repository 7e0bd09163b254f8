"""`liuhen person`: the first account, once; the way back in; the list."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.liuhen.test_cli import invoke

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def work(*arguments: str) -> Result:
        return invoke("person", *arguments, env={"LIUHEN_PATHS_DATA": str(tmp_path / "data")})

    return work


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout.splitlines()[-1]))


def test_the_first_person_is_made_once_and_is_the_security_administrator(run: Run) -> None:
    made = told(run("first", "--account", "AnQuan", "--name", "安全管理员", "--json"))
    assert made["account"] == "anquan"
    again = run("first", "--account", "second")
    assert (again.exit_code, again.stderr.splitlines()[-1]) == (
        70,
        "conflict: first person: expected nobody before, got somebody",
    )
    (listed,) = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert (listed["account"], listed["roles"], listed["second_factor"]) == (
        "anquan",
        ["security_admin"],
        False,
    )
    assert made["password"] not in run("list").output
    reset = told(run("reset", "--account", "anquan", "--reason", "forgotten", "--json"))
    assert (reset["person"], reset["password"] != made["password"]) == (made["person"], True)
    assert len({made["password"], reset["password"]}) == 2


def test_nobody_unknown_gets_a_password(run: Run) -> None:
    missing = run("reset", "--account", "nobody", "--reason", "r")
    assert missing.exit_code == 70
    assert (
        missing.stderr.splitlines()[-1] == "not-found: account: expected a known one, got 'nobody'"
    )
