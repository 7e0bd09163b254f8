"""`make run`: start the server, take two small real cases through it, leave some in the inbox, stay up.

Everything goes through the doors that everybody uses: the first person and tokens by the command
line, people, devices and rosters by the API, footage by `liuhen push` over a link that is cut once,
the cases by the API, receipts checked by
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

from deploy.demo import cases, cast
from deploy.demo.api import Api, DemoError
from deploy.demo.cutter import Cutter
from deploy.demo.footage import check_begins, gap_begins, make_footage, moment

OWN_CASE = {
    "number": "自备素材〔2026〕0001号",
    "kind": "inspection",
    "title": "自备素材（演示）",
    "officers": ["执法人员甲"],
}
DONE = {"playable", "unplayable"}


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


async def token(env: Mapping[str, str], *args: str) -> dict[str, str]:
    """A token by the command line, this once with its secret."""
    return dict(json.loads(await command("liuhen", "token", "create", *args, "--json", env=env)))


def kept(data: Path) -> Path:
    return data / "demo.json"


def remember(data: Path, value: Mapping[str, Any]) -> None:
    """What the next run must know, readable by its owner only."""
    descriptor = os.open(kept(data), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, ensure_ascii=False)


async def make_callers(base: str, data: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """Tokens of the devices and of one program; people with their one-time passwords."""
    if kept(data).exists():
        found: dict[str, Any] = json.loads(kept(data).read_text())
        return found
    rights = [a for r in ("upload", "read", "case", "log", "admin") for a in ("--right", r)]
    person = await token(env, *rights, "--name", "演示程序")
    first = json.loads(
        await command("liuhen", "person", "first", "--account", "security", "--json", env=env)
    )
    say("• making organs, units and people")
    security, secret = await cast.sign_in_first(base, "security", first["password"])
    async with security:
        people = await cast.people(security)
    folder = data / "footage"
    times = {
        "now": moment(folder), "complete": check_begins(folder), "hole": gap_begins(folder),
    }  # fmt: skip
    async with Api(base, person["secret"]) as api:
        await cast.devices(api, people, times)
        await cases.import_rules(api)
    names = {serial: device[0] for serial, device in cast.DEVICES.items()}
    sources = {
        serial: (await token(env, "--right", "upload", "--source", name, "--name", name))["secret"]
        for serial, name in names.items()
    }
    made = {
        "person": person["secret"], "vkey": person["vkey"], "security": secret,
        "sources": sources, **people,
    }  # fmt: skip
    remember(data, made)
    return made


async def push(
    files: list[Path], number: str | None, port: int, env: Mapping[str, str], *, vkey: str,
    cut: bool,
) -> None:  # fmt: skip
    """`liuhen push` through a relay that cuts the link once in the middle of the bytes."""
    announced = [] if number is None else ["--case", number]
    size = sum(f.stat().st_size for f in files)
    async with Cutter(port, after=max(size // 2, 1) if cut else 1 << 62) as relay:
        await command(
            "liuhen", "push", *map(str, files), "--server", f"http://127.0.0.1:{relay.port}",
            *announced, "--key", vkey, env=env, show=True,
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
        f for f in folder.rglob("*")
        if f.is_file() and not f.name.endswith(".tlog-proof") and not f.name.startswith(".")
    )  # fmt: skip


async def hand_over(
    made: Mapping[str, Any], files: list[Path], number: str | None, port: int, env: dict[str, str],
    *, device: str, cut: bool,
) -> None:  # fmt: skip
    """As the device's own token."""
    env["LIUHEN_TOKEN"] = made["sources"][device]
    await push(files, number, port, env, vkey=made["vkey"], cut=cut)


async def tour_own(
    args: argparse.Namespace, made: Mapping[str, Any], base: str, env: dict[str, str]
) -> str:
    """Somebody's own files through the whole path, into a case of their own."""
    files = newest(args.footage)
    if not files:
        raise DemoError(f"FOOTAGE: expected a folder with files, got {args.footage}")
    async with Api(base, made["person"]) as api:
        number = str(OWN_CASE["number"])
        case = await cases.find(api, number)
        if case is None:
            placed = {**OWN_CASE, "organ": made["organs"]["bureau"], "unit": made["units"]["first"]}
            case = str((await api.call("POST", "/api/cases", placed))["id"])
        say(f"• handing over {len(files)} files with `liuhen push`")
        await hand_over(made, files, number, args.port, env, device="DSJL907", cut=False)
        say("• waiting until they can be played")
        await wait_playable(api, case)
    await check_receipts(files, made["vkey"], env)
    return case


