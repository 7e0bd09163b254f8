"""`liuhen log …`: what a person does about the log when something went wrong."""

from typing import Any

import click

from liuhen.core import recording
from liuhen.exits import run


@click.group()
def log() -> None:
    """Look after the evidence log."""


@log.command()
@click.option("--reason", required=True, help="What was found out about the clock.")
@click.option("--person", required=True, help="Who looked.")
@click.pass_obj
def clock(config: Any, reason: str, person: str) -> None:
    """Go on after the clock jumped: both times and the person are recorded.

    The time of the next entry may then step back, once.
    """
    settings = config.load()

    async def work() -> tuple[str, str]:
        async with recording(settings) as (parts, _):
            event = await parts.ledger.correct_clock(person, reason)
            return event.fields["before"], event.fields["after"]

    before, after = run(work())
    click.echo(f"clock corrected: by the log's time it was {before}, it is {after}")
