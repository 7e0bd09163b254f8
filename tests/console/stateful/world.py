"""The server that a walk walks in: people, recordings with known times, and what the log says."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from console import sessions
from storage import tables
from storage.rights import Role
from tests.console.running import Running
from tests.console.staff import named, settled
from tests.console.stateful.holes import Footage
from verify.entries import format_time

T0 = 1_709_280_000_000  # 2024-03-01: what happened, happened around here
MINUTE = 60_000
THRESHOLD = 2000  # policies/shipped.toml: coverage.hole_ms

FOOTAGE = [
    # kind, carrier, sound, from and to which minute
    ("video", "body_camera", True, 0, 10),
    ("video", "body_camera", True, 10, 20),
    ("video", "body_camera", False, 15, 60),
    ("video", "surveillance", False, 0, 120),
    ("audio", "recorder", True, 0, 30),
    ("photo", "phone", False, 5, 5),
    ("video", "body_camera", True, 20, 40),
    ("audio", "room", True, 30, 240),
]


@dataclass(frozen=True)
class Entry:
    """One entry with what it discloses."""

    index: int
    type: str
    chain: str
    at: str
    fields: dict[str, Any]


@dataclass
class World:
    """Callers by name, recordings by place, and the log."""

    running: Running
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    footage: list[Footage] = field(default_factory=list)
    place: dict[str, str] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)

    def send(self, who: str, method: str, path: str, body: Any = None) -> requests.Response:
        return self.session.request(
            method, f"{self.running.url}{path}", json=body, headers=self.headers[who], timeout=60
        )

    def size(self) -> int:
        return self.running.do(self._size())

    async def _size(self) -> int:
        async with self.running.house.database.read() as conn:
            return int((await conn.execute(select(tables.head.c.size))).scalar_one())

    def since(self, index: int) -> list[Entry]:
        """What the log has from this entry on."""
        return self.running.do(self._since(index))

    async def _since(self, index: int) -> list[Entry]:
        e, d = tables.entry.c, tables.disclosure.c
        query = (
            select(e.index, e.type, e.chain, e.bytes, d.disclosed)
            .join(tables.disclosure, d.index == e.index)
            .where(e.index >= index)
            .order_by(e.index)
        )
        async with self.running.house.database.read() as conn:
            return [
                Entry(
                    row.index, row.type, row.chain, json.loads(row.bytes)["at"],
                    {name: value for _, name, value in json.loads(row.disclosed)},
                )
                for row in await conn.execute(query)
            ]  # fmt: skip


# Who walks: role, organ, unit.
WALKERS = {
    "officer": (Role.OFFICER, "city", "one-below"),
    "colleague": (Role.OFFICER, "city", "two"),
    "stranger": (Role.OFFICER, "county", "one"),
    "unit_head": (Role.UNIT_HEAD, "city", "one"),
    "other_head": (Role.UNIT_HEAD, "city", "two"),
    "organ_head": (Role.ORGAN_HEAD, "city", None),
    "foreign_head": (Role.ORGAN_HEAD, "county", None),
}


async def furnish(running: Running) -> dict[str, Any]:
    """People and recordings; what a world needs to find them again."""
    house = running.house
    staff = await settled(house)
    people = {who: await staff.person(*place, name=who) for who, place in WALKERS.items()}
    items = []
    for number, (kind, carrier, sound, start, end) in enumerate(FOOTAGE):
        item = await house.item(name=f"{number}.mp4", publish=False)
        await house.record(
            "item.attributed", f"i:{item}", item=item, organ=staff.organ(),
            unit=staff.unit("city", "one-below"), person=people["officer"],
            start=format_time(T0 + start * MINUTE), end=format_time(T0 + end * MINUTE), kind=kind,
            carrier=carrier, sound=sound, marks=[], policy="shipped-1", why="sealed",
            uncertainty_ms=0,
        )  # fmt: skip
        items.append(item)
    await house.publisher.publish()
    return {"people": people, "items": items, "organ": staff.organ()}


async def opened_sessions(running: Running, people: dict[str, str]) -> dict[str, dict[str, str]]:
    house = running.house
    _, secret = await house.token()
    found = {"program": {"Authorization": f"Bearer {secret}"}}
    for who, person in people.items():
        made = await sessions.begin(
            house.database, None, person=person, now_ms=house.clock.now_ms(),
            lasting=house.parts.settings.lasting,
        )  # fmt: skip
        found[who] = {"Cookie": f"{sessions.COOKIE}={made.value}", "X-CSRF-Token": made.csrf}
    return found


def world_of(running: Running, known: dict[str, Any]) -> World:
    headers = running.do(opened_sessions(running, known["people"]))
    footage = [
        Footage(item, kind, carrier, sound, T0 + start * MINUTE, T0 + end * MINUTE)
        for item, (kind, carrier, sound, start, end) in zip(known["items"], FOOTAGE, strict=True)
    ]
    place = {"organ": known["organ"], "unit": named("unit city one-below")}
    return World(running, headers, known["people"], footage, place)


@dataclass
class Template:
    """A furnished server's folder, to be copied: each walk begins in the same world."""

    folder: Path
    known: dict[str, Any]

    @contextmanager
    def world(self, folder: Path) -> Iterator[World]:
        shutil.copytree(self.folder, folder)
        with Running(f"sqlite:///{folder / 'liuhen.db'}", folder / "data") as running:
            yield world_of(running, self.known)


def template(migrated: Path, folder: Path) -> Template:
    folder.mkdir(parents=True)
    shutil.copy(migrated, folder / "liuhen.db")
    with Running(f"sqlite:///{folder / 'liuhen.db'}", folder / "data") as running:
        known = running.do(furnish(running))
    return Template(folder, known)
