"""Random acts, then the record written again from the log: every projected row is the same."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storage.acts import read_head
from storage.database import Database
from storage.ledger import Draft, Ledger
from storage.replay import Record, Replayed, replay
from storage.tables import disclosure, entry, head
from tests.services import PostgresServer
from tests.storage.samples import (
    ManualClock,
    act,
    case_drafts,
    database_of,
    dump,
    enrolled,
    erased,
    linked,
    opened,
    opened_case,
    opened_upload,
    register_drafts,
    sealed,
    unlinked,
)
from tests.storage.test_erasure import with_secrets
from verify.errors import (
    ChainError,
    CommitmentError,
    ConflictError,
    EvidenceError,
    IncompleteError,
    MalformedError,
)
from verify.schema import TYPES

PERSON = "u:" + "1" * 32
TIME = "2026-11-23T06:00:00.000Z"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


class World:
    """Draws acts that fit what was recorded before; ids are counted."""

    def __init__(self, draw: st.DataObject) -> None:
        self.draw, self.count = draw, 0
        self.sources: list[str] = []
        self.uploads: list[tuple[str, str]] = []
        self.items: list[tuple[str, bytes]] = []
        self.cases: list[str] = []
        self.links: list[tuple[str, str, bytes]] = []
        self.views: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.events: list[Any] = []

    def id(self) -> str:
        self.count += 1
        return f"{self.count:032x}"

    def text(self) -> str:
        return self.draw.draw(TEXT)

    def maybe(self, **fields: Any) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if self.draw.draw(st.booleans())}

    def one(self, of: Sequence[Any]) -> Any:
        return self.draw.draw(st.sampled_from(of))

    def drafts(self) -> list[Draft]:
        """One act, of one or several entries."""
        kinds = ["enrol", "case", "token"]
        kinds += ["upload", "revoke_source"] * bool(self.sources)
        kinds += ["seal", "abort"] * bool(self.uploads)
        kinds += ["store", "derive", "view", "deny"] * bool(self.items)
        kinds += ["link", "course"] * bool(self.items and self.cases)
        kinds += ["register"] * bool(self.sources)
        kinds += ["unlink"] * bool(self.links) + ["close"] * bool(self.views)
        kinds += ["revoke"] * bool(self.tokens) + ["erase", "erase"] * bool(self.events)
        return list(getattr(self, self.one(kinds))())

    def enrol(self) -> list[Draft]:
        self.sources.append(self.id())
        return [enrolled(self.sources[-1], f"{self.count}")]

    def revoke_source(self) -> list[Draft]:
        source = self.one(self.sources)
        return [
            Draft(
                "source.revoked", f"s:{source}", PERSON, {"source": source, "reason": self.text()}
            )
        ]

    def upload(self) -> list[Draft]:
        pair = (self.one(self.sources), self.id())
        self.uploads.append(pair)
        more = self.maybe(
            name_raw="ff00", size=3, mime="video/mp4", key=f"{self.count}", device_times=[self.text()],
            manifest={"a": self.text()}, case_number=self.text(),
        )  # fmt: skip
        return [opened_upload(*pair, **{**more, "name": self.text()})]

    def seal(self) -> list[Draft]:
        pair = self.uploads.pop(self.draw.draw(st.integers(0, len(self.uploads) - 1)))
        more = self.maybe(
            name_raw="ff00", clock_offset={"ms": -3}, manifest={"a": self.text()},
            marks=["incomplete"], announced={"size": 4},
        )  # fmt: skip
        return [sealed(*pair, self.id(), **{**more, "name": self.text()})]

    def abort(self) -> list[Draft]:
        source, upload = self.uploads.pop()
        fields = {
            "upload": upload,
            "reason": "discarded",
            "offset": 3,
            **self.maybe(text=self.text()),
        }
        return [Draft("upload.aborted", f"s:{source}", PERSON, fields)]

    def store(self) -> list[Draft]:
        item, _ = self.one(self.items)
        fields = {
            "item": item,
            "store": self.one(["directory", "s3"]),
            "what": "original",
            "key": f"o/{item}",
            "why": "repair",
        }
        return [
            Draft(
                "item.stored",
                f"i:{item}",
                "w:" + "2" * 32,
                {**fields, **self.maybe(version=self.text())},
            )
            for _ in range(self.one([1, 2]))
        ]

    def derive(self) -> list[Draft]:
        item, _ = self.one(self.items)
        fields = {
            "item": item, "what": self.one(["poster", "peaks"]), "key": f"d/{self.id()}", "sha256": "c" * 64,
            "size": 5, "mime": "image/jpeg", "tool": "ffmpeg", "arguments": [self.text()], "input": "a" * 64,
        }  # fmt: skip
        return [Draft("item.derived", f"i:{item}", "sys", fields)]

    def case(self) -> list[Draft]:
        self.cases.append(self.id())
        return [
            opened_case(self.cases[-1], f"{self.count}", title=self.text(), officers=[self.text()])
        ]

    def link(self) -> list[Draft]:
        draft = linked(self.one(self.cases), *self.one(self.items))
        return [
            Draft(draft.type, draft.chain, draft.actor, {**draft.fields, "reason": self.text()})
        ]

    def course(self) -> list[Draft]:
        """Some entries of a case's course; what is decided was asked before."""
        case, (item, _) = self.one(self.cases), self.one(self.items)
        return case_drafts(case, item, self.text(), self.id)[: self.one([1, 6, 9, 11, 15])]

    def register(self) -> list[Draft]:
        drafts = register_drafts(self.one(self.sources), self.text(), self.id)
        return drafts[: self.one([3, 6, 10, 11, 16])]

    def unlink(self) -> list[Draft]:
        return [unlinked(*self.links.pop())]

    def view(self) -> list[Draft]:
        item, _ = self.one(self.items)
        self.views.append((self.id(), item))
        fields = {
            "view": self.views[-1][0],
            "item": item,
            "person": PERSON,
            "purpose": self.text(),
            "until": TIME,
            "what": "original",
        }
        return [Draft("view.granted", f"i:{item}", PERSON, fields)]

    def close(self) -> list[Draft]:
        view, item = self.views.pop()
        fields = {
            "view": view,
            "item": item,
            "served": [[0, 9]],
            **self.maybe(unconfirmed=[[9, 12]]),
        }
        return [Draft("view.closed", f"i:{item}", "sys", fields)]

    def deny(self) -> list[Draft]:
        item, _ = self.one(self.items)
        return [
            Draft(
                "access.denied",
                f"i:{item}",
                "sys",
                {"person": PERSON, "right": "read", "item": item},
            )
        ]

    def token(self) -> list[Draft]:
        self.tokens.append(self.id())
        fields = {
            "token": self.tokens[-1],
            "name": self.text(),
            "rights": ["read"],
            "actor": PERSON,
        }
        return [Draft("token.issued", "sys", "sys", fields)]

    def revoke(self) -> list[Draft]:
        return [
            Draft("token.revoked", "sys", PERSON, {"token": self.tokens.pop(), "reason": "lost"})
        ]

    def erase(self) -> list[Draft]:
        event = self.one(self.events)
        names = sorted(n for n in event.fields if TYPES[event.type].fields[n].erasable)
        if not names:
            return []
        return [erased(event, *names[: self.draw.draw(st.integers(1, len(names)))])]

    def recorded(self, events: Sequence[Any]) -> None:
        self.events += events
        for e in events:
            if e.type == "item.sealed":
                self.items.append((e.fields["item"], e.leaf))
            elif e.type == "item.linked":
                self.links.append((e.fields["case"], e.fields["item"], e.leaf))


