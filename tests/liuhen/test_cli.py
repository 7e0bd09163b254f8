"""The edge of every command: one line, one exit code, no secret in an argument."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from capture.errors import ChangedError, PinnedKeyError, RetryError
from liuhen.cli import SHORT, main
from liuhen.exits import exit_code
from storage.errors import DatabaseBehindError, HaltedError
from verify.errors import (
    ConflictError,
    DeniedError,
    DigestMismatchError,
    EvidenceError,
    IncompleteError,
    MalformedError,
    NotFoundError,
)


def invoke(*arguments: str, env: dict[str, str | None] | None = None) -> Result:
    clean: dict[str, str | None] = {"LIUHEN_TOKEN": None, "LIUHEN_TOKEN_FILE": None}
    return CliRunner().invoke(main, arguments, env=clean | (env or {}))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DigestMismatchError("x", expected="a", actual="b"), 1),
        (DatabaseBehindError("x"), 1),
        (PinnedKeyError("x"), 1),
        (IncompleteError("x"), 2),
        (ChangedError("x"), 2),
        (MalformedError("x"), 3),
        (HaltedError("x"), 4),
        (RetryError("x"), 4),
        (ConflictError("x"), 70),
        (NotFoundError("x"), 70),
        (DeniedError("x"), 70),
        (EvidenceError("x"), 70),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_errors_have_exit_codes(error: EvidenceError, code: int) -> None:
    assert exit_code(error) == code


def test_wrong_usage_is_64_and_help_is_0(tmp_path: Path) -> None:
    assert invoke("nonsense").exit_code == 64
    assert invoke("push").exit_code == 64
    assert invoke("push", str(tmp_path), "--server", "ftp://x").exit_code == 64
    assert invoke("erase", "--name", "x", "--ground", "y", "--approver", "z").exit_code == 64
    assert invoke("--help").exit_code == 0
    assert invoke("verify").exit_code == 64
    assert (
        invoke("--version").output.startswith("main, version ")
        or "0.1.0" in invoke("--version").output
    )


def test_a_deliberate_error_is_one_line(tmp_path: Path) -> None:
    result = invoke("push", str(tmp_path), "--server", "http://127.0.0.1:1")
    assert result.exit_code == 3
    assert result.stderr == "malformed: token: expected LIUHEN_TOKEN or --token-file, got neither\n"
    result = invoke("token", "list", env={"LIUHEN_NONSENSE": "1"})
    assert result.exit_code == 3
    assert (
        result.stderr == "malformed: environment: expected a known setting, got LIUHEN_NONSENSE\n"
    )
    result = invoke("push", "/nowhere", "--server", "http://127.0.0.1:1", env={"LIUHEN_TOKEN": "x"})
    assert (result.exit_code, result.stderr.split(":")[0]) == (70, "not-found")


def test_a_server_that_is_away_is_4_after_patience(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"x")
    result = invoke(
        "push", str(file), "--server", "http://127.0.0.1:1", "--patience", "0", "--quiet",
        env={"LIUHEN_TOKEN": "x", "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert result.exit_code == 4
    assert "gave up" in result.stderr


def walk(command: click.Command, path: str = "liuhen") -> list[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        return [
            found
            for name in command.commands
            for found in walk(command.commands[name], f"{path} {name}")
        ]
    return [(path, command)]


@pytest.mark.parametrize(
    ("path", "command"), walk(main), ids=lambda v: v if isinstance(v, str) else ""
)
def test_no_command_takes_a_secret_and_each_says_what_it_does(
    path: str, command: click.Command
) -> None:
    options = {o for p in command.params for o in p.opts}
    assert not options & {"--token", "--secret", "--password", "--secret-key"}
    assert command.get_short_help_str(), path


def test_the_overview_says_of_each_command_what_it_says_itself() -> None:
    assert {name: c.get_short_help_str(1000) for name, c in main.commands.items()} == SHORT
    shown = " ".join(invoke("--help").output.split())
    assert [name for name, text in SHORT.items() if f" {name} {text}" not in shown] == []


@pytest.mark.parametrize("command", ["", "token", "verify", "push"])
def test_help_loads_neither_database_nor_server(command: str) -> None:
    program = (
        "import sys; from liuhen.cli import main\n"
        f"try: main({[*command.split(), '--help']})\n"
        "except SystemExit as end: assert not end.code\n"
        "print([m for m in ('sqlalchemy', 'alembic', 'minio', 'psycopg') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.splitlines()[-1] == "[]"


def test_a_command_on_the_embedded_shape_loads_no_driver_of_the_other_and_no_migrations(
    tmp_path: Path,
) -> None:
    program = (
        "import sys; from liuhen.cli import main\n"
        "try: main(['token', 'list'])\n"
        "except SystemExit as end: assert not end.code\n"
        "print([m for m in ('alembic', 'minio', 'psycopg') if m in sys.modules])"
    )
    environment = {"PATH": os.environ["PATH"], "LIUHEN_PATHS_DATA": str(tmp_path)}
    for expected in (["alembic"], []):  # the first makes the tables
        said = subprocess.run(
            [sys.executable, "-c", program], env=environment, check=True,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert said.stdout.splitlines()[-1] == str(expected)


def test_every_command_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/operations/README.md").read_text()
    page += (Path(__file__).parents[2] / "README.md").read_text()
    missing = [path for path, _ in walk(main) if path not in page]
    assert not missing
