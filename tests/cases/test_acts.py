"""Acts and queries of the case on a real ledger: what is recorded is what is listed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cases import acts, case_list, queries, resolve
from cases.inbox.queries import Asked, inbox
from cases.queries import Waiting
from cases.rules import Placed
from cases.trail import trail
from storage.access import Visible
from storage.clock import SystemClock
from storage.database import Database
from storage.ledger import Draft, Ledger
from verify.errors import ConflictError, MalformedError, NotFoundError

ACTOR, SOURCE = "u:" + "5" * 32, "5" * 32
NUMBER = "沪城管罚〔2026〕17号"
ANY, ALL = case_list.Filter(), Visible(everything=True, private=True)


class Room:
    """A ledger on a database of its own, with shortcuts for what happens elsewhere."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self.database, self.ledger = database, ledger
        self._made = 0

    async def record(self, type_: str, chain: str, **fields: object) -> None:
        draft = Draft(type_, chain, f"s:{SOURCE}" if chain[0] == "s" else ACTOR, fields)
        self._made += 1
        await self.ledger.record(f"test:{self._made}", lambda conn: [draft])

    async def seal(self, item: str, *, wish: str | None = None) -> str:
        """An uploaded and sealed recording."""
        upload = item[::-1]
        more = {} if wish is None else {"case_number": wish}
        await self.record("upload.opened", f"s:{SOURCE}", upload=upload, name="a.mp4", **more)
        await self.record(
            "item.sealed", f"s:{SOURCE}", item=item, upload=upload, size=1, sha256="a" * 64,
            chunk=1 << 20, root="b" * 64, mime="video/mp4", name="a.mp4", device_times=[],
            objects=[{"store": "directory", "what": "original", "key": "o/1"}],
            retain_until="2027-01-01T00:00:00.000Z",
        )  # fmt: skip
        return item

    async def inbox(self) -> list[Waiting]:
        """What waits for a case."""
        asked = Asked(ALL, ALL, "Asia/Shanghai", SystemClock().now_ms())
        async with self.database.read() as conn:
            page = await conn.run_sync(lambda c: inbox(c, asked, cursor=None, limit=50))
        return [row.waiting for row in page.rows]

    async def open(self, number: str = NUMBER) -> str:
        return await acts.open_case(
            self.ledger, ACTOR, number=number, kind="penalty", title="占道经营", officers=["张三"]
        )

    async def link(self, case: str, item: str) -> None:
        await acts.link(
            self.ledger, ACTOR, case=case, item=item, stage="investigation", reason="现场"
        )


@pytest.fixture
async def room(migrated_url: str) -> AsyncIterator[Room]:
    database = await Database.open(migrated_url)
    try:
        ledger = Ledger(database, SystemClock())
        await ledger.begin("log.example/cases", "log.example/cases+00000000+AAAA")
        ledger.open()
        room = Room(database, ledger)
        await room.record(
            "source.enrolled", f"s:{SOURCE}", source=SOURCE, name="记录仪7", kind="device"
        )
        yield room
    finally:
        await database.close()


async def test_every_item_is_in_the_inbox_or_in_a_case(room: Room) -> None:
    case, item = await room.open(), await room.seal("1" * 31 + "2")
    (waiting,) = await room.inbox()
    assert (waiting.item.id, waiting.wish) == (item, None)
    assert waiting.item.source_name == "记录仪7"
    await room.link(case, item)
    assert await room.inbox() == []
    async with room.database.read() as conn:
        (linked,) = (await queries.items_of_case(conn, case)).rows
        assert (linked.item.id, linked.stage, linked.reason) == (item, "investigation", "现场")
        assert [c.id for c in await queries.cases_of_item(conn, item)] == [case]
    await acts.unlink(room.ledger, ACTOR, case=case, item=item, reason="wrong case")
    assert [w.item.id for w in await room.inbox()] == [item]
    async with room.database.read() as conn:
        assert (await queries.items_of_case(conn, case)).rows == []
    await room.link(case, item)  # a new link after the old one was taken back
    assert await room.inbox() == []
    async with room.database.read() as conn:
        steps = (await trail(conn, "item", item)).rows
    assert [s.type for s in steps] == ["item.sealed", "item.linked", "item.unlinked", "item.linked"]
    assert steps[2].fields["link"] == steps[1].leaf
    assert "objects" not in steps[0].fields
    assert steps[0].who == "记录仪7"