async def records(database: Database, since: int = 0) -> list[Record]:
    """The log as the store would hold it."""
    statement = select(
        entry.c.index, entry.c.bytes, disclosure.c.body, disclosure.c.disclosed
    ).join(disclosure, disclosure.c.index == entry.c.index)
    async with database.read() as c:
        return [
            Record(row.index, bytes(row.bytes), json.loads(row.body), json.loads(row.disclosed))
            for row in await c.execute(
                statement.where(entry.c.index >= since).order_by(entry.c.index)
            )
        ]


async def brought_back(url: str, kept: Sequence[Record]) -> tuple[dict[str, Any], Replayed]:
    """What an empty database holds after these records."""
    database = await Database.open(url)
    try:
        await database.migrate()
        replayed = await database.write(lambda c: replay(c, kept))
        return await dump(database), replayed
    finally:
        await database.close()


async def same_rows(url: str, urls: Sequence[str], draw: st.DataObject, steps: int) -> None:
    world = World(draw)
    first: list[Record] = []
    async with opened(url) as ledger:
        database = database_of(ledger)
        for _ in range(steps):
            before = world.__dict__.copy()
            drafts = world.drafts()
            try:
                events = await ledger.record(world.id(), lambda _, drafts=drafts: drafts)  # type: ignore[misc]
            except ConflictError:  # an erasure of what is erased already
                world.__dict__.update(before)
                continue
            world.recorded(events)
            first += await records(database, len(first))  # as disclosed before any erasure
        rows, now = await dump(database), await records(database)
        async with database.read() as c:
            size, root = (await c.execute(select(head.c.size, head.c.root))).one()
    for target, kept in zip(urls, (now, first), strict=True):
        again, replayed = await brought_back(target, kept)
        assert again == rows
        assert replayed.unexplained == ()
        assert (replayed.head.size, replayed.head.edge.root()) == (size, bytes(root))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), steps=st.integers(1, 25))
