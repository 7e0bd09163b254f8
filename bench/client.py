"""A tus client that costs next to nothing, so that the server is what is measured.

The bytes lie in memory once and go out by sendfile(2), which copies nothing on the sending side;
16 bytes at the front make every upload a recording of its own.
"""

import base64
import http.client
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_BODY = "application/offset+octet-stream"
_UNIQUE = 16
_FILL = 16 << 20


class Payload:
    """`size` random bytes in memory."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fd = os.memfd_create("bench")
        block, at = os.urandom(_FILL), 0
        while at < size:
            at += os.write(self.fd, block[: min(_FILL, size - at)])

    def close(self) -> None:
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection to one server, opened anew when the server has closed it."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=180)
        self._headers = {"Tus-Resumable": "1.0.0"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """One request with a small body; AssertionError for any error."""
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        return self._answer(method, path)

    def create(self, root: str, length: int, **metadata: str) -> str:
        """A new upload; its path."""
        answer = self.ask("POST", root, _announced(length, metadata))
        return urlsplit(answer.headers["Location"]).path

    def create_whole(self, root: str, body: bytes, **metadata: str) -> str:
        """A new upload that brings its bytes with it; its path."""
        headers = {"Content-Type": _BODY, **_announced(len(body), metadata)}
        return urlsplit(self.ask("POST", root, headers, body).headers["Location"]).path

    def send(self, path: str, payload: Payload, offset: int = 0) -> Answer:
        """All of the payload in one PATCH."""
        connection = self._connection
        connection.putrequest("PATCH", path, skip_accept_encoding=True)
        for name, value in {
            **self._headers,
            "Content-Type": _BODY,
            "Upload-Offset": str(offset),
            "Content-Length": str(payload.size),
        }.items():
            connection.putheader(name, value)
        connection.endheaders(secrets.token_bytes(_UNIQUE))
        socket, at = connection.sock.fileno(), _UNIQUE
        connection.sock.settimeout(None)  # blocking: sendfile waits for room
        while at < payload.size:
            at += os.sendfile(socket, payload.fd, at, payload.size - at)
        return self._answer("PATCH", path)

    def _answer(self, method: str, path: str) -> Answer:
        response = self._connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        assert answer.status < 300, (method, path, answer.status, answer.body[:300])
        return answer

    def receipt(self, path: str) -> str:
        """The receipt of a complete upload, waited for."""
        for _ in range(60):
            answer = self.ask("GET", f"{path}/receipt?wait=30")
            if answer.status == 200:
                return answer.body.decode()
        raise AssertionError(f"{path}: expected a receipt")

    def close(self) -> None:
        self._connection.close()


def settle(url: str, token: str, patience_s: float = 300.0) -> None:
    """Wait until no job is queued or runs.  The token needs the right `admin`."""
    client, until = Client(url, token), time.monotonic() + patience_s
    for state in ("running", "queued", "running"):  # a job that ends may queue another
        while client.ask("GET", f"/api/jobs?state={state}&limit=1").json()["jobs"]:
            assert time.monotonic() < until, "jobs: expected an end"
            time.sleep(0.2)
    client.close()


def _announced(length: int, metadata: Mapping[str, str]) -> dict[str, str]:
    coded = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in metadata.items()
    )
    return {"Upload-Length": str(length), "Upload-Metadata": coded}