async def test_of_two_at_once_one_opens_the_case_and_one_links(room: Room) -> None:
    results = await asyncio.gather(*(room.open() for _ in range(5)), return_exceptions=True)
    opened = [r for r in results if isinstance(r, str)]
    assert len(opened) == 1
    assert sum(isinstance(r, ConflictError) for r in results) == 4
    item = await room.seal("1" * 31 + "2")
    linked = await asyncio.gather(
        *(room.link(opened[0], item) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(r, ConflictError) for r in linked) == 4
    async with room.database.read() as conn:
        assert len((await queries.items_of_case(conn, opened[0])).rows) == 1


async def test_the_same_operation_opens_one_case(room: Room) -> None:
    ids = [
        await acts.open_case(
            room.ledger,
            ACTOR,
            number=NUMBER,
            kind="penalty",
            title="t",
            officers=[],
            operation="op-1",
        )
        for _ in range(2)
    ]
    assert ids[0] == ids[1]


async def test_unknown_things_are_named(room: Room) -> None:
    case = await room.open()
    with pytest.raises(NotFoundError, match="item"):
        await room.link(case, "9" * 32)
    with pytest.raises(NotFoundError, match="case"):
        await room.link("9" * 32, await room.seal("1" * 31 + "2"))
    async with room.database.read() as conn:
        for ask in (queries.case, queries.item, queries.upload):
            with pytest.raises(NotFoundError):
                await ask(conn, "9" * 32)
        with pytest.raises(MalformedError, match="cursor"):
            await conn.run_sync(case_list.found, ANY, ALL, cursor="1 OR 1=1", limit=2)
        with pytest.raises(MalformedError, match="limit"):
            await conn.run_sync(case_list.found, ANY, ALL, cursor=None, limit=201)


async def test_pages_show_each_row_once_while_new_ones_come(room: Room) -> None:
    numbers = [f"2026-{n}" for n in range(5)]
    for number in numbers:
        await room.open(number)
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        async with room.database.read() as conn:
            page = await conn.run_sync(case_list.found, ANY, ALL, cursor=cursor, limit=2)
        seen += [c.number for c in page.rows]
        cursor = page.next
        await room.open(f"later {len(seen)}")
    assert seen == numbers[::-1]
    assert cursor is None


async def test_a_trail_is_read_page_by_page(room: Room) -> None:
    case, item = await room.open(), await room.seal("1" * 31 + "2")
    for _ in range(3):
        await room.link(case, item)
        await acts.unlink(room.ledger, ACTOR, case=case, item=item, reason="again")
    types: list[str] = []
    after: str | None = None
    while True:
        async with room.database.read() as conn:
            page = await trail(conn, "case", case, after=after, limit=3)
        types += [s.type for s in page.rows]
        after = page.next
        if after is None:
            break
    assert types == ["case.opened", *["item.linked", "item.unlinked"] * 3]


async def test_a_known_wish_becomes_a_link_exactly_once(room: Room) -> None:
    case, item = await room.open(), await room.seal("1" * 31 + "2", wish=NUMBER)
    event = await resolve.resolve(room.ledger, item)
    assert event is not None
    assert (event.type, event.actor) == ("item.linked", "sys")
    again = await resolve.resolve(room.ledger, item)
    assert again is not None
    assert again.index == event.index
    await acts.unlink(room.ledger, ACTOR, case=case, item=item, reason="not this case")
    await resolve.resolve(room.ledger, item)  # the person's decision stands
    assert [w.item.id for w in await room.inbox()] == [item]


async def test_an_unknown_wish_waits_for_a_person(room: Room) -> None:
    item = await room.seal("1" * 31 + "2", wish=NUMBER)
    assert await resolve.resolve(room.ledger, item) is None
    (waiting,) = await room.inbox()
    assert (waiting.wish, waiting.proposed) == (NUMBER, None)
    case = await room.open()
    (waiting,) = await room.inbox()
    assert (waiting.wish, waiting.proposed) == (NUMBER, case)
    assert await resolve.resolve(room.ledger, item) is None  # nobody links behind his back
    assert await room.database.write(lambda c: resolve.enqueue_missing(c, 1)) == 0


@pytest.mark.parametrize(
    ("device", "case", "linked"),
    [
        ("a", "a", True), ("a", "b", False), ("a", None, False), (None, "a", False),
        (None, None, True),
    ],
)  # fmt: skip
async def test_a_wish_links_by_itself_only_within_one_organ(
    room: Room, device: str | None, case: str | None, *, linked: bool
) -> None:
    for organ in "ab":
        await room.record("organ.set", "sys", organ=organ * 32, name=organ)
    of = {} if device is None else {"organ": device * 32}
    await room.record("device.set", f"s:{SOURCE}", device=SOURCE, carrier="recorder", **of)
    await acts.open_placed(
        room.ledger, ACTOR, number=NUMBER, kind="penalty", title="t", officers=[],
        placed=Placed(organ=None if case is None else case * 32),
    )  # fmt: skip
    item = await room.seal("1" * 31 + "2", wish=NUMBER)
    assert (await resolve.resolve(room.ledger, item) is not None) is linked


async def test_an_attribution_says_of_which_organ_a_recording_is(room: Room) -> None:
    await room.record("organ.set", "sys", organ="a" * 32, name="a")
    placed = Placed(organ="a" * 32)
    await acts.open_placed(
        room.ledger, ACTOR, number=NUMBER, kind="x", title="t", officers=[], placed=placed
    )
    item = await room.seal("1" * 31 + "2", wish=NUMBER)
    attributed = {"kind": "video", "carrier": "recorder", "sound": True, "marks": []}
    await room.record(
        "item.attributed", f"i:{item}", item=item, organ="a" * 32, policy="p", why="sealed",
        **attributed,
    )  # fmt: skip
    assert await resolve.resolve(room.ledger, item) is not None


async def test_a_refused_wish_is_not_granted_afterwards(room: Room) -> None:
    case, item = await room.open(), await room.seal("1" * 31 + "2", wish=NUMBER)
    await room.record("proposal.refused", f"c:{case}", case=case, item=item, reason="不属于本案")
    assert await resolve.resolve(room.ledger, item) is None


async def test_a_case_whose_title_was_erased_can_still_be_changed(room: Room) -> None:
    case = await room.open()
    async with room.database.read() as conn:
        opened = (await trail(conn, "case", case)).rows[0]
    await room.record(
        "field.erased", f"c:{case}", leaf=opened.leaf, index=opened.index, names=["title"],
        ground="retention", approver="u:" + "6" * 32,
    )  # fmt: skip
    changed = await acts.change_case(
        room.ledger, ACTOR, case, changes={"parties": ["某公司"]}, reason="更正"
    )
    assert (changed.fields["title"], changed.fields["parties"]) == ("", ["某公司"])
    with pytest.raises(MalformedError, match="title"):
        await acts.change_case(room.ledger, ACTOR, case, changes={"title": " "}, reason="更正")


async def test_a_wish_whose_job_was_forgotten_is_found_again(room: Room) -> None:
    await room.open()
    item = await room.seal("1" * 31 + "2", wish=NUMBER)
    assert await room.database.write(lambda c: resolve.enqueue_missing(c, 1)) == 1
    await resolve.resolve(room.ledger, item)
    assert await room.database.write(lambda c: resolve.enqueue_missing(c, 1)) == 0


async def test_a_case_opened_for_people_names_them_as_its_officers(room: Room) -> None:
    people = {"1" * 32: "执法人员甲", "2" * 32: "执法人员乙", "3" * 32: "执法人员甲"}
    for id_, name in people.items():
        await room.record(
            "user.changed", "sys", person=id_, account=f"a{id_[0]}", name=name, roles=[], reason="x"
        )
    placed = Placed(people=list(people))
    for number, given, expected in (
        ("1", [], ("执法人员甲", "执法人员乙")),
        ("2", ["丙"], ("丙",)),
    ):
        case, _ = await acts.open_placed(
            room.ledger, ACTOR, number=number, kind="penalty", title="t", officers=given,
            placed=placed,
        )  # fmt: skip
        async with room.database.read() as conn:
            assert (await queries.case(conn, case)).officers == expected
