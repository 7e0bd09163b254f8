"""The API against its specification: routes, requests, answers, problems."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web
from openapi_core import Config, OpenAPI
from openapi_core.contrib.aiohttp import AIOHTTPOpenAPIWebResponse
from openapi_core.datatypes import RequestParameters
from sqlalchemy import insert

from console import contract, matrix
from ingest import app as uploads_app
from ingest import log_routes
from storage import tables
from storage.access import Right
from storage.errors import HaltedError
from storage.jobs import enqueue
from tests.console.conftest import House
from verify.notes import VerifierKey
from verify.receipt import check_receipt

SPEC = OpenAPI.from_file_path(
    str(contract.FILE),
    config=Config(extra_media_type_deserializers={"application/problem+json": json.loads}),
)
NUMBER = "沪城管罚〔2026〕17号"


class Seen:
    """A request as the validator wants it."""

    def __init__(self, url: str, method: str, path: str) -> None:
        self.host_url, self.method, self.path = url, method.lower(), path
        self.parameters = RequestParameters()
        self.body: bytes | None = None
        self.content_type = "application/json"


async def call(
    house: House,
    client: ClientSession,
    method: str,
    path: str,
    expected: int,
    body: Any = None,
    **headers: str,
) -> Any:
    """One call whose answer is held against the specification."""
    async with client.request(method, path, json=body, headers=headers) as answer:
        data = await answer.read()
        assert answer.status == expected, (path, answer.status, data[:400])
        shown = web.Response(body=data, status=answer.status, headers=answer.headers)
        SPEC.validate_response(
            Seen(house.url, method, path.split("?", maxsplit=1)[0]),
            AIOHTTPOpenAPIWebResponse(shown),
        )
        if "json" in answer.headers.get("Content-Type", ""):
            return json.loads(data)
        return data


async def test_the_specification_and_the_routes_name_the_same_operations(small: House) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in small.server.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    served = {op for op in served if op[0] != "HEAD"}
    ours = {op for op in served if not op[1].startswith(contract.PUBLIC_FORMATS)}
    assert ours == set(contract.operations())
    assert served <= set(contract.described())


def test_uploads_and_the_log_are_described_as_they_are_served() -> None:
    nothing: Any = None  # the tables need no parts
    served = {
        (route.method, re.sub(r"\{(\w+):.*?\}+", r"{\1}", route.path))
        for route in (*uploads_app.routes(nothing), *log_routes.routes(nothing))
        if isinstance(route, web.RouteDef)
    }
    told = {
        (method, "/log/{tile}" if path.startswith("/log/tile/") else path)
        for method, path in contract.described().keys() - contract.operations().keys()
    }
    tus = {  # told in words: its own specification decides
        (method, path)
        for path in ("/api/uploads", "/api/uploads/", "/api/uploads/{upload}")
        for method in ("OPTIONS", "POST", "HEAD", "GET", "PATCH", "DELETE")
    }
    assert served - tus == told


async def test_every_answer_is_as_the_specification_says(house: House) -> None:
    client = await house.client()
    item, second = await house.item(wish=NUMBER), await house.item(name="二.wav")
    case = (
        await call(
            house, client, "POST", "/api/cases", 201,
            {"number": NUMBER, "kind": "penalty", "title": "占道经营", "officers": ["张三", "李四"]},
        )
    )["id"]  # fmt: skip
    inbox = await call(house, client, "GET", "/api/inbox", 200)
    assert [(i["id"], i["case_wish"], i["case_proposed"]) for i in inbox["items"]] == [
        (second, None, None),
        (item, NUMBER, case),
    ]
    link = {"item": item, "stage": "investigation", "reason": "现场"}
    await call(house, client, "POST", f"/api/cases/{case}/links", 201, link)
    again = await call(house, client, "POST", f"/api/cases/{case}/links", 409, link)
    assert again["code"] == "already-linked"
    shown = await call(house, client, "GET", f"/api/cases/{case}", 200)
    assert [(i["id"], i["stage"]) for i in shown["items"]] == [(item, "investigation")]
    detail = await call(house, client, "GET", f"/api/items/{item}", 200)
    assert detail["state"]["name"] == "playable"
    assert detail["cases"] == [{"id": case, "number": NUMBER, "title": "占道经营"}]
    assert detail["stores"] == ["directory"]
    assert "o/" + item not in json.dumps(detail)
    trail = await call(house, client, "GET", f"/api/cases/{case}/trail", 200)
    assert [e["type"] for e in trail["entries"]] == ["case.opened", "item.linked"]
    assert NUMBER in trail["entries"][1]["words"]
    await call(house, client, "GET", f"/api/items/{item}/trail", 200)
    unlink = f"/api/cases/{case}/links/{item}/unlink"
    await call(house, client, "POST", unlink, 201, {"reason": "看错"})
    gone = await call(house, client, "POST", unlink, 409, {"reason": "看错"})
    assert gone["code"] == "not-linked"
    view = await call(
        house, client, "POST", f"/api/items/{item}/views", 201,
        {"purpose": "p", "what": "original", "case": case},
    )  # fmt: skip
    await call(house, client, "POST", f"/api/views/{view['view']}/close", 204)
    await call(house, client, "POST", f"/api/items/{item}/playable", 202)
    jobs = await call(house, client, "GET", "/api/jobs?state=queued", 200)
    assert [j["key"] for j in jobs["jobs"]] == [f"playable:{item}"]
    await call(house, client, "POST", f"/api/jobs/playable:{item}/retry", 202)
    assert house.retried == [f"playable:{item}"]
    for path in ("poster", "peaks"):
        missing = await call(house, client, "GET", f"/api/items/{item}/{path}", 404)
        assert missing["code"] == "not-derived"
    await house.derive(item, "poster", b"\xff\xd8jpeg", "image/jpeg")
    assert await call(house, client, "GET", f"/api/items/{item}/poster", 200) == b"\xff\xd8jpeg"
    await call(house, client, "GET", "/api/items", 200)
    await call(house, client, "GET", "/api/cases", 200)


async def test_the_receipt_verifies_with_the_logs_key_and_comes_when_it_is_published(
    house: House,
) -> None:
    client = await house.client()
    item = await house.item(publish=False)
    waiting = await call(house, client, "GET", f"/api/items/{item}/receipt", 202)
    assert waiting["state"] == "recorded"
    shown = await call(house, client, "GET", f"/api/items/{item}", 200)
    assert (shown["state"]["name"], shown["state"]["copies"]) == ("stored", 1)
    await house.publisher.publish()
    text = await call(house, client, "GET", f"/api/items/{item}/receipt", 200)
    check_receipt(text.decode(), [VerifierKey.parse(house.parts.vkey)])
    async with client.get(f"/api/items/{item}/receipt") as answer:
        assert ".tlog-proof" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/cases", {}),
        ("POST", "/api/cases", {"number": 1, "kind": "x", "title": "y"}),
        ("POST", "/api/cases", {"number": "1", "kind": "x", "title": "y", "extra": 1}),
        ("POST", "/api/cases", {"number": "1", "kind": "x", "title": "a\u202eb"}),
        ("GET", "/api/items?limit=0", None),
        ("GET", "/api/items?cursor=abc", None),
        ("GET", "/api/items/zz", None),
        ("POST", f"/api/items/{'0' * 32}/views", {"purpose": "", "what": "playable"}),
        ("POST", f"/api/items/{'0' * 32}/views", {"purpose": "x", "what": "everything"}),
    ],
)  # fmt: skip
async def test_what_the_specification_does_not_allow_is_refused(
    small: House, method: str, path: str, body: Any
) -> None:
    client = await small.client()
    answer = await call(small, client, method, path, 400, body)
    assert answer["code"] == "malformed"
    assert answer["detail"]


async def test_a_body_that_is_no_json_is_refused_without_a_trace_of_its_inside(
    small: House,
) -> None:
    client = await small.client()
    headers = {"Content-Type": "application/json"}
    async with client.post("/api/cases", data=b"{secret", headers=headers) as answer:
        assert answer.status == 400
        assert "secret" not in await answer.text()


async def test_unknown_ids_addresses_and_methods_are_problems_in_both_languages(
    small: House,
) -> None:
    client = await small.client()
    nothing = "0" * 32
    for language, word in (("zh-CN", "没有找到。"), ("en", "It was not found.")):
        for path in (
            f"/api/items/{nothing}",
            f"/api/cases/{nothing}",
            f"/api/views/{nothing}/media",
        ):
            async with client.get(path, headers={"Accept-Language": language}) as answer:
                assert answer.status == 404
                assert answer.headers["Content-Type"].startswith("application/problem+json")
                assert (await answer.json())["title"] == word
    async with client.get("/api/nothing") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "no-such-page")
    async with client.delete("/api/items") as answer:
        assert (answer.status, (await answer.json())["code"]) == (405, "method-not-allowed")
        assert "GET" in answer.headers["Allow"]


async def test_each_route_asks_for_its_right(small: House) -> None:
    nobody = await small.client(Right.UPLOAD)
    for method, path in contract.operations():
        row = matrix.shipped().endpoint(method, path)
        assert row is not None, (method, path)
        if (row.rights is not None and Right.UPLOAD in row.rights) or row.permission == "public":
            continue
        address = re.sub(r"\{(\w+)\}", lambda m: "k" if m[1] in ("key", "name") else "0" * 32, path)
        async with nobody.request(method, address) as answer:
            assert answer.status == 403, (method, path)


async def test_etags_spare_what_has_not_changed(small: House) -> None:
    client, item = await small.client(), await small.item()
    async with client.get(f"/api/items/{item}") as answer:
        etag = answer.headers["ETag"]
    headers = {"If-None-Match": etag}
    async with client.get(f"/api/items/{item}", headers=headers) as answer:
        assert answer.status == 304
    await small.derive(item, "playable", b"copy", "video/mp4")
    async with client.get(f"/api/items/{item}", headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"] != etag


async def test_lists_and_trails_are_paged_to_the_end(small: House) -> None:
    client = await small.client()
    made = [await small.item(name=f"{n}.mp4", publish=False) for n in range(5)]
    for n in range(5):
        await small.derive(made[0], "poster", bytes([n]), "image/jpeg")
    for path, member, ordered in (
        ("/api/items", "items", made[::-1]),
        (f"/api/items/{made[0]}/trail", "entries", None),
    ):
        seen, cursor = [], ""
        while True:
            page = await call(small, client, "GET", f"{path}?limit=2{cursor}", 200)
            assert 1 <= len(page[member]) <= 2
            seen += [row.get("id", row.get("index")) for row in page[member]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == (ordered or sorted(set(seen)))
        assert len(seen) >= 5


async def test_an_unexpected_error_shows_a_number_and_nothing_of_its_inside(
    small: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await small.client()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr("cases.queries.items", broken)
    async with client.get("/api/items") as answer:
        body = await answer.json()
    assert (answer.status, body["code"]) == (500, "internal")
    assert body["detail"].startswith("incident ")
    assert "secret" not in json.dumps(body)


async def test_health_readiness_and_numbers(small: House) -> None:
    client, stranger = await small.client(), small.session()
    await small.item()
    await small.database.write(
        lambda c: enqueue(c, "probe", {"item": "x"}, key="probe:x", lane="quick", now_ms=1)
    )
    for path in ("/healthz", "/readyz"):
        async with stranger.get(path) as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    async with stranger.get("/metrics") as answer:
        assert answer.status == 401
    async with client.get("/metrics") as answer:
        text = await answer.text()
    assert 'liuhen_jobs{kind="probe",state="queued"} 1.0' in text
    assert 'liuhen_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text
    small.ledger.halt(HaltedError("stopped"))
    async with stranger.get("/readyz") as answer:
        assert (answer.status, (await answer.json())["parts"]) == (503, ["ledger"])
    async with client.post("/api/cases", json={"number": "1", "kind": "x", "title": "y"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (503, "halted")
        assert answer.headers["Retry-After"] == "5"


async def test_jobs_that_failed_are_listed(small: House) -> None:
    row = {
        "id": "1" * 32, "kind": "poster", "lane": "quick", "key": "poster:x", "args": '{"item":"x"}',
        "priority": 0, "state": "failed", "attempt": 3, "token": None, "cancel": False,
        "run_at_ms": 0, "updated_ms": 5, "progress": None, "error": "no picture", "created_ms": 0,
    }  # fmt: skip
    await small.database.write(lambda c: c.execute(insert(tables.job).values(row)).close())
    client = await small.client(language="zh-CN")
    jobs = (await call(small, client, "GET", "/api/jobs?state=failed", 200))["jobs"]
    assert (jobs[0]["kind_text"], jobs[0]["error"]) == ("制作封面", "no picture")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"number":"\\ud800","kind":"x","title":"t"}', 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b'{"number":' + b"1" * 5000 + b',"kind":"x","title":"t"}', 400, "malformed"),
        (b'{"number":"\xff","kind":"x","title":"t"}', 400, "malformed"),
        (b'"' + b"a" * (contract.MAX_BODY + 1) + b'"', 413, "too-large"),
    ],
)
async def test_hostile_bodies_are_refused_as_problems(
    small: House, body: bytes, status: int, code: str
) -> None:
    client = await small.client()

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    for data in (body, pieces()):  # with its length told before, and without
        headers = {"Content-Type": "application/json"}
        async with client.post("/api/cases", data=data, headers=headers) as answer:
            assert answer.headers["Content-Type"].startswith("application/problem+json")
            assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_a_sign_in_form_that_is_too_long_is_a_problem(small: House) -> None:
    form = {"token": "x" * (contract.MAX_BODY + 1)}
    async with small.session().post("/login", data=form) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "too-large")
