"""The `job` table: every change of a job's state, each one statement in the caller's transaction.

    queued ──claim──> running ──finish──> done
      ^                 │ │ └──refuse──> failed       cancel: queued or running ──> cancelled
      └──put back/again─┘ └── retry: done, failed, cancelled ──> queued

Guarantee: of an attempt nothing is written unless it owns the job: each claim draws a new token,
and `fence` raises LostError for any other.  A key has one row, whatever is enqueued how often.
Not covered: running (`storage.jobs`).  This table has no evidential meaning; it can be made anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, String, bindparam, text

from storage.database import announce
from storage.errors import LostError
from verify import canonical
from verify.errors import ConflictError, NotFoundError

QUEUED, CANCELLED = "job queued", "job cancelled"  # announced to this process after COMMIT


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as one attempt took it."""

    id: str
    key: str
    kind: str
    args: Mapping[str, Any]
    attempt: int
    token: str


def enqueue(
    connection: Connection,
    kind: str,
    args: Mapping[str, Any],
    *,
    key: str,
    lane: str,
    id_: str,
    priority: int = 0,
    delay_s: float = 0,
    now_ms: int,
) -> None:
    """Let `kind` run with `args`, in the transaction that makes it needed.

    A key that is there already gets no second row, also when it is finished; if it is still
    queued, a higher priority lifts it (somebody waits now).
    """
    _run(
        connection,
        """
        INSERT INTO job (id, kind, lane, key, args, priority, state, attempt, cancel,
                         run_at_ms, updated_ms, created_ms)
        VALUES (:id, :kind, :lane, :key, :args, :priority, 'queued', 0, :cancel,
                :run_at, :now, :now)
        ON CONFLICT (key) DO UPDATE SET priority = excluded.priority
        WHERE job.state = 'queued' AND job.priority < excluded.priority
        """,
        id=id_,
        kind=kind,
        lane=lane,
        key=key,
        args=canonical.encode(dict(args)).decode(),
        priority=priority,
        cancel=False,
        run_at=now_ms + int(delay_s * 1000),
        now=now_ms,
    )
    announce(connection, QUEUED)


def cancel(connection: Connection, key: str, *, now_ms: int) -> None:
    """A queued job is cancelled at once, a running one asked to stop; a finished one stays."""
    _known(connection, key)
    _run(
        connection,
        "UPDATE job SET state = 'cancelled', updated_ms = :now WHERE key = :key AND state = 'queued'",
        key=key,
        now=now_ms,
    )
    _run(
        connection,
        "UPDATE job SET cancel = :yes WHERE key = :key AND state = 'running'",
        key=key,
        yes=True,
    )
    announce(connection, CANCELLED)


def retry(connection: Connection, key: str, *, now_ms: int) -> None:
    """Let a finished job run again, counting its attempts from the start."""
    changed = _run(
        connection,
        """
        UPDATE job SET state = 'queued', attempt = 0, cancel = :no, run_at_ms = :now,
                       updated_ms = :now, progress = NULL, error = NULL
        WHERE key = :key AND state IN ('done', 'failed', 'cancelled') RETURNING id
        """,
        key=key,
        no=False,
        now=now_ms,
    )
    if not changed:
        state = _known(connection, key)
        raise ConflictError(f"job {key}: expected a finished one, got {state}")
    announce(connection, QUEUED)


def _known(connection: Connection, key: str) -> str:
    rows = _run(connection, "SELECT state FROM job WHERE key = :key", key=key)
    if not rows:
        raise NotFoundError(f"job {key}: expected a job, got none")
    return str(rows[0][0])


# --- what the runner does -------------------------------------------------------------------


def reset(
    connection: Connection,
    *,
    now_ms: int,
    except_tokens: Sequence[str] = (),
    silent_ms: int | None = None,
) -> None:
    """Queue again what runs without a runner: at the start everything that ran at the death.

    Its attempt stays counted, so a job that kills the process comes to an end.  Later on only
    what has been `silent_ms` without a beat (a COMMIT of the dead process that arrived late).
    """
    _run(
        connection,
        """
        UPDATE job SET state = 'queued', token = NULL, run_at_ms = :now, updated_ms = :now
        WHERE state = 'running' AND token NOT IN :tokens AND updated_ms <= :before
        """,
        now=now_ms,
        tokens=tuple(except_tokens),
        before=2**53 if silent_ms is None else now_ms - silent_ms,
    )


