"""The tables' history.  `upgrade` and `downgrade` run on the caller's transaction.

Guarantee: a database is at one revision or another, never between (both databases roll DDL back).
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_LOCK = 0x6C69756865  # one migration at a time on PostgreSQL


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to `revision`; nothing to do is fine."""
    _lock(connection)
    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Take the tables back to `revision` (`base` removes them all, with everything in them)."""
    _lock(connection)
    command.downgrade(_config(connection), revision)
