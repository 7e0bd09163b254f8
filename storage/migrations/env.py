"""Run by alembic; the connection and its transaction belong to the caller."""

from alembic import context

from storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the caller commits or rolls back
)
context.run_migrations()
