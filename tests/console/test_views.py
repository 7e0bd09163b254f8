"""Views: recorded before the first byte, two entries whatever the seeking, exact ranges after."""

import asyncio
import hashlib
import json
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from console import ranges, sending
from console import views as views_module
from console.errors import RangeError
from console.tokens import revoke_token
from console.views import Served, View, close
from storage import tables
from storage.access import Right
from tests.console.conftest import House
from verify.errors import ConflictError

BODY = bytes(range(256)) * 4096  # 1 MiB
PURPOSE = {"purpose": "法制审核", "what": "playable"}


async def granted(client: ClientSession, item: str, what: str = "playable") -> dict[str, Any]:
    async with client.post(f"/api/items/{item}/views", json={**PURPOSE, "what": what}) as answer:
        assert answer.status == 201, await answer.text()
        return dict(await answer.json())


async def test_the_grant_is_recorded_before_the_first_byte_and_lasts_fifteen_minutes(
    house: House,
) -> None:
    item, client = await house.item(BODY), await house.client()
    view = await granted(client, item)
    entry = (await house.trail(client, item))[-1]
    assert entry["type"] == "view.granted"
    assert entry["fields"]["purpose"] == "法制审核"
    assert entry["fields"]["until"] == view["until"]
    async with house.database.read() as conn:
        row = (await conn.execute(select(tables.view))).one()
    assert row.until_ms - row.granted_ms <= 15 * 60 * 1000


async def test_two_hundred_seeks_leave_two_entries_with_the_ranges_that_were_served(
    house: House,
) -> None:
    item, client = await house.item(BODY), await house.client()
    before = len(await house.trail(client, item))
    view = await granted(client, item)
    asked = [(n * 5000, n * 5000 + 1000 + n) for n in range(200)]
    for start, end in asked:
        async with client.get(view["url"], headers={"Range": f"bytes={start}-{end - 1}"}) as got:
            assert got.status == 206
            assert await got.read() == BODY[start:end]
            assert got.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(BODY)}"
    async with client.post(f"/api/views/{view['view']}/close") as closed:
        assert closed.status == 204
    entries = (await house.trail(client, item))[before:]
    assert [e["type"] for e in entries] == ["view.granted", "view.closed"]
    assert entries[1]["fields"]["served"] == [list(i) for i in ranges.merged(asked)]
    assert "unconfirmed" not in entries[1]["fields"]


