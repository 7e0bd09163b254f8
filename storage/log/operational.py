"""What of the operational tables survives a recovery, and what begins anew.

Sessions end; jobs are forgotten (the caller makes them anew); an upload that is closed in the
record is done; one that is open and still receiving loses its offset, so that `ingest` takes it
again from staging.  Secrets stay where their token stands.
"""

from sqlalchemy import Connection, delete, exists, insert, literal, select, update

from storage.tables import copy, item, job, session, token, token_secret, transfer, upload


def start_anew(connection: Connection, now_ms: int) -> None:
    """Bring the operational tables in step with the record that was just put back."""
    connection.execute(delete(session))
    connection.execute(delete(job))
    connection.execute(
        delete(token_secret).where(~exists().where(token.c.id == token_secret.c.token))
    )
    closed = select(upload.c.id).where(upload.c.state != "open")
    running = select(upload.c.id).where(upload.c.state == "open")
    connection.execute(delete(transfer).where(transfer.c.upload.not_in(select(upload.c.id))))
    connection.execute(
        delete(transfer).where(transfer.c.upload.in_(running), transfer.c.state == "receiving")
    )
    connection.execute(
        update(transfer)
        .where(transfer.c.upload.in_(closed))
        .values(state="done", problem=None, touched_ms=now_ms)
    )
    _closed_transfers(connection, now_ms)


def _closed_transfers(connection: Connection, now_ms: int) -> None:
    """A finished row for each closed upload without one: a client that asks again finds it."""
    size = select(item.c.size).where(item.c.upload == upload.c.id).scalar_subquery()
    key = (
        select(copy.c.key)
        .where(copy.c.item == upload.c.item, copy.c.what == "original")
        .order_by(copy.c.index, copy.c.key)
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(upload.c.id, size.label("size"), upload.c.size.label("announced"), key.label("key"))
        .where(upload.c.state != "open", ~exists().where(transfer.c.upload == upload.c.id))
        .order_by(upload.c.opened_index)
    ).all()
    for row in rows:
        length = row.size if row.size is not None else row.announced
        connection.execute(
            insert(transfer).values(
                upload=row.id, state="done", length=length, offset=length or 0, metadata="",
                object_key=row.key or "", expires_ms=now_ms, touched_ms=now_ms, marks="[]",
                problem=literal(None),
            )
        )  # fmt: skip
