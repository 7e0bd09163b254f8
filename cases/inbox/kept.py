"""Ledgers of devices as a reader found them, for many items; an act reads only what came since.

Guarantee: what is answered is what the database holds when it is asked: rows of custody and of
measured clocks are only ever added, each with the index of its entry.
Not covered: devices, people, user codes and duties: a few rows for an item, read each time.

Of rows at the same time the later said comes last.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from cases.inbox import sql
from cases.links.clock import Measurement
from cases.links.custody import CustodyRow

_CUSTODY = 'SELECT device, what, at_ms, person FROM custody WHERE {} ORDER BY at_ms, "index"'
_OFFSETS = (
    "SELECT device, at_ms, offset_ms, uncertainty_ms FROM device_offset WHERE {} "
    'ORDER BY at_ms, "index"'
)
_BEFORE, _SINCE = 'device IN (?*) AND "index" < ?', '"index" >= ?'  # the second along the key


@dataclass(frozen=True, slots=True)
class Kept:
    """The ledgers of the devices that were asked for so far, as they were at this size of the log."""

    size: int
    custody: dict[str, list[CustodyRow]] = field(default_factory=dict)
    offsets: dict[str, list[Measurement]] = field(default_factory=dict)

    @classmethod
    def now(cls, conn: Connection) -> "Kept":
        """Nothing read yet."""
        return cls(int(sql.rows(conn, "SELECT size FROM head WHERE id = ?", 1)[0][0]))

    def ledgers(
        self, conn: Connection, ids: Collection[str]
    ) -> tuple[list[CustodyRow], Mapping[str, list[Measurement]]]:
        """Both ledgers of these devices."""
        if new := [id_ for id_ in ids if id_ not in self.custody]:
            self.custody.update({id_: [] for id_ in new})
            self.offsets.update({id_: [] for id_ in new})
            for row in custody_rows(sql.rows(conn, _CUSTODY.format(_BEFORE), new, self.size)):
                self.custody[row.device].append(row)
            for device, *rest in sql.rows(conn, _OFFSETS.format(_BEFORE), new, self.size):
                self.offsets[device].append(Measurement(*rest))
        custody = [row for id_ in ids for row in self.custody[id_]]
        since = custody_rows(sql.rows(conn, _CUSTODY.format(_SINCE), self.size))
        custody += [row for row in since if row.device in ids]
        offsets = {id_: list(self.offsets[id_]) for id_ in ids}
        for device, *rest in sql.rows(conn, _OFFSETS.format(_SINCE), self.size):
            if device in offsets:
                offsets[device].append(Measurement(*rest))
        return custody, offsets


def custody_rows(rows: Iterable[Iterable[object]]) -> list[CustodyRow]:
    """Rows of `custody` as the rules take them."""
    return [CustodyRow(*row) for row in rows]  # type: ignore[arg-type]