async def test_no_byte_goes_out_under_a_view_that_was_closed_meanwhile(
    small: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the view and the note of the range somebody closes it."""
    item, client = await small.item(BODY), await small.client()
    view = await granted(client, item)
    look = small.views.open_one

    async def and_then_closed(asked: View) -> View:
        found = await look(asked)
        await small.views.close(found, actor="sys")
        return found

    monkeypatch.setattr(small.views, "open_one", and_then_closed)
    async with client.get(view["url"]) as got:
        assert (got.status, (await got.json())["code"]) == (410, "view-ended")
    async with small.database.read() as conn:
        assert (await conn.execute(select(tables.view_range))).all() == []


async def test_a_closed_or_expired_view_serves_nothing_and_the_sweep_closes_it(
    small: House,
) -> None:
    item, client = await small.item(BODY), await small.client()
    view = await granted(client, item)
    small.clock.shift_ms = 16 * 60 * 1000
    async with client.get(view["url"]) as got:
        assert got.status == 410
        assert (await got.json())["code"] == "view-ended"
    assert await small.views.sweep() == 1
    assert await small.views.sweep() == 0
    last = (await small.trail(client, item))[-1]
    assert (last["type"], last["actor"]) == ("view.closed", "sys")
    assert last["fields"]["served"] == []


async def test_one_view_that_cannot_be_closed_keeps_neither_the_others_nor_the_sweep(
    small: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, client = await small.item(BODY), await small.client()
    views = sorted([(await granted(client, item))["view"] for _ in range(3)])
    small.clock.shift_ms = 16 * 60 * 1000
    ordinary = small.views.close

    async def refuses_one(view: View, *, actor: str) -> None:
        if view.id == views[0]:
            raise ConflictError("refused")
        await ordinary(view, actor=actor)

    with monkeypatch.context() as patch:
        patch.setattr(small.views, "close", refuses_one)
        assert await small.views.sweep() == 2

    async def fails() -> int:
        looks.append(1)
        raise RuntimeError("not foreseen")

    looks: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(views_module, "SWEEP_S", 0.01)
        patch.setattr(small.views, "sweep", fails)
        sweeping = asyncio.create_task(small.views.run())
        async with asyncio.timeout(5):
            while len(looks) < 3:
                await asyncio.sleep(0.01)
        sweeping.cancel()
    assert await small.views.sweep() == 1


async def test_closing_twice_records_once(small: House) -> None:
    item, client = await small.item(BODY), await small.client()
    view = await granted(client, item)
    for _ in range(2):
        async with client.post(f"/api/views/{view['view']}/close") as closed:
            assert closed.status == 204
    types = [e["type"] for e in await small.trail(client, item)]
    assert types.count("view.closed") == 1


async def test_another_person_gets_neither_bytes_nor_the_right_to_close(small: House) -> None:
    item, client = await small.item(BODY), await small.client()
    view = await granted(client, item)
    other = await small.client(name="other")
    async with other.get(view["url"]) as got:
        assert got.status == 403
        assert BODY[:16] not in await got.read()
    async with other.post(f"/api/views/{view['view']}/close") as got:
        assert got.status == 403


async def test_what_a_kill_left_open_is_unconfirmed(small: House) -> None:
    """A row that says «requested to 9000, served to 4000» without its final word."""
    item, client = await small.item(BODY), await small.client()
    view = await granted(client, item)
    row = {
        "id": "a" * 32, "view": view["view"], "start": 1000, "requested_end": 9000,
        "served_end": 4000, "final": False,
    }  # fmt: skip
    await small.database.write(lambda c: c.execute(insert(tables.view_range).values(row)).close())
    small.clock.shift_ms = 16 * 60 * 1000
    await small.views.sweep()
    fields = (await small.trail(client, item))[-1]["fields"]
    assert fields["served"] == [[1000, 4000]]
    assert fields["unconfirmed"] == [[4000, 9000]]


async def test_closing_stops_what_is_being_sent_and_counts_only_what_went_out(
    small: House,
) -> None:
    large = bytes(64 << 20)
    item, client = await small.item(large), await small.client()
    view = await granted(client, item)
    reader, writer = await asyncio.open_connection("127.0.0.1", small.server.port)
    header = client.headers["Authorization"]
    writer.write(
        f"GET {view['url']} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n\r\n".encode()
    )
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(65536)  # and then nothing more, like a paused player
    async with asyncio.timeout(5):
        async with client.post(f"/api/views/{view['view']}/close") as closed:
            assert closed.status == 204
    served = (await small.trail(client, item))[-1]["fields"]["served"]
    assert len(served) == 1
    assert served[0][0] == 0
    assert 0 < served[0][1] < len(large) // 2
    writer.close()


async def test_a_revoked_token_gets_no_more_of_what_is_being_sent(
    small: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the end of its view either: another open view of the same person does not go on."""
    monkeypatch.setattr(sending, "NOTE_S", 0.1)
    large = bytes(64 << 20)
    item, officer = await small.item(large), await small.client()
    token, secret = await small.token(Right.READ)
    client = small.session({"Authorization": f"Bearer {secret}"})
    view = await granted(client, item)
    await granted(client, item)
    async with client.get(view["url"]) as got:
        await got.content.readexactly(1 << 20)  # and then nothing for a while
        await revoke_token(small.ledger, token, "device lost")
        async with asyncio.timeout(5):
            while small.views.streams._running:
                await asyncio.sleep(0.02)
        with pytest.raises(ClientError):
            await got.read()
    async with client.get(view["url"]) as got:
        assert got.status == 401
    small.clock.shift_ms = 16 * 60 * 1000
    assert await small.views.sweep() == 2
    closed = [e["fields"] for e in await small.trail(officer, item) if e["type"] == "view.closed"]
    (served,) = [end for fields in closed for _, end in fields["served"]]
    assert 0 < served < len(large) // 2
    assert not [fields for fields in closed if "unconfirmed" in fields]


async def test_ranges_conditions_and_heads(small: House) -> None:
    item, client = await small.item(BODY), await small.client()
    url = (await granted(client, item))["url"]
    etag = f'"{hashlib.sha256(BODY).hexdigest()}"'

    async def get(**headers: str) -> tuple[int, bytes, Any]:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        async with client.get(url, headers=named) as got:
            return got.status, await got.read(), got.headers

    status, body, headers = await get()
    assert (status, body, headers["ETag"]) == (200, BODY, etag)
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "video/mp4"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert (await get(Range="bytes=-5"))[:2] == (206, BODY[-5:])
    assert (await get(Range="bytes=10-"))[:2] == (206, BODY[10:])
    assert (await get(Range="bytes=0-0"))[:2] == (206, BODY[:1])
    assert (await get(Range="bytes=0-1,5-6"))[:2] == (200, BODY)  # several: all of it
    assert (await get(Range="bytes=2-3", If_Range=etag))[:2] == (206, BODY[2:4])
    assert (await get(Range="bytes=2-3", If_Range='"other"'))[:2] == (200, BODY)
    status, _, headers = await get(Range=f"bytes={len(BODY)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(BODY)}")
    async with client.head(url, headers={"Range": "bytes=0-9"}) as got:
        assert (got.status, got.headers["Content-Length"]) == (200, str(len(BODY)))
    far = "9" * 60
    assert (await get(Range=f"bytes=3-{far}"))[:2] == (206, BODY[3:])
    assert (await get(Range=f"bytes=-{far}"))[:2] == (206, BODY)
    assert (await get(Range="bytes=\u0661-"))[:2] == (200, BODY)  # no digit of a header
    assert (await get(If_None_Match=f'"x", {etag}'))[0] == 304
    assert (await get(If_None_Match='"x"'))[:2] == (200, BODY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("现场.mp4", "filename*=UTF-8''%E7%8E%B0%E5%9C%BA.mp4"),
        ("../../etc/passwd", "filename*=UTF-8''passwd"),
        ("a\u202egpj.html", "filename*=UTF-8''a_gpj.html"),
        ('"; x=\r\n.mp4', "filename*=UTF-8''_%3B%20x%3D__.mp4"),
        ("...", "filename*=UTF-8''recording"),
    ],
)
async def test_originals_are_attachments_with_safe_names(
    small: House, name: str, expected: str
) -> None:
    item = await small.item(
        b"<script>alert(1)</script>", name=name, mime="text/html", verdict="none"
    )
    client = await small.client()
    view = await granted(client, item, "original")
    async with client.get(view["url"]) as got:
        assert got.headers["Content-Type"] == "application/octet-stream"
        assert got.headers["Content-Disposition"].startswith("attachment;")
        assert expected in got.headers["Content-Disposition"]


