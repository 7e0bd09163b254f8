"""Uploads as the tables hold them: rows in, `Upload` values out, and the few operational updates.

Guarantee: only the operational `transfer` table is written here; `upload` and `item` are written
by projectors alone.  Every function takes a synchronous connection, so that the same code reads
under the log's lock, in a plain write, and (through `run_sync`) in a reading connection.
Not covered: whether a change is allowed (`ingest.rules`).
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ingest.rules import DONE, OPEN, RECEIVED, RECEIVING, SEALED, STORED, Load, Upload
from storage import tables
from verify.errors import ConflictError, NotFoundError

_T, _U, _I, _S = tables.transfer.c, tables.upload.c, tables.item.c, tables.source.c
_C = tables.copy.c

_UPLOAD = (
    select(
        _U.id, _U.source, _U.name, _U.name_raw, _U.size, _U.mime, _U.sha256, _U.client_key,
        _U.device_times, _U.manifest, _U.state.label("record"), _U.item, _U.closed_index, _U.reason,
        _T.state, _T.length, _T.offset, _T.metadata, _T.object_key, _T.expires_ms, _T.marks,
        _T.problem, _I.size.label("item_size"),
    )
    .select_from(
        tables.upload.outerjoin(tables.transfer, _T.upload == _U.id)
        .outerjoin(tables.item, _I.id == _U.item)
    )
)  # fmt: skip


def find(connection: Connection, upload: str) -> Upload:
    """The upload; NotFoundError if there is none."""
    row = connection.execute(_UPLOAD.where(_U.id == upload)).one_or_none()
    if row is None:
        raise NotFoundError(f"upload: expected a known one, got {upload!r:.60}")
    return _upload(row)


def find_by_key(connection: Connection, source: str, key: str) -> Upload | None:
    """The upload that this source opened under this client key."""
    row = connection.execute(_UPLOAD.where(_U.source == source, _U.client_key == key)).one_or_none()
    return None if row is None else _upload(row)


def find_sealed(connection: Connection, source: str, sha256: str, size: int) -> Upload | None:
    """The upload whose item holds these bytes of this source, if one is sealed without a mark."""
    # From the item to its upload, never the other way: a planner without statistics would walk all
    # uploads that were ever sealed, and this runs under the log's lock.
    first = (
        select(_I.upload)
        .where(_I.source == source, _I.sha256 == sha256, _I.size == size, _I.marks == "[]")
        .order_by(_I.sealed_index)
        .limit(1)
        .scalar_subquery()
    )
    row = connection.execute(_UPLOAD.where(_U.id == first, _U.state == SEALED)).one_or_none()
    return None if row is None else _upload(row)


def sealed_index(connection: Connection, item: str) -> int | None:
    """The index of the entry that sealed this item."""
    return connection.execute(select(_I.sealed_index).where(_I.id == item)).scalar_one_or_none()


def find_twin(connection: Connection, source: str, root: str, size: int) -> tuple[str, str] | None:
    """(item, sha256) of the same bytes of this source, sealed without a mark."""
    row = connection.execute(
        select(_I.id, _I.sha256)
        .where(_I.source == source, _I.root == root, _I.size == size, _I.marks == "[]")
        .order_by(_I.sealed_index)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.id, row.sha256)


def in_state(connection: Connection, *states: str) -> list[Upload]:
    """All uploads whose transfer is in one of these states, oldest first."""
    rows = connection.execute(_UPLOAD.where(_T.state.in_(states)).order_by(_U.opened_index))
    return [_upload(row) for row in rows]


def without_transfer(connection: Connection) -> list[str]:
    """Open uploads that have no transfer row (the database was rebuilt or recovered)."""
    rows = connection.execute(
        select(_U.id)
        .select_from(tables.upload.outerjoin(tables.transfer, _T.upload == _U.id))
        .where(_T.upload.is_(None), _U.state == OPEN)
        .order_by(_U.opened_index)
    )
    return [row.id for row in rows]


def find_source(
    connection: Connection, *, id_: str | None, name: str | None
) -> tuple[str, str, bool] | None:
    """(id, name, revoked) of a source, by id where one is given, else by name."""
    where = _S.id == id_ if id_ is not None else _S.name == name
    row = connection.execute(select(_S.id, _S.name, _S.revoked_index).where(where)).one_or_none()
    return None if row is None else (row.id, row.name, row.revoked_index is not None)


def source_name(connection: Connection, source: str) -> str:
    found = find_source(connection, id_=source, name=None)
    return "" if found is None else found[1]


def load(
    connection: Connection, source: str | None, now_ms: int, *, staged: int, free: int
) -> Load:
    """What is under way.  Expired uploads can take no more bytes, so they reserve nothing."""
    running = (_T.state == RECEIVING) & (_T.expires_ms > now_ms)
    joined = tables.transfer.join(tables.upload, _T.upload == _U.id)
    count = select(func.count()).select_from(joined)
    coming = connection.execute(
        select(func.coalesce(func.sum(_T.length - _T.offset), 0)).where(
            running, _T.length.is_not(None)
        )
    ).scalar_one()
    return Load(
        open_of_source=0
        if source is None
        else connection.execute(count.where(running, _U.source == source)).scalar_one(),
        open_in_all=connection.execute(count.where(running)).scalar_one(),
        staged=staged,
        coming=int(coming),
        free=free,
    )


def held_bytes(connection: Connection) -> int:
    """Committed bytes that staging still holds."""
    total = connection.execute(
        select(func.coalesce(func.sum(_T.offset), 0)).where(
            _T.state.in_((RECEIVING, RECEIVED, STORED))
        )
    ).scalar_one()
    return int(total)


def open_transfer(
    connection: Connection,
    upload: str,
    *,
    length: int | None,
    metadata: str,
    object_key: str,
    expires_ms: int,
    now_ms: int,
    offset: int = 0,
) -> None:
    connection.execute(
        insert(tables.transfer).values(
            upload=upload, state=RECEIVING, length=length, offset=offset, metadata=metadata,
            object_key=object_key, expires_ms=expires_ms, touched_ms=now_ms, marks="[]",
            problem=None,
        )
    )  # fmt: skip


def commit_offset(
    connection: Connection, upload: str, offset: int, *, expires_ms: int, now_ms: int
) -> None:
    """Bytes up to `offset` are durable.  ConflictError once the upload takes no more bytes."""
    done = connection.execute(
        update(tables.transfer)
        .where(_T.upload == upload, _T.state == RECEIVING)
        .values(offset=offset, expires_ms=expires_ms, touched_ms=now_ms, problem=None)
    )
    if done.rowcount != 1:
        raise ConflictError(f"upload {upload}: expected one that is receiving, got another state")


def renew(connection: Connection, upload: str, *, expires_ms: int, now_ms: int) -> None:
    """An expired upload can be resumed again, unless a person has decided about it meanwhile."""
    connection.execute(
        update(tables.transfer)
        .where(_T.upload == upload, _T.state == RECEIVING)
        .values(expires_ms=expires_ms, touched_ms=now_ms)
    )


def set_length(connection: Connection, upload: str, length: int) -> None:
    """A deferred length is now known; set once."""
    connection.execute(
        update(tables.transfer)
        .where(_T.upload == upload, _T.state == RECEIVING, _T.length.is_(None))
        .values(length=length)
    )


def decide_incomplete(connection: Connection, upload: str, decision: Mapping[str, str]) -> None:
    """A person says that the prefix is all there will be; sealed with his reason."""
    connection.execute(
        update(tables.transfer)
        .where(_T.upload == upload)
        .values(marks=json.dumps([decision], ensure_ascii=False, sort_keys=True))
    )


def move(connection: Connection, upload: str, state: str, *, now_ms: int) -> None:
    """The next state; nothing is said about what keeps it any more."""
    connection.execute(
        update(tables.transfer)
        .where(_T.upload == upload, _T.state != DONE)
        .values(state=state, touched_ms=now_ms, problem=None)
    )


def note_problem(connection: Connection, upload: str, problem: str) -> None:
    """What keeps the upload from being sealed, for people."""
    connection.execute(
        update(tables.transfer).where(_T.upload == upload).values(problem=problem[:500])
    )


def note_copies(connection: Connection, upload: str, copies: int) -> None:
    """So many stores hold the bytes and gave them back equal."""
    connection.execute(update(tables.transfer).where(_T.upload == upload).values(copies=copies))


def copies(connection: Connection, upload: Upload) -> int:
    """In how many stores the bytes are: by the item's record, or as far as sealing has come."""
    if upload.item is not None:
        found = select(func.count(_C.store.distinct())).where(
            _C.item == upload.item, _C.what == "original"
        )
    else:
        found = select(_T.copies).where(_T.upload == upload.id)
    return connection.execute(found).scalar() or 0


