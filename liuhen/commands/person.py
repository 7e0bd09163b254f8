"""`liuhen person …`: the first account, and the way back in.  Whoever can write to the data folder
may say so; each is an entry all the same.
"""

import json
from typing import Any

import click

from liuhen.exits import run
from verify.entries import format_time

# The database and all that it needs are loaded when a command runs, not when help is asked for.


@click.group()
def person() -> None:
    """Make the first person, list people, give new one-time passwords."""


@person.command()
@click.option("--account", required=True, help="What he signs in with.")
@click.option("--name", help="What he is called; else the account.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def first(config: Any, account: str, name: str | None, *, as_json: bool) -> None:
    """Make the security administrator, once, on a server without people.

    He makes everybody else at the console.  The password is printed now and never again; it must
    be changed at the first sign-in.
    """
    from console import people  # noqa: PLC0415
    from console.passwords import Passwords, one_time  # noqa: PLC0415
    from console.signin import account_key  # noqa: PLC0415
    from liuhen.core import recording  # noqa: PLC0415

    settings = config.load()

    async def work() -> dict[str, str]:
        secret = one_time()
        async with recording(settings) as (parts, _):
            hashed = await Passwords().hash(secret)
            id_ = await people.first_person(
                parts.ledger,
                account_key(account),
                name or account_key(account),
                hashed,
                now_ms=parts.clock.now_ms(),
            )
        return {"person": id_, "account": account_key(account), "password": secret}

    _tell(run(work()), as_json=as_json)


@person.command()
@click.option("--account", required=True, help="Whose password.")
@click.option("--reason", required=True, help="Recorded with it.")
@click.option("--second-factor", is_flag=True, help="Take his second factor away, too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def reset(config: Any, account: str, reason: str, *, second_factor: bool, as_json: bool) -> None:
    """Give a person a new one-time password; his lock, his sessions and his own tokens end."""
    from console import credentials, people  # noqa: PLC0415
    from console.passwords import Passwords, one_time  # noqa: PLC0415
    from console.signin import account_key  # noqa: PLC0415
    from liuhen.core import recording  # noqa: PLC0415

    settings = config.load()

    async def work() -> dict[str, str]:
        secret = one_time()
        async with recording(settings) as (parts, _):
            async with parts.database.read() as conn:
                found = await people.by_account(conn, account_key(account))
            ledger, id_, now_ms = parts.ledger, found.person.id, parts.clock.now_ms()
            hashed = await Passwords().hash(secret)
            await credentials.reset_password(
                ledger, id_, hashed, by="sys", reason=reason, now_ms=now_ms
            )
            if second_factor and found.totp:
                await credentials.reset_totp(ledger, id_, by="sys", reason=reason, now_ms=now_ms)
        return {"person": id_, "account": found.person.account, "password": secret}

    _tell(run(work()), as_json=as_json)


@person.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(config: Any, *, as_json: bool) -> None:
    """All people, without anything secret."""
    from console import people  # noqa: PLC0415
    from liuhen.core import core  # noqa: PLC0415

    settings = config.load()

    async def work() -> list[dict[str, Any]]:
        async with core(settings) as parts, parts.database.read() as conn:
            found = await people.listed(conn)
        return [
            {
                "person": one.person.id,
                "account": one.person.account,
                "name": one.person.name,
                "roles": sorted(str(role) for role in one.person.roles),
                "organ": one.person.organ,
                "unit": one.person.unit,
                "ended": None if one.person.ended_ms is None else format_time(one.person.ended_ms),
                "second_factor": one.totp,
            }
            for one in found
        ]

    for row in run(work()):
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            ended = f" ended {row['ended']}" if row["ended"] else ""
            click.echo(
                f"{row['person']} {row['account']} {','.join(row['roles']) or '-'} {row['name']}{ended}"
            )


def _tell(made: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    click.echo(f"account   {made['account']}")
    click.echo(f"password  {made['password']}")
    click.echo("Shown only now; to be changed at the first sign-in.")
