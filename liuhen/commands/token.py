"""`liuhen token …`: who may come in.  Whoever can write to the data folder may say so."""

import json
from typing import Any

import click

from liuhen.exits import run
from storage.rights import Right
from verify.entries import format_time

# The database and all that it needs are loaded when a command runs, not when help is asked for.


@click.group()
def token() -> None:
    """Make, list and revoke tokens."""


@token.command()
@click.option(
    "--right",
    "rights",
    multiple=True,
    required=True,
    type=click.Choice([str(r) for r in Right]),
    help="What it may do; can be repeated, none includes another.",
)
@click.option("--name", required=True, help="Whose token it is, for people.")
@click.option("--source", metavar="NAME", help="Bind it to this source; enrolled if it is new.")
@click.option(
    "--kind",
    default="device",
    show_default=True,
    type=click.Choice(["device", "station", "person"]),
    help="Kind of a new source.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def create(
    config: Any, rights: tuple[str, ...], name: str, source: str | None, kind: str, *, as_json: bool
) -> None:
    """Make a token and print it, this once, with the log's public key."""
    from console.tokens import issue_token  # noqa: PLC0415
    from liuhen.core import recording  # noqa: PLC0415

    settings = config.load()

    async def work() -> dict[str, str]:
        async with recording(settings) as (parts, _):
            id_, secret = await issue_token(
                parts.ledger, name, {Right(r) for r in rights}, source, source_kind=kind
            )
            return {"vkey": parts.vkey, "secret": secret, "token": id_, "origin": parts.origin}

    made = run(work())
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    click.echo(f"log key  {made['vkey']}")
    click.echo(f"token    {made['secret']}")
    click.echo(f"id       {made['token']}")
    click.echo("The token is shown this once; keep it like a password.", err=True)
    click.echo("Give the log key to whoever checks receipts, by another way.", err=True)


@token.command()
@click.argument("id_", metavar="TOKEN-ID")
@click.option("--reason", required=True)
@click.pass_obj
def revoke(config: Any, id_: str, reason: str) -> None:
    """Take a token back; its sessions end at once."""
    from console.tokens import revoke_token  # noqa: PLC0415
    from liuhen.core import recording  # noqa: PLC0415

    settings = config.load()

    async def work() -> None:
        async with recording(settings) as (parts, _):
            await revoke_token(parts.ledger, id_, reason)

    run(work())
    click.echo(f"{id_} revoked")


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(config: Any, *, as_json: bool) -> None:
    """All tokens ever made, without their secrets."""
    from console.tokens import list_tokens  # noqa: PLC0415
    from liuhen.core import core  # noqa: PLC0415

    settings = config.load()

    async def work() -> list[dict[str, Any]]:
        async with core(settings) as parts:
            found = await list_tokens(parts.database)
        return [
            {
                "token": t.id,
                "name": t.name,
                "rights": [str(r) for r in t.rights],
                "source": t.source_name,
                "issued": format_time(t.issued_ms),
                "revoked": t.revoked,
            }
            for t in found
        ]

    for row in run(work()):
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            state = "revoked" if row["revoked"] else "active "
            source = f" source {row['source']}" if row["source"] else ""
            click.echo(
                f"{row['token']} {state} {row['issued']} {','.join(row['rights'])} "
                f"{row['name']}{source}"
            )
