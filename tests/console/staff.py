"""People of two organs and of one above them, put where the tests need them."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession

from console import credentials, sessions
from console.passwords import Cost, Passwords
from storage.ledger import Event
from storage.rights import Role
from tests.console.conftest import House

PASSWORD = "correct horse battery staple 9"
_CHEAP = Passwords(Cost(memory_kib=64))


def named(name: str) -> str:
    """An id that is the same in every run."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


@dataclass
class Staff:
    """Organs: `bureau` supervises `city` and `county`; each has units `one`, `one-below`, `two`."""

    house: House
    people: dict[str, str] = field(default_factory=dict)

    def organ(self, organ: str = "city") -> str:
        return named(f"organ {organ}")

    def unit(self, organ: str = "city", unit: str = "one") -> str:
        return named(f"unit {organ} {unit}")

    async def person(
        self,
        role: Role | str | tuple[str, ...] = Role.OFFICER,
        organ: str | None = "city",
        unit: str | None = "one",
        name: str | None = None,
        **more: Any,
    ) -> str:
        """The person with these roles in this unit; made when first asked for."""
        roles = sorted([role] if isinstance(role, str) else role)
        name = name or f"{'+'.join(roles)} {organ} {unit}"
        if name not in self.people:
            self.people[name] = named(f"person {name}")
            await self.change(self.people[name], name, roles, organ, unit, **more)
        return self.people[name]

    async def change(
        self,
        person: str,
        name: str,
        roles: list[str],
        organ: str | None,
        unit: str | None,
        **more: Any,
    ) -> Event:
        """Record who this person is from here on."""
        place = {} if organ is None else {"organ": self.organ(organ)}
        if organ is not None and unit is not None:
            place["unit"] = self.unit(organ, unit)
        return await self.house.record(
            "user.changed", "sys", person=person, account=name.replace(" ", "-").replace("+", "-"),
            name=name, roles=[str(role) for role in roles], reason="test", **place, **more,
        )  # fmt: skip

    async def password(self, person: str, password: str = PASSWORD, **more: Any) -> None:
        """Give this person a password (and perhaps a second factor `totp`)."""
        hashed = await _CHEAP.hash(password)
        values = {"password": hashed, "must_change": False, **more}
        now_ms = self.house.clock.now_ms()
        await self.house.database.write(
            lambda conn: credentials.put(conn, person, now_ms=now_ms, **values)
        )

    async def browser(self, person: str) -> ClientSession:
        """This person's session, opened without asking for a password; it sends its CSRF token."""
        settings = self.house.parts.settings
        made = await sessions.begin(
            self.house.database, None, person=person, now_ms=self.house.clock.now_ms(),
            lasting=settings.lasting,
        )  # fmt: skip
        return self.house.session(
            {
                "Cookie": f"{sessions.COOKIE}={made.value}",
                "X-CSRF-Token": made.csrf,
                "Accept-Language": "en",
            }
        )

    async def signed_in(self, *args: Any, **more: Any) -> ClientSession:
        """`person` and `browser` in one."""
        return await self.browser(await self.person(*args, **more))


async def settled(house: House) -> Staff:
    """The organs and their units."""
    staff = Staff(house)
    for organ, above in (("bureau", None), ("city", "bureau"), ("county", "bureau")):
        more = {} if above is None else {"parent": staff.organ(above)}
        await house.record("organ.set", "sys", organ=staff.organ(organ), name=organ, **more)
        for unit, over in (("one", None), ("one-below", "one"), ("two", None)):
            above_it = {} if over is None else {"parent": staff.unit(organ, over)}
            await house.record(
                "unit.set", "sys", unit=staff.unit(organ, unit), organ=staff.organ(organ),
                name=unit, ended=False, **above_it,
            )  # fmt: skip
    return staff
