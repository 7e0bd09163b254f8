"""The tables' history.  `upgrade` and `downgrade` run on the caller's transaction.

Guarantee: a database is at one revision or another, never between (both databases roll DDL back).
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect

_LOCK = 0x6C69756865  # one migration at a time on PostgreSQL


def _config(connection: Connection) -> Any:
    config = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to `revision`; nothing to do is fine, and then alembic, which takes most of
    a second to load, is left alone."""
    _lock(connection)
    if revision == "head" and _is_newest(connection):
        return
    import_module("alembic.command").upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Take the tables back to `revision` (`base` removes them all, with everything in them)."""
    _lock(connection)
    import_module("alembic.command").downgrade(_config(connection), revision)


def newest() -> str:
    """The last revision, by the names of the files (a test compares with alembic's answer)."""
    found = (Path(__file__).parent / "versions").glob("[0-9]*_*.py")
    return max(path.name.partition("_")[0] for path in found)


def _is_newest(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    return [tuple(row) for row in found] == [(newest(),)]
