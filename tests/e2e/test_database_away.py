"""PostgreSQL goes away under a running server, and comes back: nothing is lost, and it is told."""

import asyncio
import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from tests.e2e.relay import Relay
from tests.e2e.server import running
from tests.e2e.test_faults import MIB, Tus
from tests.services import PostgresServer


async def _nothing() -> None:
    """The relay's own event; here the test decides."""


class Way(Relay):
    """The way to the database, which can be gone."""

    def __init__(self, port: int) -> None:
        super().__init__(port, after=1 << 60, event=_nothing)

    async def away(self) -> None:
        self._server.close()
        self._cut()
        await asyncio.sleep(0.2)

    async def back(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)


async def told(http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with http.get(path, headers={"Accept": "application/json"}) as answer:
        body = await answer.json(content_type=None) if "json" in answer.content_type else {}
        return answer.status, str(body.get("code", ""))


async def test_a_database_that_is_away_is_told_and_what_was_promised_is_kept(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.fresh()
    port = urlsplit(url).port
    assert port is not None
    data = os.urandom(3 * MIB)
    async with Way(port) as way:
        env = {"LIUHEN_DATABASE_URL": url.replace(f":{port}/", f":{way.port}/")}
        async with running(tmp_path / "server", env=env) as server:
            device = await server.token("upload", source="采集站-01")
            person = await server.token("read")
            assert server.process is not None
            pid = server.process.pid
            async with (
                Tus.session(server, device) as uploads,
                aiohttp.ClientSession(
                    server.url, headers={"Authorization": f"Bearer {person}"}
                ) as people,
            ):
                tus = Tus(server, uploads)
                place = (await tus.create(len(data))).headers["Location"]
                assert (await tus.append(place, 0, data[:MIB])).status == 204
                assert await told(people, "/api/items") == (200, "")

                await way.away()
                for path in ("/api/items", "/api/session", "/api/cases"):
                    assert await told(people, path) == (503, "unavailable"), path
                assert (await tus.append(place, MIB, data[MIB : 2 * MIB])).status == 503
                assert (await told(people, "/readyz"))[0] == 503
                assert (await told(people, "/healthz"))[0] == 200
                assert (await told(people, "/app/"))[0] == 200  # the pages say it themselves
                body = {"account": "nobody", "password": "x"}
                async with people.post("/api/session", json=body) as answer:
                    assert answer.status == 503, await answer.text()

                await way.back()
                await server.wait_ready()
                assert await told(people, "/api/items") == (200, "")
                at = await tus.offset(place)
                assert at >= MIB
                assert (await tus.append(place, at, data[at:])).status == 204
                async with uploads.get(f"{place}/receipt?wait=60") as answer:
                    assert answer.status == 200, await answer.text()
                async with people.get("/api/items") as answer:
                    (item,) = (await answer.json())["items"]
                async with people.get(f"/api/items/{item['id']}") as answer:
                    assert hashlib.sha256(data).hexdigest() in await answer.text()
            assert server.process.pid == pid, "the server went on by itself"
            assert "Traceback" not in server.words(), server.words()[-4000:]
    postgres.drop(url)
