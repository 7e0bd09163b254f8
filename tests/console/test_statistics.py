"""Statistics of units against counting by hand: every entry of a made-up month, looked at one by one."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession
from sqlalchemy import event, select

from cases import statistics
from storage import tables
from storage.access import Visible
from storage.ledger import Event
from storage.rights import Role
from tests.console.conftest import RETAIN, SOURCE, House
from tests.console.course import begun
from tests.console.staff import Staff, named, settled
from tests.console.test_api import call
from verify.entries import format_time, parse_time

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, DAY = 3_600_000, 86_400_000
WEEK = 7 * DAY  # the shipped policy's term for linking
VERDICTS = ("complete", "partial", "missing", "exempt", "unjudgeable")
TRICK = 'x","state":"unexplained","verdict":"missing'
PLACES = [
    (organ, unit) for organ in ("city", "county", "bureau") for unit in ("one", "one-below", "two")
]


@dataclass
class Item:
    at: int
    index: int
    place: tuple[str, str]
    due: bool
    late: bool
    flagged: bool = False
    links: list[tuple[int, str, bool]] = field(default_factory=list)  # at, case, holds


@dataclass
class Case:
    at: int
    place: tuple[str, str]
    private: bool


@dataclass
class Book:
    """What happened, kept beside the log."""

    house: House
    staff: Staff
    dice: random.Random
    items: dict[str, Item] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    filings: list[tuple[int, str, list[Any], list[Any]]] = field(default_factory=list)
    asked: list[tuple[int, str, str, bool]] = field(default_factory=list)
    leaves: dict[str, str] = field(default_factory=dict)

    def where(self, place: tuple[str, str]) -> dict[str, str]:
        return {"organ": self.staff.organ(place[0]), "unit": self.staff.unit(*place)}

    async def note(self, type_: str, chain: str, **fields: Any) -> Event:
        return await self.house.record(type_, chain, **fields)

    async def open(self) -> None:
        case, place = named(f"case {len(self.cases)}"), self.dice.choice(PLACES)
        private = self.dice.random() < 0.3
        made = await self.note(
            "case.opened", f"c:{case}", case=case, number=f"n{len(self.cases)}", kind="penalty",
            title="t", officers=[], people=[], private=private, viewers=[], **self.where(place),
        )  # fmt: skip
        self.cases[case] = Case(at(made), place, private)

    async def receive(self) -> None:
        n, place = len(self.items), self.dice.choice(PLACES)
        item, upload = named(f"item {n}"), named(f"upload {n}")
        await self.note("upload.opened", f"s:{SOURCE}", upload=upload, name="a")
        made = await self.note(
            "item.sealed", f"s:{SOURCE}", item=item, upload=upload, size=1, sha256=f"{n:064x}",
            chunk=1 << 20, root="0" * 64, mime="video/mp4", name="a", device_times=[],
            retain_until=RETAIN,
            objects=[{"store": "directory", "what": "original", "key": f"o/{item}"}],
        )  # fmt: skip
        due, late = self.dice.random() < 0.7, self.dice.random() < 0.3
        time = format_time(at(made))
        more = {"due": time, "due_basis": "duty"} if due else {}
        await self.note(
            "item.attributed", f"i:{item}", item=item, kind="video", carrier="recorder", sound=True,
            marks=[], policy="p", why="roster", **more, **self.where(place),
        )  # fmt: skip
        if late:
            await self.note("item.late", f"i:{item}", item=item, ended=time, due=time, sealed=time,
                            basis="duty", policy="p")  # fmt: skip
        self.items[item] = Item(at(made), made.index, place, due, late)
        self.leaves[item] = await sealed_leaf(self.house, item)
        if self.dice.random() < 0.15:
            await self.note("item.flagged", f"i:{item}", item=item, private=True, viewers=[],
                            reason="x")  # fmt: skip
            self.items[item].flagged = True

    async def link(self, item: str | None = None) -> None:
        if not (self.items and self.cases):
            return
        surely = item is not None
        item, case = item or self.dice.choice(list(self.items)), self.dice.choice(list(self.cases))
        if any(c == case and holds for _, c, holds in self.items[item].links):
            return
        made = await self.note("item.linked", f"c:{case}", item=item, sealed=self.leaves[item],
                               case=case, reason="x")  # fmt: skip
        holds = surely or self.dice.random() < 0.8
        if not holds:
            leaf = await link_leaf(self.house, made.index)
            await self.note(
                "item.unlinked", f"c:{case}", item=item, case=case, link=leaf, reason="y"
            )
        self.items[item].links.append((at(made), case, holds))

    async def file(self) -> None:
        if not self.cases:
            return
        case = self.dice.choice(list(self.cases))
        verdicts = [
            {
                "must": self.dice.random() < 0.7, "due": self.dice.random() < 0.8,
                "verdict": self.dice.choice(VERDICTS), "rule": TRICK,
                "holes": [{"state": self.dice.choice(["unexplained", "approved"]), "start_ms": 1}
                          for _ in range(self.dice.randrange(3))],
            }
            for _ in range(self.dice.randrange(5))
        ]  # fmt: skip
        defects = [{"mark": "unexplained-hole", "rule": "a/b", "point": ""}] * self.dice.randrange(
            2
        )
        made = await self.note("case.closed", f"c:{case}", case=case, verdicts=verdicts, rules=[],
                               policy="p", defects=defects, last_seq=0)  # fmt: skip
        self.filings.append((at(made), case, verdicts, defects))

    async def ask(self) -> None:
        if not self.cases:
            return
        case, kind = (
            self.dice.choice(list(self.cases)),
            self.dice.choice(["interruption", "exemption"]),
        )
        approval, time = named(f"approval {len(self.asked)}"), "2026-11-20T01:00:00.000Z"
        if kind == "interruption":
            made = await self.note(
                "interruption.explained", f"c:{case}", approval=approval, case=case, rule="a/b",
                occasion="1", start=time, end=time, cause="battery", text="x",
            )  # fmt: skip
        else:
            made = await self.note("exemption.asked", f"c:{case}", approval=approval, case=case,
                                   rule="a/b", ground="secret", text="x", due=time)  # fmt: skip
        withdrawn = self.dice.random() < 0.3
        if withdrawn:
            await self.note(
                "approval.decided", f"c:{case}", approval=approval, decision="withdrawn"
            )
        self.asked.append((at(made), case, kind, withdrawn))

    # --- counting by hand -------------------------------------------------------------------

    def private(self, item: Item) -> bool:
        return item.flagged or any(
            self.cases[case].private for _, case, holds in item.links if holds
        )

    def counted(
        self, now: int, within: Callable[[int], bool], seen: Callable[[tuple[str, str], bool], bool]
    ) -> dict[tuple[str, str], Counter[str]]:
        found: dict[tuple[str, str], Counter[str]] = {}

        def add(place: tuple[str, str], *names: str) -> None:
            found.setdefault(place, Counter()).update(names)

        for item in self.items.values():
            if not (within(item.at) and seen(item.place, self.private(item))):
                continue
            first = min((at_ for at_, _, holds in item.links if holds), default=None)
            add(item.place, "received")
            if item.due or item.late:
                add(item.place, "timed")
            if item.late:
                add(item.place, "late")
            if first is not None:
                add(item.place, "linked")
                if first <= item.at + WEEK:
                    add(item.place, "linked_in_time")
            elif item.at + WEEK < now:
                add(item.place, "link_overdue")
        for case in self.cases.values():
            if within(case.at) and seen(case.place, case.private):
                add(case.place, "opened")
        for at_, id_, verdicts, defects in self.filings:
            case = self.cases[id_]
            if within(at_) and seen(case.place, case.private):
                add(case.place, "filed", *(["defective"] if defects else []))
                for one in verdicts:
                    if one["must"] and one["due"]:
                        add(case.place, one["verdict"])
                        add(
                            case.place,
                            *("holes" for h in one["holes"] if h["state"] == "unexplained"),
                        )
        for at_, id_, kind, withdrawn in self.asked:
            case = self.cases[id_]
            if within(at_) and seen(case.place, case.private) and not withdrawn:
                add(case.place, f"{kind}s")
        return found


def at(made: Event) -> int:
    return parse_time(made.at) if isinstance(made.at, str) else int(made.at)


async def sealed_leaf(house: House, item: str) -> str:
    async with house.database.read() as conn:
        found = await conn.execute(
            select(tables.item.c.sealed_leaf).where(tables.item.c.id == item)
        )
        return str(found.scalar_one())


async def link_leaf(house: House, index: int) -> str:
    k = tables.link.c
    async with house.database.read() as conn:
        return str(
            (await conn.execute(select(k.linked_leaf).where(k.linked_index == index))).scalar_one()
        )


async def lived(house: House, seed: int, steps: int) -> Book:
    """Five weeks in which anything happens, with midnights and ends of terms crossed."""
    book = Book(house, await settled(house), random.Random(seed))
    for _ in range(steps):
        await book.dice.choice([book.open, book.receive, book.receive, book.link, book.link, book.file,
                                book.ask])()  # fmt: skip
        house.clock.shift_ms += book.dice.choice([0, HOUR, 5 * HOUR, DAY])
    for waits in (WEEK - HOUR, WEEK + HOUR):  # on the day on which its time is over, twice
        await book.receive()
        house.clock.shift_ms += waits
        await book.link(list(book.items)[-1])
    return book


def day_of(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(SHANGHAI).date()


SEES: dict[str, tuple[Role, str, Callable[[tuple[str, str]], bool], Callable[[tuple[str, str]], bool]]] = {
    "unit head": (Role.UNIT_HEAD, "city", lambda p: p in (("city", "one"), ("city", "one-below")),
                  lambda p: p in (("city", "one"), ("city", "one-below"))),
    "organ head": (Role.ORGAN_HEAD, "city", lambda p: p[0] == "city", lambda p: p[0] == "city"),
    "archivist": (Role.ARCHIVIST, "city", lambda p: p[0] == "city", lambda _: False),
    "supervisor": (Role.SUPERVISOR, "bureau", lambda _: True, lambda _: False),
}  # fmt: skip


@pytest.fixture
async def book(house: House) -> Book:
    return await lived(house, 5, 220)


async def asked(book: Book, client: ClientSession, query: str = "") -> Any:
    return await call(book.house, client, "GET", f"/api/statistics{query}", 200)


def said(book: Book, rows: Any) -> dict[tuple[str, str], Counter[str]]:
    """The answer's units as the book names them; those of which there is nothing are left out."""
    names = {(book.staff.organ(o), book.staff.unit(o, u)): (o, u) for o, u in PLACES}
    found = {
        names[row["organ"]["id"], row["unit"]["id"]]: Counter(
            {name: n for name, n in row["counts"].items() if n}
        )
        for row in rows
    }
    return {place: counts for place, counts in found.items() if counts}