def claim(
    connection: Connection, lane: str, kinds: Sequence[str], *, token: str, now_ms: int
) -> Claim | None:
    """Take the next job that is due in this lane, if there is one."""
    statement = """
        UPDATE job SET state = 'running', token = :token, attempt = attempt + 1, cancel = :no,
                       progress = NULL, updated_ms = :now, started_ms = :now
        WHERE id = (
            SELECT id FROM job
            WHERE state = 'queued' AND lane = :lane AND run_at_ms <= :now AND kind IN :kinds
            ORDER BY priority DESC, run_at_ms, created_ms, id LIMIT 1 /* locking */
        )
        RETURNING id, key, kind, args, attempt
        """
    if connection.dialect.name == "postgresql":
        statement = statement.replace("/* locking */", "FOR UPDATE SKIP LOCKED")
    rows = _run(
        connection, statement, token=token, no=False, now=now_ms, lane=lane, kinds=tuple(kinds)
    )
    if not rows:
        return None
    id_, key, kind, args, attempt = rows[0]
    return Claim(id_, key, kind, json.loads(args), attempt, token)


def fence(connection: Connection, owned: Claim, *, now_ms: int) -> None:
    """Raise LostError unless this attempt still owns the job; nobody takes it before COMMIT."""
    rows = _run(
        connection,
        """
        UPDATE job SET updated_ms = :now WHERE id = :id AND token = :token AND state = 'running'
        RETURNING id
        """,
        id=owned.id,
        token=owned.token,
        now=now_ms,
    )
    if not rows:
        raise LostError(
            f"job {owned.key}: expected to own it in attempt {owned.attempt}, got another owner"
        )


def beat(connection: Connection, tokens: Sequence[str], *, now_ms: int) -> dict[str, bool]:
    """Say that these attempts live; per token still owned, whether it is asked to stop."""
    rows = _run(
        connection,
        """
        UPDATE job SET updated_ms = :now WHERE token IN :tokens AND state = 'running'
        RETURNING token, cancel
        """,
        tokens=tuple(tokens),
        now=now_ms,
    )
    return {token: bool(asked) for token, asked in rows}


def progress(connection: Connection, owned: Claim, fraction: float, *, now_ms: int) -> None:
    """Show how far the attempt is; LostError."""
    fence(connection, owned, now_ms=now_ms)
    _run(connection, "UPDATE job SET progress = :done WHERE id = :id", done=fraction, id=owned.id)


def finish(
    connection: Connection, owned: Claim, state: str, *, error: str | None, now_ms: int
) -> None:
    """The attempt's end: done, failed or cancelled.  Nothing happens if it no longer owns."""
    _run(
        connection,
        """
        UPDATE job SET state = :state, token = NULL, error = :error, updated_ms = :now
        WHERE id = :id AND token = :token
        """,
        state=state,
        error=error,
        now=now_ms,
        id=owned.id,
        token=owned.token,
    )


def put_back(
    connection: Connection,
    owned: Claim,
    *,
    counted: bool,
    error: str | None,
    run_at_ms: int,
    now_ms: int,
) -> None:
    """Queue it again; an attempt that is not `counted` was stopped by us."""
    _run(
        connection,
        """
        UPDATE job SET state = 'queued', token = NULL, attempt = :attempt, error = :error,
                       run_at_ms = :run_at, updated_ms = :now
        WHERE id = :id AND token = :token
        """,
        attempt=owned.attempt if counted else owned.attempt - 1,
        error=error,
        run_at=run_at_ms,
        now=now_ms,
        id=owned.id,
        token=owned.token,
    )


def prune(connection: Connection, *, before_ms: int) -> None:
    """Forget what was done or cancelled long ago; failures stay until somebody looks."""
    _run(
        connection,
        "DELETE FROM job WHERE state IN ('done', 'cancelled') AND updated_ms < :before",
        before=before_ms,
    )


def _run(connection: Connection, statement: str, **values: object) -> Sequence[Any]:
    lists: list[BindParameter[Any]] = [  # all of text, which an empty list cannot show
        bindparam(n, expanding=True, type_=String())
        for n, v in values.items()
        if isinstance(v, tuple)
    ]
    result = connection.execute(text(statement).bindparams(*lists), values)
    return result.all() if result.returns_rows else ()