async def test_what_no_browser_plays_is_refused_as_playable(small: House) -> None:
    item, client = await small.item(BODY, verdict="none"), await small.client()
    async with client.post(f"/api/items/{item}/views", json=PURPOSE) as answer:
        assert answer.status == 409
        assert (await answer.json())["code"] == "not-playable"


async def test_a_playable_copy_is_served_in_place_of_the_original(small: House) -> None:
    item, client = await small.item(BODY, verdict="transcode"), await small.client()
    await small.derive(item, "playable", b"copy", "video/mp4")
    view = await granted(client, item)
    async with client.get(view["url"]) as got:
        assert await got.read() == b"copy"
        assert got.headers["ETag"] == f'"{hashlib.sha256(b"copy").hexdigest()}"'


async def test_looking_needs_the_right_and_a_refusal_is_recorded_once_a_minute(
    house: House,
) -> None:
    item = await house.item(BODY)
    reader, uploader = await house.client(), await house.client(Right.UPLOAD, name="device")
    before = len(await house.trail(reader, item))
    for _ in range(3):
        async with uploader.post(f"/api/items/{item}/views", json=PURPOSE) as answer:
            assert answer.status == 403
            body = await answer.json()
        assert (body["code"], body["title"][:7]) == ("denied", "You hav")
    entries = (await house.trail(reader, item))[before:]
    assert [e["type"] for e in entries] == ["access.denied"]
    assert entries[0]["fields"]["right"] == "read"