async def test_every_number_is_what_counting_by_hand_finds(book: Book) -> None:
    now = book.house.clock.now_ms()
    last = day_of(now)
    times = [item.at for item in book.items.values()] + [case.at for case in book.cases.values()]
    first = day_of(min(times))
    middle = first + (last - first) / 2
    everything = sum(book.counted(now, lambda _: True, lambda *_: True).values(), Counter())
    assert set(everything) == set(statistics.NAMES)  # else nothing is compared below
    waits = [a - i.at for i in book.items.values() for a, _, holds in i.links if holds]
    assert any(WEEK - DAY < wait <= WEEK for wait in waits)
    assert any(WEEK < wait < WEEK + DAY for wait in waits)
    for who, (role, organ, near, heads) in SEES.items():
        client = await book.staff.signed_in(role, organ, "one")
        for begin, end in ((first, last), (middle, last - timedelta(days=3))):
            answer = await asked(book, client, f"?first={begin}&last={end}")
            expected = book.counted(
                now, lambda ms, b=begin, e=end: b <= day_of(ms) <= e,  # type: ignore[misc]
                lambda p, private, n=near, h=heads: n(p) and (not private or h(p)),  # type: ignore[misc]
            )  # fmt: skip
            assert said(book, answer["units"]) == expected, who
            assert {n: c for n, c in answer["total"]["counts"].items() if c} == sum(
                expected.values(), Counter()
            )
            for name in statistics.NAMES:
                periods = sum(one["counts"][name] for one in answer["periods"])
                assert periods == answer["total"]["counts"][name]


