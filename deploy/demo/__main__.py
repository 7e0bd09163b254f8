"""`make run`: start the server, take a small real case through it, stay up.

Everything goes through the doors that everybody uses: tokens by the command line, footage by
`liuhen push` over a link that is cut once, the case by the API, receipts checked by
`python -m verify`, which never asks the server.  A second run finds its data again.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from deploy.demo.cutter import Cutter
from deploy.demo.footage import make_footage

CASE = {
    "number": "执检〔2026〕0001号",
    "kind": "inspection",
    "title": "消防通道现场检查（演示）",
    "officers": ["执法人员甲", "执法人员乙"],
}
OWN_CASE = {
    "number": "自备素材〔2026〕0001号",
    "kind": "inspection",
    "title": "自备素材（演示）",
    "officers": ["执法人员甲"],
}
DONE = {"playable", "unplayable"}


class DemoError(Exception):
    """Something the demo needs did not happen; the message says what."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def command(*args: str, env: Mapping[str, str], show: bool = False) -> str:
    """Run one of the product's own commands; DemoError with its words if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *args,
        env=dict(env), stdout=None if show else asyncio.subprocess.PIPE,
        stderr=None if show else asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode:
        words = ((out or b"") + (err or b"")).decode(errors="replace")
        raise DemoError(f"{' '.join(args[:3])}: expected exit 0, got {process.returncode}\n{words}")
    return out.decode() if out else ""


async def wait_ready(base: str, server: asyncio.subprocess.Process, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < deadline:
            if server.returncode is not None:
                raise DemoError(
                    f"liuhen serve: expected it to stay up, got exit {server.returncode}"
                )
            try:
                async with http.get(f"{base}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.2)
    raise DemoError(f"liuhen serve: expected ready within {seconds:.0f} s")


async def make_tokens(data: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Two tokens, kept in the demo's folder (0600): one source's, one person's."""
    kept = data / "demo.json"
    if kept.exists():
        tokens: dict[str, str] = json.loads(kept.read_text())
        return tokens
    source = json.loads(
        await command(
            "liuhen", "token", "create", "--right", "upload", "--source", "采集站-01",
            "--name", "演示采集站", "--json", env=env,
        )
    )  # fmt: skip
    rights = [a for r in ("upload", "read", "case", "log", "admin") for a in ("--right", r)]
    person = json.loads(
        await command(
            "liuhen", "token", "create", *rights, "--name", "演示审核员", "--json", env=env
        )
    )
    tokens = {"source": source["secret"], "person": person["secret"], "vkey": person["vkey"]}
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(tokens, file)
    return tokens


