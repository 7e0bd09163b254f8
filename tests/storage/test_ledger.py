"""The ledger: decide, record, project, in one transaction, on both databases."""

import pytest
from sqlalchemy import func, select

from storage.errors import HaltedError, NotComparedError
from storage.ledger import Draft, Ledger, random_id
from storage.tables import copy, entry, head, item, mention, operation, upload
from tests.storage.samples import (
    ManualClock,
    act,
    database_of,
    dump,
    enrolled,
    opened,
    opened_case,
    opened_upload,
    sealed,
)  # fmt: skip
from verify.entries import check_chain, decode_entry
from verify.errors import ConflictError, EvidenceError, MalformedError
from verify.merkle import leaf_hash, root

SOURCE, UPLOAD, ITEM = "5" * 32, "6" * 32, "7" * 32


async def test_an_act_is_an_entry_with_its_rows(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        await act(ledger, enrolled(SOURCE))
        await act(ledger, opened_upload(SOURCE, UPLOAD, size=3, key="k"))
        event = await act(ledger, sealed(SOURCE, UPLOAD, ITEM))
        async with database_of(ledger).read() as c:
            raws = [
                bytes(r)
                for r in (await c.execute(select(entry.c.bytes).order_by(entry.c.index))).scalars()
            ]
            at = (await c.execute(select(head))).one()
            assert (at.size, bytes(at.root)) == (4, root([leaf_hash(raw) for raw in raws]))
            check_chain(e for e in map(decode_entry, raws) if e.chain == f"s:{SOURCE}")
            row = (await c.execute(select(item))).one()
            assert (row.id, row.sealed_index, row.sealed_leaf) == (ITEM, 3, event.leaf.hex())
            assert (await c.execute(select(upload.c.state, upload.c.item))).one() == (
                "sealed",
                ITEM,
            )
            copies = await c.execute(select(copy.c.what, copy.c.version).order_by(copy.c.what))
            assert [tuple(r) for r in copies] == [("original", None), ("tree", "7")]
            trail = select(mention.c.index).where(
                mention.c.kind == "upload", mention.c.id == UPLOAD
            )
            assert sorted((await c.execute(trail)).scalars()) == [2, 3]


async def test_an_operation_is_recorded_once(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        first = await ledger.record("x" * 300, lambda _: [enrolled(SOURCE)])
        again = await ledger.record("x" * 300, lambda _: pytest.fail("decided twice"))
        assert again == first


async def test_a_refused_act_leaves_nothing(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        await act(ledger, enrolled(SOURCE))
        before = await dump(database_of(ledger))

        def refuse(_: object) -> list[Draft]:
            raise ConflictError("no")

        with pytest.raises(ConflictError):
            await ledger.record("a", refuse)
        with pytest.raises(ConflictError):
            await ledger.record(
                "b", lambda _: [enrolled("8" * 32)], also=lambda *_: refuse(None) and None
            )
        with pytest.raises(MalformedError):
            await ledger.record("c", lambda _: [Draft("item.unknown", "sys", "sys", {})])
        with pytest.raises(MalformedError):
            await ledger.record(
                "d", lambda _: [sealed(SOURCE, UPLOAD, ITEM, objects=[{"store": "x"}])]
            )
        with pytest.raises(ConflictError, match=r"source\.enrolled: the database refuses"):
            await ledger.record("e", lambda _: [enrolled("8" * 32)])  # the name is taken
        assert await dump(database_of(ledger)) == before
        async with database_of(ledger).read() as c:
            assert (await c.execute(select(func.count()).select_from(operation))).scalar() == 2
        await act(ledger, enrolled("8" * 32, "another"))


async def test_closed_until_compared_and_halted_for_good(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        closed = Ledger(database_of(ledger), ManualClock())
        with pytest.raises(NotComparedError):
            await act(closed, enrolled(SOURCE))
        closed.open()
        closed.halt(ConflictError("a fork"))
        closed.open()
        with pytest.raises(HaltedError, match="a fork"):
            await act(closed, enrolled(SOURCE))
        with pytest.raises(ConflictError, match="expected none"):
            await closed.begin("other.example/log", "x")


async def test_record_many_leaves_refused_ones_out(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        await act(ledger, enrolled(SOURCE))
        uploads = [random_id() for _ in range(6)]
        old = await act(ledger, sealed(SOURCE, uploads[0], random_id()), operation="seal:0")

        def decide(_: object) -> list[Draft | EvidenceError]:
            made: list[Draft | EvidenceError] = [sealed(SOURCE, u, random_id()) for u in uploads]
            made[2] = ConflictError("gone")
            made[3] = sealed(SOURCE, uploads[3], "not an id")
            return made

        seen: list[int] = []
        answers = await ledger.record_many(
            [f"seal:{n}" for n in range(6)],
            decide,
            also=lambda _, events: seen.extend(e.index for e in events),
        )
        assert answers[0] == old
        assert isinstance(answers[2], ConflictError)
        assert isinstance(answers[3], MalformedError)
        assert [a.index for a in answers if not isinstance(a, EvidenceError)] == [2, 3, 4, 5]
        assert seen == [3, 4, 5]


@pytest.mark.parametrize("more", [0, 40])  # PostgreSQL takes few rows and many in other ways
async def test_record_many_runs_each_alone_where_the_database_refuses(
    migrated_url: str, more: int
) -> None:
    async with opened(migrated_url) as ledger:
        numbers = ["1", "2", "1", "3", *(str(n) for n in range(10, 10 + more))]
        cases = [random_id() for _ in numbers]
        answers = await ledger.record_many(
            cases, lambda _: [opened_case(c, n) for c, n in zip(cases, numbers, strict=True)]
        )
        assert [n for n, a in enumerate(answers) if isinstance(a, ConflictError)] == [2]
        async with database_of(ledger).read() as c:
            assert (await c.execute(select(head.c.size))).scalar() == 4 + more
