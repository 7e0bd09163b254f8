"""The demo's way to the API: as a program with a token, or as a person who signs in."""

from typing import Any

import aiohttp


class DemoError(Exception):
    """Something the demo needs did not happen; the message says what."""


class Api:
    """One caller.  Close it."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self._base = base
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = aiohttp.ClientSession(
            headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True)
        )

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.close()

    async def sign_in(self, account: str, password: str) -> Any:
        """A session of this person; its CSRF token goes with every later call."""
        return await self.call("POST", "/api/session", {"account": account, "password": password})

    async def call(self, method: str, path: str, body: object = None) -> Any:
        async with self._http.request(method, self._base + path, json=body) as answer:
            if answer.status >= 400:
                raise DemoError(f"{method} {path}: {answer.status} {await answer.text()}")
            value = await answer.json() if answer.status != 204 else None
        if isinstance(value, dict) and value.get("csrf"):
            self._http.headers["X-CSRF-Token"] = value["csrf"]
        return value

    async def send(self, path: str, body: bytes, type_: str) -> Any:
        """A file as it is."""
        headers = {"Content-Type": type_}
        async with self._http.post(self._base + path, data=body, headers=headers) as answer:
            if answer.status >= 400:
                raise DemoError(f"POST {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def begin_upload(self, metadata: str, *, size: int, sent: int) -> None:
        """Announce a recording and send the first of its bytes, once (tus 1.0)."""
        tus = {"Tus-Resumable": "1.0.0"}
        opened = {**tus, "Upload-Length": str(size), "Upload-Metadata": metadata}
        async with self._http.post(f"{self._base}/api/uploads/", headers=opened) as answer:
            if answer.status >= 400:
                raise DemoError(f"POST /api/uploads/: {answer.status} {await answer.text()}")
            where, offset = answer.headers["Location"], answer.headers.get("Upload-Offset", "0")
        if int(offset):
            return  # an earlier run was here
        part = {
            **tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
        }  # fmt: skip
        async with self._http.patch(where, data=bytes(sent), headers=part) as answer:
            if answer.status >= 400:
                raise DemoError(f"PATCH {where}: {answer.status} {await answer.text()}")
