"""Erasing a field leaves its value nowhere that we write to, and every proof valid."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.log.erase import erase
from storage.log.heads import Heads, heads_root
from storage.tables import case as case_table
from storage.tables import entry
from tests.storage.log.rig import Fresh, Rig, server, store_at
from tests.storage.samples import opened_case
from verify import canonical, merkle
from verify.errors import ConflictError, MalformedError, NotFoundError, UnavailableError
from verify.receipt import check_receipt

CASE = "c" * 32
NAME = "李四涉嫌无证经营烟花爆竹案"


async def erased(rig: Rig, index: int, *names: str) -> int:
    running = asyncio.create_task(rig.publisher.run())
    try:
        event = await erase(
            rig.database, rig.ledger, rig.publisher, index=index, names=names,
            ground="判决", approver="乙", actor="sys",
        )  # fmt: skip
    finally:
        running.cancel()
    return event.index


def traces(folder: Path, value: str) -> list[str]:
    """The files below `folder` that hold the value, escaped or not."""
    raw = value.encode()
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and raw in path.read_bytes()
    ]


@pytest.mark.parametrize("full", [False, True])
async def test_an_erased_value_is_nowhere_and_proofs_stay(
    tmp_path: Path, fresh: Fresh, full: bool
) -> None:
    stores = [store_at(tmp_path, "one"), store_at(tmp_path, "two")]
    async with fresh(tmp_path, stores) as rig:
        event = await rig.act(opened_case(CASE, "1", title=NAME))
        if full:
            await rig.cases(300)
        await rig.publish()
        receipt = await rig.check(event.index)
        assert {t.rpartition("/")[2] for t in traces(tmp_path, NAME)} >= {"000"}
        by = await erased(rig, event.index, "title")
        assert traces(tmp_path, NAME) == []
        check_receipt(receipt, [rig.signer.key.vkey])
        facts = check_receipt(await rig.receipts.of(event.index), [rig.signer.key.vkey])
        assert facts.withheld == ("title",)
        assert "officers" in facts.disclosed
        assert by == (301 if full else 1) + 1
        async with rig.database.read() as c:
            assert (
                await c.execute(select(case_table.c.title).where(case_table.c.id == CASE))
            ).scalar_one() == ""
            chain = select(entry.c.chain).where(entry.c.index == by)
            assert (await c.execute(chain)).scalar_one() == event.chain
        with pytest.raises(ConflictError, match="title is erased already"):
            await erased(rig, event.index, "title")
        with pytest.raises(MalformedError, match="expected erasable fields"):
            await erased(rig, event.index, "number")
        with pytest.raises(NotFoundError):
            await erased(rig, 999, "title")


async def test_erasing_works_on_both_databases(tmp_path: Path, migrated_url: str) -> None:
    async with server(tmp_path, migrated_url) as rig:
        event = await rig.act(opened_case(CASE, "1", title=NAME))
        await rig.publish()
        await erased(rig, event.index, "title", "officers")
        assert traces(tmp_path / "objects", NAME) == []


async def test_heads_commit_to_the_end_of_every_chain(tmp_path: Path, migrated_url: str) -> None:
    async with server(tmp_path, migrated_url) as rig:
        heads = Heads(
            rig.database, rig.ledger, rig.publisher, rig.clock, every_s=100, every_entries=50
        )
        with pytest.raises(UnavailableError):
            await heads.set()
        assert not await heads.due()
        (event,) = await rig.cases(1)
        await rig.publish()
        await rig.cases(1)  # recorded, not published: not among the heads
        async with rig.database.read() as c:
            begun = bytes(
                (await c.execute(select(entry.c.leaf).where(entry.c.index == 0))).scalar_one()
            )
        leaves = sorted([["sys", 0, begun.hex()], [event.chain, 0, event.leaf.hex()]])
        expected = merkle.root([merkle.leaf_hash(canonical.encode(leaf)) for leaf in leaves])
        set_ = await heads.set()
        assert set_ is not None
        assert set_.fields == {"size": 2, "root": expected.hex()}
        assert heads_root([]) == merkle.EMPTY_ROOT
        assert await heads.set() is None  # the published size is the same
        await rig.publish()
        assert await heads.set() is None  # nothing but itself is new
        await rig.cases(1)
        await rig.publish()
        assert not await heads.due()
        rig.clock.go_on(100_000)
        assert await heads.due()
        assert await heads.set() is not None
        await rig.cases(60)
        await rig.publish()
        assert await heads.due()
