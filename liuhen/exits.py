"""Errors into exit codes and one line, at the edge of every command.

0 good · 1 broken · 2 incomplete · 3 malformed · 4 unavailable · 64 wrong usage · 70 the rest
"""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import click

from verify.errors import (
    EvidenceError,
    IncompleteError,
    MalformedError,
    UnavailableError,
    VerificationError,
)

T = TypeVar("T")
EXIT: dict[type[EvidenceError], int] = {
    VerificationError: 1,
    IncompleteError: 2,
    MalformedError: 3,
    UnavailableError: 4,
}
USAGE, OTHER, INTERRUPTED = 64, 70, 130


def exit_code(error: EvidenceError) -> int:
    """The exit code of a deliberate error."""
    return next((code for kind, code in EXIT.items() if isinstance(error, kind)), OTHER)


class Commands(click.Group):
    """Turns each deliberate error into one line and an exit code, in one place."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        kwargs["standalone_mode"] = False
        try:
            result = super().main(*args, **kwargs)
        except EvidenceError as exc:
            click.echo(f"{exc.code}: {exc}", err=True)
            raise SystemExit(exit_code(exc)) from None
        except click.exceptions.Exit as exc:
            raise SystemExit(exc.exit_code) from None
        except click.ClickException as exc:
            exc.show()
            raise SystemExit(USAGE) from None
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            raise SystemExit(INTERRUPTED) from None
        raise SystemExit(result if isinstance(result, int) else 0)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; SIGTERM ends it like Ctrl-C, so that everything is closed."""

    async def watched() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we run in one
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        raise click.Abort from None
    except BaseExceptionGroup as group:
        raise first(group) from None


def first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error a person should read of several that came together."""
    flat: list[BaseException] = []

    def walk(exc: BaseException) -> None:
        if isinstance(exc, BaseExceptionGroup):
            for inner in exc.exceptions:
                walk(inner)
        else:
            flat.append(exc)

    walk(group)
    named = [e for e in flat if isinstance(e, EvidenceError)]
    return (named or flat)[0]
