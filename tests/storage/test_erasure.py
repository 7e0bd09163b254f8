"""`field.erased`: the value is gone from every row, and nothing else is."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage.ledger import Draft, Event, Ledger
from storage.projections import PROJECTORS
from storage.projections.erasures import BLANKS, NOT_PROJECTED
from storage.tables import disclosure, item, mention, upload
from tests.storage.samples import (
    act,
    case_drafts,
    database_of,
    dump,
    enrolled,
    erasable,
    erased,
    linked,
    opened,
    opened_case,
    opened_upload,
    register_drafts,
    sealed,
    unlinked,
)
from verify import canonical
from verify.commitments import check_disclosed
from verify.entries import decode_entry
from verify.errors import ConflictError, MalformedError, NotFoundError
from verify.schema import TYPES

SECRET = "张三的现场录像"
SOURCE, UPLOAD, ITEM, CASE = "5" * 32, "6" * 32, "7" * 32, "8" * 32


def test_every_type_has_a_projector_and_every_erasable_field_a_blank() -> None:
    assert PROJECTORS.keys() == TYPES.keys()
    erasable = {(t.name, n) for t in TYPES.values() for n, f in t.fields.items() if f.erasable}
    assert erasable == BLANKS.keys() | NOT_PROJECTED


async def with_secrets(ledger: Ledger) -> list[tuple[Event, tuple[str, ...]]]:
    """Acts whose every erasable field holds SECRET, with the names of those fields."""
    secret: dict[str, Any] = {
        "name": SECRET,
        "name_raw": SECRET.encode().hex(),
        "manifest": {"a": SECRET},
    }
    secret["device_times"] = [SECRET]
    recording = ("name", "name_raw", "manifest", "device_times")
    person = "u:" + "1" * 32
    await act(ledger, enrolled(SOURCE))
    made = [
        (await act(ledger, opened_upload(SOURCE, UPLOAD, **secret)), recording),
        (await act(ledger, sealed(SOURCE, UPLOAD, ITEM, **secret, reason=SECRET)), (*recording, "reason")),
        (await act(ledger, opened_case(CASE, "1", title=SECRET, officers=[SECRET])), ("title", "officers")),
    ]  # fmt: skip
    link = linked(CASE, ITEM, made[1][0].leaf)
    link = Draft(link.type, link.chain, link.actor, {**link.fields, "reason": SECRET})
    link_event = await act(ledger, link)
    made.append((link_event, ("reason",)))
    unlink = unlinked(CASE, ITEM, link_event.leaf)
    unlink = Draft(unlink.type, unlink.chain, unlink.actor, {**unlink.fields, "reason": SECRET})
    made.append((await act(ledger, unlink), ("reason",)))
    view = {
        "view": "9" * 32,
        "item": ITEM,
        "person": "x",
        "purpose": SECRET,
        "what": "original",
        "until": "2026-11-23T06:00:00.000Z",
    }
    made.append((await act(ledger, Draft("view.granted", f"i:{ITEM}", person, view)), ("purpose",)))
    token = {"token": "a" * 32, "name": SECRET, "rights": ["read"], "actor": person}
    made.append((await act(ledger, Draft("token.issued", "sys", "sys", token)), ("name",)))
    other = "b" * 32
    await act(ledger, opened_upload(SOURCE, other))
    aborted = {"upload": other, "reason": "discarded", "offset": 3, "text": SECRET}
    made.append(
        (
            await act(ledger, Draft("upload.aborted", f"s:{SOURCE}", f"s:{SOURCE}", aborted)),
            ("text",),
        )
    )
    described = opened_case("c" * 32, "2", parties=[SECRET], place={"text": SECRET})
    for draft in [
        described, *case_drafts(CASE, ITEM, SECRET), *register_drafts(SOURCE, SECRET)
    ]:  # fmt: skip
        event = await act(ledger, draft)
        if draft is described:
            made.append((event, ("parties", "place")))
        elif names := erasable(draft):
            made.append((event, names))
    return made


async def test_an_erased_value_is_in_no_row_and_no_file(migrated_url: str, tmp_path: Path) -> None:
    async with opened(migrated_url) as ledger:
        made = await with_secrets(ledger)
        assert {(e.type, n) for e, names in made for n in names} == BLANKS.keys() | NOT_PROJECTED
        for event, names in made:
            await act(ledger, erased(event, *names))
        rows = await dump(database_of(ledger))
        assert SECRET not in repr(rows)
        assert SECRET.encode().hex() not in repr(rows)
        await database_of(ledger).truncate_wal()
        for path in tmp_path.glob("liuhen.db*"):
            assert SECRET.encode() not in path.read_bytes()


async def test_the_rest_stays_and_still_proves(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        made = await with_secrets(ledger)
        event, names = made[1]
        act_ = await act(ledger, erased(event, *names))
        async with database_of(ledger).read() as c:
            row = (await c.execute(select(item))).one()
            assert (row.name, row.name_raw, row.device_times, row.manifest) == (
                "",
                None,
                "[]",
                None,
            )
            assert row.sha256 == "a" * 64
            assert (await c.execute(select(upload.c.name))).scalars().first() == SECRET
            kept = (
                await c.execute(select(disclosure).where(disclosure.c.index == event.index))
            ).one()
            values = check_disclosed(
                decode_entry(event.raw).body,
                canonical.decode(kept.body.encode()),
                canonical.decode(kept.disclosed.encode()),
            )
            assert values.keys() == event.fields.keys() - set(names)
            trail = select(mention.c.index).where(mention.c.kind == "item", mention.c.id == ITEM)
            assert act_.index in set((await c.execute(trail)).scalars())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"names": ["sha256"]}, MalformedError, "expected erasable fields"),
        ({"names": ["name", "nonsense"]}, MalformedError, "got nonsense"),
        ({"names": []}, MalformedError, "one or more"),
        ({"names": ["name", "name"]}, MalformedError, "different names"),
        ({"leaf": "0" * 64}, ConflictError, "expected leaf"),
        ({"index": 999}, NotFoundError, "expected an entry at 999"),
    ],
)
async def test_what_may_not_be_erased_is_refused(
    migrated_url: str, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    async with opened(migrated_url) as ledger:
        event, _ = (await with_secrets(ledger))[1]
        before = await dump(database_of(ledger))
        good = erased(event, "name")
        with pytest.raises(error, match=words):
            await act(ledger, Draft(good.type, good.chain, good.actor, {**good.fields, **change}))
        assert await dump(database_of(ledger)) == before


async def test_absent_or_erased_fields_cannot_be_erased(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        await act(ledger, enrolled(SOURCE))
        event = await act(ledger, opened_upload(SOURCE, UPLOAD))
        with pytest.raises(NotFoundError, match="manifest"):
            await act(ledger, erased(event, "manifest"))
        await act(ledger, erased(event, "name"))
        with pytest.raises(ConflictError, match="erased already"):
            await act(ledger, erased(event, "name"))