class Api:
    def __init__(self, base: str, token: str) -> None:
        self._base, self._headers = base, {"Authorization": f"Bearer {token}"}

    async def __aenter__(self) -> "Api":
        self._http = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def call(self, method: str, path: str, body: object = None) -> Any:
        async with self._http.request(method, self._base + path, json=body) as answer:
            if answer.status >= 400:
                raise DemoError(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()


async def open_case(api: Api, wanted: Mapping[str, Any]) -> str:
    for case in (await api.call("GET", "/api/cases"))["cases"]:
        if case["number"] == wanted["number"]:
            return str(case["id"])
    return str((await api.call("POST", "/api/cases", wanted))["id"])


async def push(
    files: list[Path], number: str, port: int, env: Mapping[str, str], *, vkey: str, cut: bool
) -> None:
    """`liuhen push` through a relay that cuts the link once in the middle of the bytes."""
    size = sum(f.stat().st_size for f in files)
    async with Cutter(port, after=max(size // 2, 1) if cut else 1 << 62) as relay:
        await command(
            "liuhen", "push", *map(str, files), "--server", f"http://127.0.0.1:{relay.port}",
            "--case", number, "--key", vkey, env=env, show=True,
        )  # fmt: skip
        if relay.cuts:
            say("  (the link was cut once on the way; the upload went on where it stood)")


async def wait_playable(api: Api, case: str, seconds: float = 600) -> list[dict[str, Any]]:
    """Ask for playable copies, as a person who opens the page would, and wait for the verdicts."""
    deadline, asked, shown = time.monotonic() + seconds, set(), ""
    while time.monotonic() < deadline:
        items = (await api.call("GET", f"/api/cases/{case}"))["items"]
        for item in items:
            if item["state"]["name"] == "sealed" and item["id"] not in asked:
                asked.add(item["id"])
                await api.call("POST", f"/api/items/{item['id']}/playable")
        line = " · ".join(f"{i['name_shown']}: {i['state']['text']}" for i in items)
        if line != shown:
            say(f"  {line}")
            shown = line
        if items and all(i["state"]["name"] in DONE for i in items):
            return list(items)
        await asyncio.sleep(0.5)
    raise DemoError(f"playable: expected every item to have a verdict within {seconds:.0f} s")


def newest(folder: Path) -> list[Path]:
    return sorted(
        f for f in folder.rglob("*") if f.is_file() and not f.name.endswith(".tlog-proof")
    )


async def tour(args: argparse.Namespace, base: str, env: dict[str, str], data: Path) -> str:
    """The whole path once; returns the address to look at."""
    tokens = await make_tokens(data, env)
    env["LIUHEN_TOKEN"] = tokens["source"]
    own = args.footage is not None
    async with Api(base, tokens["person"]) as api:
        case = await open_case(api, OWN_CASE if own else CASE)
        number = (OWN_CASE if own else CASE)["number"]
        if own:
            files = newest(args.footage)
            if not files:
                raise DemoError(f"FOOTAGE: expected a folder with files, got {args.footage}")
        else:
            folder = data / "footage"
            if not (folder / ".made").exists():
                say("• making footage with ffmpeg")
                await asyncio.to_thread(make_footage, folder)
                (folder / ".made").touch()
            files = [f for f in newest(folder) if not f.name.startswith(".")]
        say(f"• handing over {len(files)} files with `liuhen push`")
        await push(files, str(number), args.port, env, vkey=tokens["vkey"], cut=not own)
        say("• waiting until they can be played")
        await wait_playable(api, case)
    say("• checking the receipts offline with `python -m verify`")
    for file in files:
        receipt = file.with_name(file.name + ".tlog-proof")
        if receipt.exists():
            await command("verify", str(receipt), str(file), "--key", tokens["vkey"], env=env)
            say(f"  {file.name}: unchanged since it was sealed")
    return case


async def main(args: argparse.Namespace) -> int:
    data = args.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    base = f"http://127.0.0.1:{args.port}"
    env = {
        **os.environ,
        "LIUHEN_PATHS_DATA": str(data),
        "LIUHEN_SERVER_PORT": str(args.port),
        "PYTHONUNBUFFERED": "1",
    }
    try:
        with socket.create_server(("127.0.0.1", args.port)):
            pass
    except OSError:
        say(f"demo: port {args.port} is taken; is it running already?  Else: make run PORT=…")
        return 1
    say(f"• starting the server with its data in {args.data}")
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "liuhen", "serve", env=env, stdout=(data / "serve.log").open("ab"),
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.terminate)
    try:
        await wait_ready(base, server)
        case = await tour(args, base, dict(env), data)
        token = json.loads((data / "demo.json").read_text())["person"]
        say("")
        say(f"  the case      {base}/cases/{case}")
        say(f"  everything    {base}/")
        say(f"  sign in with  {token}")
        say(f"  how to verify {base}/verify")
        say(f"  the log       {base}/log/checkpoint")
        say(f"  what it says  {args.data}/serve.log")
        say("")
        say("  The server stays up; Ctrl-C stops it.")
        if args.leave:
            return 0
        await server.wait()
    except DemoError as problem:
        say(f"demo: {problem}")
        say(f"demo: the server's own words are in {args.data}/serve.log")
        return 1
    finally:
        if server.returncode is None:
            server.terminate()
            await server.wait()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make run")
    parser.add_argument("--data", type=Path, default=Path("var/liuhen"))
    parser.add_argument("--port", type=int, default=8787)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--leave", action="store_true", help="stop after the tour")
    sys.exit(asyncio.run(main(parser.parse_args())))
