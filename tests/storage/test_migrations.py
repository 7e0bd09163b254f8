"""Models and migrations agree, up and down, on both databases."""

import asyncio
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from storage import migrations
from storage.database import Database
from storage.tables import metadata


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_models_and_migrations_agree_up_and_down(database_url: str) -> None:
    database = await Database.open(database_url)
    try:
        await database.migrate()
        assert await database.write(differences) == []
        assert await database.write(tables) == set(metadata.tables)
        await database.migrate()  # nothing to do
        await database.write(lambda c: migrations.downgrade(c, "base"))
        assert await database.write(tables) == set()
        await database.migrate()
        assert await database.write(differences) == []
    finally:
        await database.close()


def test_the_newest_revision_is_named() -> None:
    folder = str(Path(migrations.__file__).parent)
    assert ScriptDirectory(folder).get_current_head() == migrations.newest()


async def test_two_servers_may_migrate_at_once(database_url: str) -> None:
    one, two = await Database.open(database_url), await Database.open(database_url)
    try:
        await asyncio.gather(one.migrate(), two.migrate())
        assert await one.write(differences) == []
    finally:
        await one.close()
        await two.close()


async def test_a_broken_migration_leaves_the_tables_as_they_were(database_url: str) -> None:
    database = await Database.open(database_url)

    def broken(connection: Connection) -> None:
        migrations.upgrade(connection)
        raise RuntimeError("power cut")

    try:
        try:
            await database.write(broken)
        except RuntimeError:
            assert await database.write(tables) == set()
        await database.migrate()
        assert await database.write(differences) == []
    finally:
        await database.close()
