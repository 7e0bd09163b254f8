"""`liuhen scrub`: read everything that is stored again and hold it against the log."""

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from typing import Any

import click

from liuhen import lock
from liuhen.core import Core, core, recording
from liuhen.exits import run
from liuhen.settings import Settings
from storage.ledger import Draft, random_id
from storage.log import scrub as scrubbing
from storage.log.findings import Report
from storage.log.heads import Heads
from verify.errors import VerificationError


class Telling:
    """How far it is, on a terminal only."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __call__(self, what: str, done: int, of: int) -> None:
        if self._shown:
            click.echo(f"\r{what}: {done} of {of}   ", err=True, nl=False)


@click.command()
@click.option("--repair/--no-repair", default=True, show_default=True, help="From a second copy.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding.")
@click.pass_obj
def scrub(config: Any, *, repair: bool, as_json: bool) -> int:
    """Hash every stored object, tile, bundle and entry against the log.

    Tells missing, changed and extra apart, repairs what a second copy allows, never deletes.
    Beside a running server it only tells.  Exit code 1 if anything was missing or changed.
    """
    report = run(work(config.load(), repair=repair))
    for finding in report.findings:
        if as_json:
            click.echo(
                json.dumps({"kind": finding.kind, **finding.as_fields()}, ensure_ascii=False)
            )
        else:
            click.echo(str(finding))
    count = {kind: len(report.of(kind)) for kind in ("missing", "changed", "extra", "repaired")}
    click.echo(
        f"{report.entries} entries, {report.objects} objects, {report.bytes} bytes read: "
        + ", ".join(f"{n} {kind}" for kind, n in count.items()),
        err=as_json,
    )
    return 0 if report.good else 1


async def work(settings: Settings, *, repair: bool) -> Report:
    """The scrub that the state allows: recorded, beside a server, or only told."""
    try:
        async with recording(settings) as (parts, beside):
            if beside:
                return await _beside(parts)
            heads = Heads(parts.database, parts.ledger, parts.publisher, parts.clock)
            return await scrubbing.scrub(
                parts.database, parts.ledger, parts.publisher,
                heads=heads, tables=True, repair=repair, progress=Telling(),
            )  # fmt: skip
    except VerificationError as exc:
        # The start refuses this state, so nothing is recorded; what is wrong is told, and files of
        # the log that the signature vouches for are written again unless a server runs.
        click.echo(f"{exc.code}: {exc}", err=True)
        async with AsyncExitStack() as stack:
            fd = await asyncio.to_thread(lock.try_lock, settings.paths.data)
            if fd is not None:
                stack.callback(os.close, fd)
            parts = await stack.enter_async_context(core(settings))
            report = await _check(parts, repair=repair and fd is not None)
        if report.good:
            raise
        return report


async def _check(parts: Core, *, repair: bool = False) -> Report:
    return await scrubbing.check(
        parts.database, parts.stores, parts.signer,
        tables=True, repair=repair, progress=Telling(),
    )  # fmt: skip


async def _beside(parts: Core) -> Report:
    """A server writes meanwhile, so a finding counts only if a second look finds it again."""
    report = await _check(parts)
    if report.findings:
        again = {(f.kind, f.what, f.where) for f in (await _check(parts)).findings}
        report.findings = [f for f in report.findings if (f.kind, f.what, f.where) in again]
    draft = Draft("scrub.done", "sys", "sys", report.as_fields())
    await parts.ledger.record(random_id(), lambda _: [draft])
    return report
