"""Counters for operators, in Prometheus' form.  No label ever holds a name, an id or an address."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables


class Metrics:
    """One registry per application, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "liuhen_requests_total", "Requests answered", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "liuhen_request_seconds", "Time to the end of the answer", ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
            registry=self.registry,
        )  # fmt: skip
        self.strangers = Counter(
            "liuhen_strangers_total", "Requests of nobody known, by what they showed", ["shown"],
            registry=self.registry,
        )  # fmt: skip
        self.denied = Counter(
            "liuhen_denied_total", "Requests of known callers without the right", ["right"],
            registry=self.registry,
        )  # fmt: skip
        self.served = Counter(
            "liuhen_view_bytes_total", "Bytes of recordings served to views",
            registry=self.registry,
        )  # fmt: skip
        self._received = Counter(
            "liuhen_upload_bytes_total", "Bytes received and durable", registry=self.registry
        )
        self._damaged = Counter(
            "liuhen_upload_damaged_total", "Bodies that differ from their checksum",
            registry=self.registry,
        )  # fmt: skip
        self._alarms = Counter(
            "liuhen_upload_damaged_alarms_total",
            "Uploads of which several bodies in a row differ from their checksums",
            registry=self.registry,
        )
        self._interrupted = Gauge(
            "liuhen_uploads_interrupted", "Uploads that expired before they were whole",
            registry=self.registry,
        )  # fmt: skip
        self._lag = Gauge(
            "liuhen_sealing_lag_seconds", "How long the oldest whole upload waits for its seal",
            registry=self.registry,
        )  # fmt: skip
        self._log = Gauge("liuhen_log_entries", "Entries recorded", registry=self.registry)
        self._published = Gauge(
            "liuhen_log_published", "Entries under the newest checkpoint", registry=self.registry
        )
        self._jobs = Gauge("liuhen_jobs", "Jobs", ["kind", "state"], registry=self.registry)
        self._uploads = Gauge("liuhen_transfers", "Transfers", ["state"], registry=self.registry)

    def stranger(self, shown: str) -> None:
        """Somebody unknown asked."""
        self.strangers.labels(shown).inc()

    def received(self, count: int) -> None:
        """Bytes of uploads are durable (`ingest.uploads.Meter`)."""
        self._received.inc(count)

    def damaged(self, *, again: bool) -> None:
        """A body was not what its checksum said."""
        self._damaged.inc()
        if again:
            self._alarms.inc()

    async def text(self, conn: AsyncConnection, now_ms: int) -> bytes:
        """Everything, with the database's own numbers as of now."""
        self._log.set((await conn.execute(select(tables.head.c.size))).scalar() or 0)
        self._published.set((await conn.execute(select(tables.published.c.size))).scalar() or 0)
        j, t = tables.job.c, tables.transfer.c
        jobs = await conn.execute(select(j.kind, j.state, func.count()).group_by(j.kind, j.state))
        _fill(self._jobs, {(kind, state): count for kind, state, count in jobs})
        moving = await conn.execute(select(t.state, func.count()).group_by(t.state))
        _fill(self._uploads, {(state,): count for state, count in moving})
        expired = (t.state == "receiving") & (t.expires_ms <= now_ms)
        interrupted = select(func.count()).select_from(tables.transfer).where(expired)
        self._interrupted.set((await conn.execute(interrupted)).scalar_one())
        waiting = select(func.min(t.touched_ms)).where(t.state.in_(("received", "stored")))
        since = (await conn.execute(waiting)).scalar()
        self._lag.set(0 if since is None else max(0, now_ms - since) / 1000)
        return generate_latest(self.registry)


def _fill(gauge: Gauge, values: Mapping[tuple[str, ...], int]) -> None:
    gauge.clear()
    for labels, count in values.items():
        gauge.labels(*labels).set(count)
