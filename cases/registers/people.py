"""A person, a unit, an organ or a device by what people write of them in sheets.

Guarantee: whoever is found is the only one who can be meant; two of the same name are nobody.
Not covered: spelling mistakes.

A person is known by account, number of the certificate or exact name; a unit and an organ by name
or code; a device by its name, its serial number or its id.
"""

import re
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from cases.links.custody import code_key
from cases.recording.text import squeeze
from cases.registers.rules import MAKER_END
from storage import tables

AMBIGUOUS = "ambiguous"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(slots=True)
class Names:
    """Word -> ids that it may mean, by kind."""

    meant: dict[str, set[str]] = field(default_factory=dict)
    organ_of: dict[str, str] = field(default_factory=dict)

    def add(self, word: str | None, id_: str) -> None:
        if word and (key := squeeze(word)):
            self.meant.setdefault(key, set()).add(id_)

    def find(self, text: str) -> str | None:
        """The id; AMBIGUOUS if it may be several; None if nobody is called that."""
        found = self.meant.get(squeeze(text), set())
        if len(found) > 1:
            return AMBIGUOUS
        return next(iter(found), None)


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody and everything that a sheet may name."""

    people: Names
    devices: Names
    units: Names
    organs: Names


def directory(conn: Connection, *, organ: str | None = None) -> Directory:
    """All that is registered; `organ` keeps to the people and units of one organ, where names of
    several organs' people may be the same."""
    found = Directory(Names(), Names(), Names(), Names())
    _people(conn, found.people, organ)
    d, s, u, o = tables.device.c, tables.source.c, tables.unit.c, tables.organ.c
    for row in conn.execute(
        select(s.id, s.name, d.serial).select_from(
            tables.source.outerjoin(tables.device, d.id == s.id)
        )
    ):
        serial = (row.serial or "").rpartition(MAKER_END)[2]
        for word in (row.id, row.name, row.serial, serial, code_key(serial)):
            found.devices.add(word, row.id)
    units = select(u.id, u.name, u.organ).where(~u.ended)
    for row in conn.execute(units if organ is None else units.where(u.organ == organ)):
        found.units.add(row.id, row.id)
        found.units.add(row.name, row.id)
        found.units.organ_of[row.id] = row.organ
    for row in conn.execute(select(o.id, o.name, o.code)):
        for word in (row.id, row.name, row.code):
            found.organs.add(word, row.id)
    return found


def _people(conn: Connection, names: Names, organ: str | None) -> None:
    """An account or a certificate's number goes before a name that looks the same."""
    p = tables.person.c
    query = select(p.id, p.account, p.name, p.certificate, p.organ)
    rows = conn.execute(query if organ is None else query.where(p.organ == organ)).all()
    for row in rows:
        for word in (row.id, row.account, row.certificate):
            names.add(word, row.id)
    sure = set(names.meant)
    for row in rows:
        if squeeze(row.name) not in sure:
            names.add(row.name, row.id)


def device(names: Names, text: str) -> str | None:
    """A device by what a sheet says of it; numbers may have lost or gained zeros before them."""
    return names.find(text) or names.find(code_key(squeeze(text).upper()))
