"""The demo's organs, units, people, devices and shifts: who acts in the two cases.

Everybody gets an account with a one-time password, but the security administrator, whom the
command line makes first: his password is changed and his second factor set on the way, as it
must be before he may do anything.  Names are offices; nobody here exists.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp

from deploy.demo.api import Api

ORGANS = {"department": ("示例省司法厅", None), "bureau": ("示例市司法局", "department")}
UNITS = {
    "first": ("bureau", "执法一科"),
    "second": ("bureau", "执法二科"),
    "legal": ("bureau", "法制科"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One person of the demo."""

    account: str
    name: str
    roles: tuple[str, ...]
    organ: str = "bureau"
    unit: str | None = None
    certificate: str | None = None


CAST = (
    Part("officer-a", "执法人员甲", ("officer",), unit="first", certificate="3101000020417"),
    Part("officer-b", "执法人员乙", ("officer",), unit="first", certificate="3101000020418"),
    Part("officer-c", "执法人员丙", ("officer",), unit="second", certificate="3101000020419"),
    Part("head-first", "执法一科负责人", ("unit_head",), unit="first"),
    Part("head-bureau", "司法局负责人", ("organ_head",)),
    Part("reviewer", "法制审核员", ("reviewer",), unit="legal"),
    Part("dock", "采集站管理员", ("station_keeper",), unit="first"),
    Part("archivist", "档案管理员", ("archivist",), unit="legal"),
    Part("supervisor", "司法厅监督人员", ("supervisor",), organ="department"),
    Part("system", "系统管理员", ("system_admin",)),
    Part("audit", "审计管理员", ("audit_admin",)),
)
DEVICES = {  # serial, name, user code, its officer
    "DSJL907": ("执法记录仪 907", "020417", "officer-a"),
    "DSJL908": ("执法记录仪 908", "020418", "officer-b"),
}


async def sign_in_first(base: str, account: str, once: str) -> tuple[Api, dict[str, str]]:
    """The security administrator's first sign-in: a password of his own and a second factor."""
    api = Api(base)
    await api.sign_in(account, once)
    password = secrets.token_urlsafe(18)
    await api.call("POST", "/api/session/password", {"old": once, "new": password})
    begun = await api.call("POST", "/api/session/totp", {"password": password})
    code = pyotp.TOTP(begun["secret"]).now()
    await api.call("POST", "/api/session/totp/confirm", {"code": code})
    return api, {"account": account, "password": password, "totp": begun["secret"]}


async def people(api: Api) -> dict[str, Any]:
    """Organs, units and everybody else; ids by name, and the one-time passwords."""
    organs: dict[str, str] = {}
    for key, (name, above) in ORGANS.items():
        body: dict[str, Any] = {"name": name}
        if above is not None:
            body["parent"] = organs[above]
        organs[key] = (await api.call("POST", "/api/organs", body))["id"]
    units = {
        key: (await api.call("POST", "/api/units", {"organ": organs[organ], "name": name}))["id"]
        for key, (organ, name) in UNITS.items()
    }
    ids, once = {}, {}
    for part in CAST:
        body = {
            "account": part.account, "name": part.name, "roles": list(part.roles),
            "organ": organs[part.organ], "reason": "演示",
        }  # fmt: skip
        if part.unit is not None:
            body["unit"] = units[part.unit]
        if part.certificate is not None:
            body["certificate"] = part.certificate
        made = await api.call("POST", "/api/people", body)
        ids[part.account], once[part.account] = made["id"], made["password"]
    return {"organs": organs, "units": units, "people": ids, "once": once}


async def devices(api: Api, cast: Mapping[str, Any], times: Mapping[str, datetime]) -> None:
    """Cameras in their officers' hands, their clocks measured, and who was on duty when."""
    bureau, first = cast["organs"]["bureau"], cast["units"]["first"]
    for serial, (name, code, officer) in DEVICES.items():
        body = {
            "name": name, "serial": serial, "carrier": "body_camera", "organ": bureau, "unit": first,
            "zone": "Asia/Shanghai",
        }  # fmt: skip
        device = (await api.call("POST", "/api/devices", body))["id"]
        person = cast["people"][officer]
        issued = {
            "what": "issued", "at": utc(times["hole"] - timedelta(days=1)), "person": person,
            "check": {"battery": 96, "storage": 88, "clock": True},
        }  # fmt: skip
        await api.call("POST", f"/api/devices/{device}/custody", issued)
        mapping = {
            "device": device, "code": code, "person": person,
            "valid_from": utc(times["hole"] - timedelta(days=30)),
        }  # fmt: skip
        await api.call("POST", "/api/device-users", mapping)
        measured = {"at": utc(times["now"]), "offset_ms": 0, "uncertainty_ms": 300, "way": "dock"}
        await api.call("POST", f"/api/devices/{device}/offsets", measured)
    fixed = {
        "name": "卡口 07", "serial": "IPC0007", "carrier": "surveillance", "organ": bureau,
        "unit": first, "zone": "Asia/Shanghai",
    }  # fmt: skip
    await api.call("POST", "/api/devices", fixed)
    shifts = [
        {
            "person": cast["people"][officer], "start": utc(times[case] - timedelta(hours=1)),
            "end": utc(times[case] + timedelta(minutes=90)),
        }
        for case, officer in (("complete", "officer-a"), ("hole", "officer-b"))
    ]  # fmt: skip
    await api.call(
        "POST", "/api/rosters", {"organ": bureau, "name": "演示值班表", "shifts": shifts}
    )


def utc(moment: datetime) -> str:
    """A time as the API takes it."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