async def test_a_stranger_makes_no_entry(small: House) -> None:
    item, client = await small.item(BODY), await small.client()
    before = len(await small.trail(client, item))
    stranger = small.session()
    for path in (f"/api/items/{item}", f"/api/views/{'0' * 32}/media"):
        async with stranger.get(path) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert len(await small.trail(client, item)) == before
    async with client.get("/metrics") as answer:
        assert 'liuhen_strangers_total{shown="none"} 2.0' in await answer.text()


# --- the pure rules -------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))),
)
def test_merging_and_removing_lose_no_byte_and_invent_none(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    def bytes_of(intervals: list[tuple[int, int]]) -> set[int]:
        return {b for start, end in intervals for b in range(start, end)}

    merged = ranges.merged(some)
    assert bytes_of(merged) == bytes_of(some)
    assert all(a[1] < b[0] for a, b in pairwise(merged))
    assert bytes_of(ranges.without(some, others)) == bytes_of(some) - bytes_of(others)


@given(st.text(max_size=20), st.integers(0, 100))
def test_any_range_header_is_answered_inside_the_content_or_refused(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            found = ranges.asked(header, size)
        except RangeError:
            continue
        if found is not None:
            assert 0 <= found[0] < found[1] <= size


def test_a_closed_view_says_only_whole_intervals() -> None:
    view = View("a" * 32, "b" * 32, "u:" + "c" * 32, "playable", 0, closed=False)
    draft = close(
        view,
        [
            Served(0, 10, 10, final=True),
            Served(5, 20, 12, final=False),
            Served(30, 30, 30, final=True),
        ],
        actor="sys",
    )
    assert json.loads(json.dumps(draft.fields["served"])) == [[0, 12]]
    assert draft.fields["unconfirmed"] == [[12, 20]]


async def test_a_renewed_grant_takes_over_what_is_being_sent_without_a_break(small: House) -> None:
    """The player keeps its address; every byte counts for the view under which it went out."""
    large = bytes(range(256)) * (1 << 17)  # 32 MiB
    item, client = await small.item(large), await small.client()
    first = await granted(client, item)
    async with client.get(first["url"]) as got:
        begun = await got.content.readexactly(1 << 20)
        second = await granted(client, item)
        async with asyncio.timeout(5), client.post(f"/api/views/{first['view']}/close") as closed:
            assert closed.status == 204
        assert begun + await got.content.read() == large
    async with client.get(first["url"], headers={"Range": "bytes=0-9"}) as got:
        assert await got.read() == large[:10]  # the old address, under the new view
    async with client.post(f"/api/views/{second['view']}/close"):
        pass
    async with client.get(first["url"]) as got:
        assert got.status == 410
    entries = [e for e in await small.trail(client, item) if e["type"] == "view.closed"]
    one, two = (e["fields"]["served"] for e in entries)
    assert one[0][0] == 0
    assert two == [[0, 10], [one[0][1], len(large)]]


async def test_anothers_view_is_a_refusal_that_is_recorded(small: House) -> None:
    item, client = await small.item(BODY), await small.client()
    view = await granted(client, item)
    other = await small.client(name="other")
    async with other.get(view["url"]) as got:
        assert got.status == 403
    last = (await small.trail(client, item))[-1]
    assert (last["type"], last["fields"]["right"]) == ("access.denied", "view")
