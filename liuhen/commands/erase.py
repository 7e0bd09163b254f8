"""`liuhen erase`: destroy a personal field's value and record that it was done."""

from typing import Any

import click
from sqlalchemy import Connection, select

from liuhen.core import Core, recording, until_published
from liuhen.exits import run
from storage import acts, tables
from storage.ledger import Draft, random_id
from storage.log.erase import empty_wal, erasure
from verify.errors import MalformedError, NotFoundError


def find_index(conn: Connection, leaf: str) -> int:
    """The index of the entry with this leaf hash; NotFoundError."""
    try:
        wanted = bytes.fromhex(leaf)
    except ValueError as exc:
        raise MalformedError(f"--leaf: expected 64 hex digits, got {leaf!r:.80}") from exc
    found = conn.execute(select(tables.entry.c.index).where(tables.entry.c.leaf == wanted)).scalar()
    if found is None:
        raise NotFoundError(f"entry with leaf {leaf}: expected one, got none")
    return int(found)


@click.command()
@click.option("--index", type=click.IntRange(min=0), help="Index of the entry.")
@click.option("--leaf", help="Or its leaf hash, in hex.")
@click.option("--name", "names", multiple=True, required=True, help="Field; can be repeated.")
@click.option("--ground", required=True, help="Why, for example the decision that orders it.")
@click.option("--approver", required=True, help="Who approved it.")
@click.pass_obj
def erase(
    config: Any,
    *,
    index: int | None,
    leaf: str | None,
    names: tuple[str, ...],
    ground: str,
    approver: str,
) -> None:
    """Erase fields of an entry from database and store.  All proofs stay valid.

    PostgreSQL's WAL and backups keep the value until they expire.
    """
    if (index is None) == (leaf is None):
        raise click.UsageError("expected --index or --leaf, got both or neither")
    settings = config.load()

    def decide(conn: Connection) -> list[Draft]:
        number = index if index is not None else find_index(conn, leaf or "")
        found = acts.load(conn, number, number + 1)
        if not found:
            raise NotFoundError(f"entry {number}: expected one to erase from, got none")
        return [erasure(found[0], names, ground, approver, "sys")]

    async def work() -> tuple[Core, int]:
        async with recording(settings) as (parts, beside):
            (event,) = await parts.ledger.record(random_id(), decide)
            if beside:
                await until_published(parts, event.index)
            else:
                await parts.publisher.publish()
            await empty_wal(parts.database)
            return parts, event.index

    parts, at = run(work())
    click.echo(f"erased: {', '.join(names)}; recorded as entry {at}")
    if parts.database.dialect == "postgresql":
        click.echo("PostgreSQL's WAL and backups keep the value until they expire.", err=True)
