"""The demo's two cases: one complete and filed, one with a hole of forty seconds and a recording
that was handed over too late.
"""

import asyncio
import base64
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.demo.api import Api, DemoError
from deploy.demo.cast import utc

LEFT_BEHIND = 900_000
RULES = Path(__file__).parent / "rules.csv"
COMPLETE = ("执检〔2026〕0001号", "律师事务所现场检查（演示：齐全）", "officer-a")
HOLE = ("执检〔2026〕0002号", "公证处现场检查（演示：缺 40 秒、逾期上传）", "officer-b")
NOTHING_FOUND = "not rectification_ordered"
POINTS = {  # seconds after the arrival
    "complete": {
        "arrived": 0, "identity_shown": 2, "notice_given": 6, "record_started": 8,
        "party_signed": 14, "left": 18,
    },
    "hole": {
        "arrived": 0, "identity_shown": 2, "notice_given": 6, "record_started": 51,
        "party_signed": 58, "left": 60,
    },
}  # fmt: skip


async def import_rules(api: Api) -> None:
    """The demo's rule list, as an agency would import its own."""
    query = "name=演示清单&version=1&valid_from=2026-01-01T00:00:00.000Z"
    await api.send(f"/api/rules?{query}", RULES.read_bytes(), "text/csv")


async def find(api: Api, number: str) -> str | None:
    """The case with this number, if an earlier run opened it."""
    found = await api.call("GET", f"/api/cases?text={number}")
    return next((str(c["id"]) for c in found["cases"] if c["number"] == number), None)


async def open_case(api: Api, told: Sequence[str], cast: Mapping[str, Any], part: str) -> str:
    """A case of its officers, with its procedure; its number is announced with the footage."""
    number, title, officer = told
    if (known := await find(api, number)) is not None:
        return known
    body = {
        "number": number, "title": title, "procedure": "inspection",
        "organ": cast["organs"]["bureau"], "unit": cast["units"]["first"],
        "people": [cast["people"][officer], cast["people"]["officer-c"]],
        "officers": ["执法人员甲" if part == "complete" else "执法人员乙", "执法人员丙"],
        "parties": ["示例律师事务所" if part == "complete" else "示例公证处"],
    }  # fmt: skip
    return str((await api.call("POST", "/api/cases", body))["id"])


async def take_course(api: Api, case: str, part: str, begins: datetime) -> None:
    """What happened on the scene, and what was issued here, up to the end of the inspection."""
    if (await api.call("GET", f"/api/cases/{case}"))["points"]:
        return  # an earlier run was here
    await _issue(api, case, "inspection_approval")
    await _go(api, case, "approved")
    for point, seconds in POINTS[part].items():
        at = utc(begins + timedelta(seconds=seconds))
        body = {"point": point, "at": at, "source": "person"}
        await api.call("POST", f"/api/cases/{case}/points", body)
    await _issue(api, case, "inspection_record")
    await _go(api, case, "inspected", "on_site", "not party_absent")
    if part == "complete":
        await _finish(api, case)


async def _finish(api: Api, case: str) -> None:
    """To the end of the procedure; filing waits for the recordings."""
    await _issue(api, case, "result_sheet")
    await _go(api, case, "concluded", NOTHING_FOUND)
    told = {"point": "told_at", "at": utc(datetime.now(UTC)), "source": "person"}
    await api.call("POST", f"/api/cases/{case}/points", told)
    await _issue(api, case, "result_receipt")
    await _go(api, case, "nothing_to_rectify", NOTHING_FOUND)
    await _issue(api, case, "volume_catalogue")


async def leave_behind(base: str, secret: str, begins: datetime) -> None:
    """An upload that its device announced and never finished: by now it is overdue."""
    name = f"DSJL908_020418_{begins + timedelta(minutes=5):%Y%m%d%H%M%S}_0003.mp4"
    told = {"filename": name, "key": "left-behind", "case": HOLE[0]}
    metadata = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in told.items())
    async with Api(base, secret) as device:
        await device.begin_upload(metadata, size=LEFT_BEHIND, sent=LEFT_BEHIND // 3)


async def wait_attributed(api: Api, names: Sequence[str], seconds: float = 300) -> None:
    """Until the inbox says whose these are, or a person has linked them since an earlier run."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rows = (await api.call("GET", "/api/inbox?limit=200"))["items"]
        if all(row["attribution"] for row in rows if row["name"] in names):
            return
        await asyncio.sleep(0.5)
    raise DemoError(f"inbox: expected whose every recording is within {seconds:.0f} s")


async def file(api: Api, case: str) -> None:
    """File the complete case, once its recordings are all there."""
    if not (await api.call("GET", f"/api/cases/{case}"))["filings"]:
        await api.call("POST", f"/api/cases/{case}/filing", {})


async def _issue(api: Api, case: str, kind: str) -> None:
    await api.call("POST", f"/api/cases/{case}/documents", {"how": "act", "kind": kind})


async def _go(api: Api, case: str, transition: str, *stated: str) -> None:
    body = {"how": "act", "transition": transition, "stated": list(stated)}
    await api.call("POST", f"/api/cases/{case}/stages", body)