def rekey(connection: Connection, upload: str, object_key: str) -> None:
    """Another object key, because the old one holds other bytes for ever: nothing is stored yet."""
    connection.execute(
        update(tables.transfer)
        .where(_T.upload == upload)
        .values(object_key=object_key, copies=None)
    )


def _upload(row: Any) -> Upload:
    # A rebuilt database has no transfer rows for uploads that ended: what is recorded tells enough.
    known = row.state is not None
    marks = json.loads(row.marks) if known else []
    if known:
        state, length, offset = row.state, row.length, row.offset
    else:
        state = RECEIVING if row.record == OPEN else DONE
        length = row.size if row.item_size is None else row.item_size
        offset = row.item_size or 0
    return Upload(
        id=row.id, source=row.source, name=row.name, name_raw=row.name_raw,
        announced_size=row.size, mime=row.mime, sha256=row.sha256, client_key=row.client_key,
        device_times=_json(row.device_times), manifest=_json(row.manifest), record=row.record,
        item=row.item, closed_index=row.closed_index, reason=row.reason, state=state,
        length=length, offset=offset, metadata=row.metadata or "", object_key=row.object_key or "",
        expires_ms=row.expires_ms or 0, decision=marks[0] if marks else None, problem=row.problem,
    )  # fmt: skip


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