async def check_receipts(files: list[Path], vkey: str, env: dict[str, str]) -> None:
    """Offline, with nothing but the log's key."""
    say("• checking the receipts offline with `python -m verify`")
    for file in files:
        receipt = file.with_name(file.name + ".tlog-proof")
        if receipt.exists():
            await command("verify", str(receipt), str(file), "--key", vkey, env=env)
            say(f"  {file.name}: unchanged since it was sealed")


async def tour(
    args: argparse.Namespace, made: Mapping[str, Any], base: str, env: dict[str, str], data: Path
) -> dict[str, str]:
    """Both cases through the whole path; their ids."""
    folder = data / "footage"
    if not (folder / ".made").exists():
        say("• making footage with ffmpeg")
    files = await asyncio.to_thread(make_footage, folder)
    (folder / ".made").touch()
    opened: dict[str, str] = {}
    async with Api(base, made["person"]) as api:
        for part, told, device in (
            ("complete", cases.COMPLETE, "DSJL907"), ("hole", cases.HOLE, "DSJL908"),
        ):  # fmt: skip
            opened[part] = case = await cases.open_case(api, told, made, part)
            say(f"• {told[0]}: handing over {len(files[part])} files with `liuhen push`")
            await hand_over(
                made, files[part], told[0], args.port, env, device=device, cut=part == "complete"
            )
            begins = check_begins(folder) if part == "complete" else gap_begins(folder)
            await cases.take_course(api, case, part, begins)
        await cases.leave_behind(base, made["sources"]["DSJL908"], gap_begins(folder))
        say(f"• {len(files['waiting'])} recordings that nobody has linked yet wait in the inbox")
        for device in cast.DEVICES:
            some = [file for file in files["waiting"] if file.name.startswith(device)]
            await hand_over(made, some, None, args.port, env, device=device, cut=False)
        await cases.wait_attributed(api, [file.name for file in files["waiting"]])
        say("• waiting until the recordings can be played")
        for case in opened.values():
            await wait_playable(api, case)
        await cases.file(api, opened["complete"])
        await show_coverage(api, opened)
    await check_receipts([f for part in files.values() for f in part], made["vkey"], env)
    return opened


async def show_coverage(api: Api, opened: Mapping[str, str]) -> None:
    """What the rules demand of each case, and what is there."""
    for case in opened.values():
        told = await api.call("GET", f"/api/cases/{case}")
        say(f"• {told['number']} {told['title']}")
        found = await api.call("GET", f"/api/cases/{case}/coverage")
        for verdict in found["verdicts"]:
            say(f"  {verdict['matter']}: {verdict['text']}")


def show_people(made: Mapping[str, Any], base: str) -> None:
    """Who may sign in.  A one-time password is good for the first sign-in only."""
    security = made["security"]
    say("  people of the demo, with one-time passwords (the first sign-in asks for another):")
    for part in cast.CAST:
        roles = ", ".join(part.roles)
        say(f"    {part.account:<12} {made['once'][part.account]}   {part.name} ({roles})")
    say(f"    {security['account']:<12} {security['password']}   安全管理员 (security_admin)")
    say(f"    {'':<12} second factor, for an authenticator: {security['totp']}")
    say(f"  sign in at    {base}/login")


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
        made = await make_callers(base, data, env)
        if args.footage is not None:
            case = await tour_own(args, made, base, dict(env))
            say("")
            say(f"  the case      {base}/app/cases/{case}")
        else:
            opened = await tour(args, made, base, dict(env), data)
            say("")
            say(f"  the case      {base}/app/cases/{opened['complete']}   complete")
            say(
                f"  another       {base}/app/cases/{opened['hole']}   a hole of 40 s, handed over late"
            )
            say(f"  to be linked  {base}/app/inbox")
        say(f"  everything    {base}/")
        show_people(made, base)
        say(f"  or sign in with the token of a program: {made['person']}")
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
