"""`liuhen push`: hand files over from a device."""

import asyncio
import os
import sys
from pathlib import Path

import click

from capture.progress import Bars, Json, Lines, Quiet, Show
from capture.push import Order, Push, files_of, summary, worst
from liuhen.exits import exit_code, run
from verify.errors import MalformedError, NotFoundError


def read_token(file: Path | None) -> str:
    """The token from a file or the environment; never from the arguments, which others can see."""
    named = file or (Path(f) if (f := os.environ.get("LIUHEN_TOKEN_FILE")) else None)
    if named is not None:
        try:
            return named.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise NotFoundError(f"token file: expected to read {named}, got {exc}") from exc
    token = os.environ.get("LIUHEN_TOKEN", "").strip()
    if not token:
        raise MalformedError("token: expected LIUHEN_TOKEN or --token-file, got neither")
    return token


def choose_show(*, quiet: bool, as_json: bool) -> Show:
    if as_json:
        return Json()
    if quiet:
        return Quiet()
    return Bars() if sys.stderr.isatty() else Lines()


@click.command()
@click.argument("paths", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--server", required=True, metavar="URL", help="Address of the server.")
@click.option("--case", metavar="NO", help="Number of the case that the files belong to.")
@click.option("--source", metavar="NAME", help="Source, for tokens that are not bound to one.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the token; else LIUHEN_TOKEN_FILE or LIUHEN_TOKEN.",
)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 32), metavar="N")
@click.option("--key", metavar="VKEY", help="The log's key, as shown with the token.")
@click.option(
    "--patience",
    default=24 * 3600.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Go on trying for so long without any progress.",
)
@click.option("--quiet", is_flag=True, help="Say only what failed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for programs.")
def push(
    *,
    paths: tuple[Path, ...],
    server: str,
    case: str | None,
    source: str | None,
    token_file: Path | None,
    jobs: int,
    key: str | None,
    patience: float,
    quiet: bool,
    as_json: bool,
) -> int:
    """Hand FILEs (or all files below folders) over; each ends with a checked receipt beside it.

    Goes on where it stood after a cut link or a restart of the server.  Files are only read.
    Running it again sends nothing that is stored already.
    """
    if not server.startswith(("http://", "https://")):
        raise click.UsageError(f"--server: expected http://… or https://…, got {server}")
    order = Order(server, case, source, jobs, key, patience)
    token = read_token(token_file)
    files = list(dict.fromkeys(files_of(paths)))
    show = choose_show(quiet=quiet, as_json=as_json)
    if server.startswith("http://") and not _is_loopback(server):
        show.note("warning: this address is not encrypted; the token can be read on the way")

    async def work() -> int:
        try:
            outcomes = await Push(order, token, show).run(files)
        except asyncio.CancelledError:
            show.note("stopped; run it again to go on where it stood")
            raise
        finally:
            show.close()
        if not quiet:
            show.note(summary(outcomes))
        error = worst(outcomes)
        return 0 if error is None else exit_code(error)

    return run(work())


def _is_loopback(server: str) -> bool:
    host = server.split("//", 1)[1].split("/", 1)[0].rsplit("@", 1)[-1]
    return host.startswith(("127.", "localhost", "[::1]"))