def test_replay_gives_equal_rows(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, steps: int
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    shutil.copy(migrated_file, folder / "a.db")
    for name in ("b.db", "c.db"):
        shutil.copy(migrated_file, folder / name)
    urls = [f"sqlite:///{folder / name}" for name in ("a.db", "b.db", "c.db")]
    try:
        asyncio.run(same_rows(urls[0], urls[1:], data, steps))
    finally:
        shutil.rmtree(folder)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), steps=st.integers(10, 30))
def test_replay_gives_equal_rows_on_the_other_database(
    migrated_postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    steps: int,
) -> None:
    """Recorded on PostgreSQL, replayed on PostgreSQL and on SQLite: the rows are the same."""
    folder = tmp_path_factory.mktemp("replay")
    here, there = (migrated_postgres.fresh("liuhen_migrated") for _ in range(2))
    try:
        asyncio.run(same_rows(here, [there, f"sqlite:///{folder / 'a.db'}"], data, steps))
    finally:
        shutil.rmtree(folder)
        migrated_postgres.drop(here)
        migrated_postgres.drop(there)


async def test_replay_goes_on_from_what_is_there_and_acts_go_on_from_it(
    migrated_url: str, tmp_path: Path
) -> None:
    async with opened(migrated_url) as ledger:
        await with_secrets(ledger)
        kept, rows = await records(database_of(ledger)), await dump(database_of(ledger))
    database = await Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        await database.migrate()
        await database.write(lambda c: replay(c, kept[:4]))
        replayed = await database.write(lambda c: replay(c, kept[4:]))
        assert replayed.head.size == len(kept)
        assert await dump(database) == rows
        assert (await database.write(lambda c: replay(c, []))).head == replayed.head
        again = Ledger(database, ManualClock())
        again.open()
        assert (await act(again, enrolled("c" * 32, "new"))).index == len(kept)
    finally:
        await database.close()


async def test_what_does_not_fit_is_refused_and_leaves_nothing(
    migrated_url: str, tmp_path: Path
) -> None:
    async with opened(migrated_url) as ledger:
        await with_secrets(ledger)
        kept = await records(database_of(ledger))

    def without(record: Record, name: str) -> Record:
        return replace(record, disclosed=[t for t in record.disclosed if t[1] != name])

    salt, name, _ = kept[3].disclosed[-1]
    wrong: list[tuple[list[Record], type[EvidenceError], str]] = [
        ([], IncompleteError, "log.begun"),
        (kept[1:], ChainError, "log.begun at 0"),
        ([*kept[:3], *kept[4:]], ChainError, "expected entry 3, got 4"),
        ([*kept[:2], replace(kept[3], index=2)], ChainError, "expected seq 1"),
        ([*kept[:3], without(kept[3], "sha256")], IncompleteError, "sha256"),
        ([*kept[:3], replace(kept[3], disclosed=[(salt, name, "b" * 32)])], CommitmentError, name),
        (
            [*kept[:3], replace(kept[3], body={**kept[3].body, "name": "0" * 64})],
            CommitmentError,
            "body",
        ),
        ([replace(kept[0], raw=kept[0].raw[:-1] + b" }")], MalformedError, "entry"),
    ]
    database = await Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        await database.migrate()
        for broken, error, words in wrong:
            with pytest.raises(error, match=words):
                await database.write(lambda c, broken=broken: replay(c, broken))  # type: ignore[misc]
            assert await database.write(read_head) is None
        gone = [*kept[:3], without(kept[3], "name"), *kept[4:]]
        replayed = await database.write(lambda c: replay(c, gone))
        assert replayed.unexplained == ((3, "name"),)
    finally:
        await database.close()