@pytest.mark.parametrize("by", ["day", "week", "month"])
async def test_periods_are_days_weeks_from_monday_and_months_of_the_servers_zone(
    book: Book, by: str
) -> None:
    client = await book.staff.signed_in(Role.SUPERVISOR, "bureau", "one")
    now = book.house.clock.now_ms()
    last = day_of(now)
    first = last - timedelta(days=45)
    answer = await asked(book, client, f"?first={first}&last={last}&by={by}")
    ends = [(parse_time(p["start"]), parse_time(p["end"])) for p in answer["periods"]]
    assert day_of(ends[0][0]) == first
    assert day_of(ends[-1][1] - 1) == last
    assert all(a[1] == b[0] for a, b in pairwise(ends))
    for start, _ in ends[1:]:
        local = datetime.fromtimestamp(start / 1000, UTC).astimezone(SHANGHAI)
        assert (local.hour, local.minute) == (0, 0)
        assert by == "day" or (local.weekday() == 0 if by == "week" else local.day == 1)
    for (start, end), period in zip(ends, answer["periods"], strict=True):
        expected = book.counted(
            now, lambda ms, a=start, b=end: a <= ms < b,  # type: ignore[misc]
            lambda _, private: not private,
        )  # fmt: skip
        counts = {n: c for n, c in period["counts"].items() if c}
        assert counts == sum(expected.values(), Counter())


