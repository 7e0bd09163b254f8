"""The chunk hashes of a recording: only a list that leads to the stated root is handed out."""

from pathlib import Path

from storage.access import Right
from tests.console.conftest import House
from tests.console.staff import settled
from tests.console.test_api import call
from verify.fingerprint import ChunkTree, check_tree

CONTENT = bytes(range(256)) * 4096 * 2 + b"rest"  # two chunks and a short one


async def test_the_list_is_that_of_the_recording(house: House) -> None:
    item = await house.item(CONTENT, sidecar=True)
    client = await house.client(Right.READ)
    tree = await call(house, client, "GET", f"/api/items/{item}/chunks", 200)
    detail = await call(house, client, "GET", f"/api/items/{item}", 200)
    assert len(tree) == 3 * 32
    check_tree(tree, size=len(CONTENT), root=detail["root"])
    etag = f'"{detail["root"]}"'
    async with client.get(f"/api/items/{item}/chunks", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304


async def test_a_list_of_other_bytes_is_never_handed_out(house: House, tmp_path: Path) -> None:
    item = await house.item(CONTENT, sidecar=True)
    client = await house.client(Right.READ)
    other = ChunkTree()
    other.update(CONTENT[:-1] + b"!")
    (path,) = (tmp_path / "data").rglob(f"{item}.tree")
    path.chmod(0o644)
    path.write_bytes(other.tree())
    refused = await call(house, client, "GET", f"/api/items/{item}/chunks", 404)
    assert refused["code"] == "not-derived"


async def test_without_a_list_or_without_the_item_nothing_is_told(house: House) -> None:
    item = await house.item(CONTENT)
    client = await house.client(Right.READ)
    await call(house, client, "GET", f"/api/items/{item}/chunks", 404)
    await call(house, client, "GET", f"/api/items/{'0' * 32}/chunks", 404)
    blind = await house.client(Right.UPLOAD)
    await call(house, blind, "GET", f"/api/items/{item}/chunks", 403)


async def test_who_may_not_see_the_item_may_not_see_its_chunks(small: House) -> None:
    staff = await settled(small)
    item = await small.item(CONTENT, sidecar=True)
    stranger = await staff.signed_in(organ="county")
    async with stranger.get(f"/api/items/{item}/chunks") as answer:
        assert answer.status in (403, 404)
