"""`liuhen log …` and `liuhen rebuild`: what a person does about the log when something went wrong."""

from collections.abc import Callable
from typing import Any

import click

from liuhen.core import core, prepare, recording
from liuhen.exits import run
from liuhen.lock import locked
from liuhen.settings import Settings
from storage.log import recover as recovery
from storage.log.recover import Recovered


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


@log.command()
@click.option("--reason", required=True, help="What happened, for the record.")
@click.pass_obj
def recover(config: Any, reason: str) -> None:
    """Bring a database that is behind (a restored backup) forward from the store.

    Stop the server first.  Receipts given before stay valid.
    """
    tell(run(bring_forward(config.load(), recovery.recover, reason)))


@click.command()
@click.option("--reason", default="rebuilt from the store", show_default=True)
@click.pass_obj
def rebuild(config: Any, reason: str) -> None:
    """Write a lost database again from the store.  Stop the server first.

    Secrets of tokens and sessions are not in the log: make new tokens afterwards.
    """
    tell(run(bring_forward(config.load(), recovery.rebuild, reason)))


async def bring_forward(settings: Settings, work: Callable[..., Any], reason: str) -> Recovered:
    """Alone on the data folder: the store's entries into the database, then published."""
    async with locked(settings.paths.data), core(settings) as parts:
        await prepare(parts)
        done: Recovered = await work(
            parts.database, parts.stores, parts.signer, parts.clock, reason=reason
        )
        await parts.startup.once()
        await parts.publisher.publish()
        return done


def tell(done: Recovered) -> None:
    """What came back, for the person who asked."""
    click.echo(
        f"the database had {done.had} entries, the store {done.store} {done.has}, "
        f"signed up to {done.signed}"
    )
    for index, name in done.unexplained:
        click.echo(f"entry {index}: the value of {name} is gone, and no entry erases it", err=True)
    if done.had == done.has:
        click.echo("nothing was missing")
