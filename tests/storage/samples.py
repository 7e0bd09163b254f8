"""Clock, ledger and drafts for the tests of the record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select

from storage.database import Database
from storage.ledger import Draft, Ledger, random_id
from storage.tables import PROJECTED, disclosure, entry, head
from verify.schema import TYPES

START_MS = 1_800_000_000_000
ORIGIN = "log.example/evidence"


class ManualClock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now, self.boot, self.id = START_MS, 1_000_000, "boot-1"

    def now_ms(self) -> int:
        return self.now

    def boot_ms(self) -> int:
        return self.boot

    def boot_id(self) -> str:
        return self.id

    def go_on(self, ms: int) -> None:
        """Time passes."""
        self.now += ms
        self.boot += ms


@asynccontextmanager
async def opened(url: str, clock: ManualClock | None = None) -> AsyncIterator[Ledger]:
    """An open ledger over a database with tables; the log is begun if there is none."""
    database = await Database.open(url)
    try:
        ledger = Ledger(database, clock or ManualClock())
        async with database.read() as connection:
            begun = (await connection.execute(select(head.c.id))).first()
        if begun is None:
            await ledger.begin(ORIGIN, "vkey")
        ledger.open()
        yield ledger
    finally:
        await database.close()


def database_of(ledger: Ledger) -> Database:
    return ledger._database


async def act(ledger: Ledger, *drafts: Draft, operation: str | None = None) -> Any:
    """Record these drafts whatever the state is; the first event."""
    return (await ledger.record(operation or random_id(), lambda _: drafts))[0]


def enrolled(source: str, name: str = "camera") -> Draft:
    return Draft(
        "source.enrolled", f"s:{source}", "sys", {"source": source, "name": name, "kind": "device"}
    )


def opened_upload(source: str, upload: str, **more: Any) -> Draft:
    fields = {"upload": upload, "name": "现场.mp4", **more}
    return Draft("upload.opened", f"s:{source}", f"s:{source}", fields)


def sealed(source: str, upload: str, item: str, **more: Any) -> Draft:
    fields = {
        "item": item, "upload": upload, "size": 3, "sha256": "a" * 64, "chunk": 1048576,
        "root": "b" * 64, "mime": "video/mp4", "name": "现场.mp4",
        "device_times": [{"source": "manifest", "time": "2026-11-23T06:00:00"}],
        "objects": [
            {"store": "directory", "what": "original", "key": f"o/{item}"},
            {"store": "directory", "what": "tree", "key": f"o/{item}.tree", "version": "7"},
        ],
        "retain_until": "2036-01-01T00:00:00.000Z",
        **more,
    }  # fmt: skip
    return Draft("item.sealed", f"s:{source}", f"s:{source}", fields)


def opened_case(case: str, number: str, **more: Any) -> Draft:
    fields = {
        "case": case,
        "number": number,
        "kind": "general",
        "title": "占道经营",
        "officers": ["甲"],
        **more,
    }
    return Draft("case.opened", f"c:{case}", "u:" + "1" * 32, fields)


def linked(case: str, item: str, leaf: bytes) -> Draft:
    fields = {"item": item, "sealed": leaf.hex(), "case": case, "reason": "本案", "stage": "scene"}
    return Draft("item.linked", f"c:{case}", "u:" + "1" * 32, fields)


def unlinked(case: str, item: str, leaf: bytes) -> Draft:
    fields = {"item": item, "link": leaf.hex(), "case": case, "reason": "错误"}
    return Draft("item.unlinked", f"c:{case}", "u:" + "1" * 32, fields)


def erased(event: Any, *names: str) -> Draft:
    fields = {
        "leaf": event.leaf.hex(),
        "index": event.index,
        "names": list(names),
        "ground": "判决",
        "approver": "乙",
    }
    return Draft("field.erased", event.chain, "u:" + "2" * 32, fields)


async def dump(database: Database, *, log: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    """Every projected row (and the log's), sorted."""
    tables = (*PROJECTED, entry, disclosure) if log else PROJECTED
    async with database.read() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in await connection.execute(select(table))), key=repr
            )
            for table in tables
        }