async def test_a_unit_is_counted_with_those_below_it_and_no_further_than_one_may(
    book: Book,
) -> None:
    client = await book.staff.signed_in(Role.ORGAN_HEAD, "city", "one")
    one = await asked(book, client, f"?unit={book.staff.unit('city', 'one')}")
    assert set(said(book, one["units"])) == {("city", "one"), ("city", "one-below")}
    other = await asked(book, client, f"?unit={book.staff.unit('county', 'one')}")
    assert not any(other["total"]["counts"].values())
    assert other["units"] == []


async def test_who_answers_for_no_unit_gets_no_numbers(book: Book) -> None:
    for role in (Role.OFFICER, Role.STATION_KEEPER, Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN):
        client = await book.staff.signed_in(role, "city", "one", name=f"refused {role}")
        await call(book.house, client, "GET", "/api/statistics", 403)


async def test_spans_that_cannot_be_are_refused(small: House) -> None:
    client = await (await settled(small)).signed_in(Role.SUPERVISOR, "bureau", "one")
    for query in (
        "first=2026-11-02&last=2026-11-01", "first=2025-01-01&last=2026-11-01",
        "first=2026-01-01&last=2026-11-01&by=day", "by=year", "first=yesterday", "first=0001-01-01",
        "first=9999-12-30&last=9999-12-31", "unit=x",
    ):  # fmt: skip
        await call(small, client, "GET", f"/api/statistics?{query}", 400)


async def test_a_year_takes_no_more_statements_than_its_entries_take_halvings(book: Book) -> None:
    seen: list[str] = []

    def count(*args: Any) -> None:
        seen.append(args[2])

    async with book.house.database.read() as conn:
        target = conn.sync_connection
        event.listen(target, "before_cursor_execute", count)
        last = day_of(book.house.clock.now_ms())
        wanted = statistics.Asked(
            last - timedelta(days=370), last, "week", "Asia/Shanghai", book.house.clock.now_ms()
        )
        await conn.run_sync(
            lambda c: statistics.found(c, wanted, Visible(everything=True, private=True))
        )
        event.remove(target, "before_cursor_execute", count)
    assert 6 < len(seen) < 25, seen


async def test_what_is_missing_is_what_the_coverage_of_open_cases_says(small: House) -> None:
    staff = await settled(small)
    officer = await staff.person()
    client = await small.client()
    place: dict[str, Any] = {"people": [officer], "organ": staff.organ(), "unit": staff.unit()}
    course = await begun(small, client, **place)
    assert (await call(small, client, "GET", "/api/missing", 200))["cases"] == []
    await course.to_the_end(upto="inform")
    expected = [
        rule for rule, one in (await course.coverage()).items()
        if one["must"] and one["due"] and one["verdict"] in ("partial", "missing")
    ]  # fmt: skip
    assert expected
    today = day_of(small.clock.now_ms())
    span = f"?first={today - timedelta(days=1)}&last={today}"
    for who, query, seen in (
        (await staff.browser(officer), "?person=me", True),
        (await staff.signed_in(Role.UNIT_HEAD), span, True),
        (await staff.signed_in(Role.SUPERVISOR, "bureau"), "", True),
        (
            await staff.signed_in(Role.SUPERVISOR, "bureau"),
            f"?last={today - timedelta(days=2)}",
            False,
        ),
        (await staff.signed_in(Role.OFFICER, name="another"), "", False),
        (await staff.signed_in(Role.UNIT_HEAD, "county"), "", False),
        (await staff.signed_in(Role.UNIT_HEAD, "county"), f"?unit={staff.unit()}", False),
    ):
        answer = await call(small, who, "GET", f"/api/missing{query}", 200)
        told = [v["rule"] for one in answer["cases"] for v in one["verdicts"]]
        assert told == (expected if seen else []), query
    await call(small, await staff.signed_in(Role.SYSTEM_ADMIN), "GET", "/api/missing", 403)


def test_a_rate_over_nothing_is_nothing() -> None:
    assert set(statistics.Counts().rates().values()) == {None}
    some = statistics.Counts(
        received=3, timed=2, late=1, linked=2, linked_in_time=1, link_overdue=1, complete=1, partial=1,
        missing=1, unjudgeable=1, exempt=4,
    )  # fmt: skip
    assert some.rates() == {
        "on_time": 0.5, "linked": 0.6667, "linked_in_time": 0.3333, "coverage": 0.25, "exempt": 0.5,
    }  # fmt: skip


def test_the_page_of_definitions_names_every_number() -> None:
    from pathlib import Path  # noqa: PLC0415

    page = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text("utf-8")
    for name in (*statistics.NAMES, *statistics.NOTHING.rates()):
        assert f"`{name}`" in page, name


def test_texts_cannot_look_like_holes() -> None:
    assert json.dumps(TRICK).count(statistics._UNEXPLAINED) == 0