def case_drafts(case: str, item: str, secret: str, ids: Any = random_id) -> list[Draft]:
    """One entry of each type of a case's course, every erasable field holding `secret`."""
    chain, time, person = f"c:{case}", "2026-11-23T06:00:00.000Z", "u:" + "1" * 32
    approvals = [ids() for _ in range(3)]
    marks = [ids() for _ in range(2)]
    clip = ids()

    def one(type_: str, on: str = chain, /, **fields: Any) -> Draft:
        return Draft(type_, on, person, fields)

    words: dict[str, Any] = {
        "title": secret, "officers": [secret], "parties": [secret], "place": {"text": secret},
    }  # fmt: skip
    return [
        one(
            "case.changed", case=case, **words, people=["2" * 32], private=True, viewers=[],
            unit="3" * 32, reason=secret,
        ),
        one("case.point", case=case, point="arrived", at=time, source="person", text=secret),
        one(
            "case.stage", case=case, transition="open", stage="filed", how="act", at=time,
            reason=secret,
        ),
        one(
            "document.issued", case=case, document=ids(), kind="notice", stage="filed", at=time,
            title=secret,
        ),
        one(
            "document.added", case=case, document=ids(), kind="notice", at=time, source="person",
            title=secret,
        ),
        one(
            "coverage.judged", case=case, verdicts=[{"rule": "1"}], rules=["a@1"], policy="1",
            why="asked",
        ),
        one(
            "case.closed", case=case, verdicts=[], rules=["a@1"], policy="1", defects=["hole"],
            leader="4" * 32, leader_name="x", last_seq=6, reason=secret,
        ),
        one(
            "interruption.explained", approval=approvals[0], case=case, rule="1", occasion="1",
            start=time, end=time, cause="battery", text=secret,
        ),
        one("exemption.asked", approval=approvals[1], case=case, rule="1", ground="secret",
            text=secret, due=time),
        one("access.asked", f"i:{item}", approval=approvals[2], item=item, purpose=secret,
            until=time),
        one("approval.decided", approval=approvals[0], decision="approved", reason=secret,
            until=time),
        one("proposal.refused", case=case, item=item, reason=secret),
        one("mark.made", case=case, mark=marks[0], start=time, end=time, category="key",
            text=secret, source="person", item=item),
        one("mark.changed", case=case, mark=marks[0], start=time, end=time, category="doubt",
            text=secret, reason=secret),
        one("mark.made", case=case, mark=marks[1], start=time, end=time, category="key",
            text=secret, source="device"),
        one("mark.withdrawn", case=case, mark=marks[1], reason=secret),
        one(
            "item.attributed", f"i:{item}", item=item, person="2" * 32, start=time, end=time,
            kind="video", carrier="body_camera", sound=True, place={"lat_e7": 1, "text": secret},
            marks=["no-custody"], due=time, due_basis="duty", policy="1", why="claimed",
            reason=secret,
        ),
        one("item.late", f"i:{item}", item=item, ended=time, due=time, sealed=time, basis="duty",
            policy="1"),
        one("clip.asked", f"i:{item}", clip=clip, item=item, kind="clip", from_ms=1000, to_ms=2000,
            purpose=secret, case=case),
        one("clip.made", f"i:{item}", clip=clip, item=item, from_ms=0, to_ms=2040, key="d/1",
            sha256="5" * 64, size=9, mime="video/mp4", name="excerpt.mp4", label="EXCERPT",
            tool="ffmpeg", arguments=["-c", "copy"], input="6" * 64),
        one("item.flagged", f"i:{item}", item=item, private=True, viewers=[], reason=secret),
    ]  # fmt: skip


def register_drafts(device: str, secret: str, ids: Any = random_id) -> list[Draft]:
    """One entry of each type of the registers, every erasable field holding `secret`."""
    chain, time, person, policy = f"s:{device}", "2026-11-23T06:00:00.000Z", ids(), ids()
    organ, unit, roster = ids(), ids(), ids()

    def one(type_: str, on: str = "sys", /, **fields: Any) -> Draft:
        return Draft(type_, on, "sys", fields)

    return [
        one("organ.set", organ=organ, name="司法局", code="1"),
        one("unit.set", unit=unit, organ=organ, name="执法一科", ended=False),
        one(
            "user.changed", person=person, account=f"{secret}{person}", name=secret, organ=organ,
            unit=unit, roles=["officer"], certificate=secret, certificate_from=time,
            subject=f"{secret}{person}", reason=secret,
        ),
        one("credential.changed", person=person, what="password-reset", reason=secret),
        one("policy.proposed", approval=policy, version=policy, valid_from=time,
            value={"hole_ms": 2000}, reason="x"),
        one("approval.decided", approval=policy, decision="approved", reason=secret),
        one("rules.set", list=ids(), name=f"清单{policy}", version="1", valid_from=time,
            rows=[{"code": "1"}]),
        one("procedure.set", procedure=policy, version="1", digest="a" * 64, text="x"),
        one("roster.set", roster=roster, organ=organ, name="x",
            shifts=[{"person": person, "start": time, "end": time, "remote": True}]),
        one("roster.set", roster=ids(), name="y",
            shifts=[{"person": person, "start": time, "end": time}]),
        one("roster.withdrawn", roster=roster, reason="x"),
        one("device.set", chain, device=device, serial="1", carrier="body_camera", unit=unit),
        one("device.custody", chain, device=device, what="issued", at=time, person=person,
            check={"battery": 90}, text=secret),
        one("device.user", chain, device=device, code="000001", person=person, valid_from=time),
        one("device.user", code="000002", person=person, valid_from=time, valid_until=time),
        one("device.clock", chain, device=device, at=time, offset_ms=-5, uncertainty_ms=2,
            way="dock"),
    ]  # fmt: skip


def erasable(draft: Draft) -> tuple[str, ...]:
    """The names that an act may erase of an entry of this draft."""
    known = TYPES[draft.type].fields
    return tuple(sorted(name for name in draft.fields if known[name].erasable))
