"""What a file's name says: device, user, start, sequence and mark, by a table of profiles (M08).

Guarantee: a name that no profile knows says nothing and is no error; what a name says is what the
device wrote, not what is true.
Not covered: whether the device or the user exists (`cases.links.attribution`).

Source: shapes seen in the field, not the text of a standard; an agency may pass its own table.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """One shape of names: groups maker, serial, user, start (or date and time), seq, mark."""

    name: str
    pattern: str
    utc: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says; `start` is text as the device wrote it, in its zone or with its own."""

    profile: str
    maker: str | None = None
    serial: str | None = None
    user: str | None = None
    start: str | None = None
    seq: str | None = None
    important: bool = False


_END = r"\.[A-Za-z0-9]{2,5}"
PROFILES: Sequence[Profile] = (
    Profile(
        "serial-user-time-seq",
        r"(?P<serial>[A-Za-z0-9]{7})_(?P<user>[A-Za-z0-9]{6})_(?P<start>[0-9]{14})"
        rf"_(?P<seq>[0-9]{{4}})(?P<mark>_IMP)?{_END}",
    ),
    Profile(
        "maker-serial-at-user",
        r"(?P<maker>[A-Za-z0-9]{5})(?P<serial>[A-Za-z0-9]{7})@(?P<user>[A-Za-z0-9]{1,12})"
        rf"_(?P<date>[0-9]{{8}})_(?P<time>[0-9]{{6}})(?P<mark>_IMP)?{_END}",
    ),
    Profile(
        "date-time-seq",
        rf"(?P<date>[0-9]{{8}})_(?P<time>[0-9]{{6}})_(?P<seq>[0-9]{{4}})(?P<mark>_IMP)?{_END}",
    ),
    Profile(
        "axis-clip",
        rf"(?P<start>[0-9]{{8}}T[0-9]{{6}})Z?_(?P<seq>[A-Za-z0-9-]{{1,64}}){_END}",
        utc=True,
    ),
)
FOLDERS: Sequence[Profile] = (
    Profile(
        "axis-container",
        r"(?P<user>[^_/]{1,64})_(?P<serial>[A-Za-z0-9]{1,32})_(?P<start>[0-9]{8}T[0-9]{6})Z?",
        utc=True,
    ),
)


def named(name: str, profiles: Sequence[Profile] = PROFILES) -> Named | None:
    """What the first profile that fits the whole name says; None if none does.

    The folder a file came in is used too where it is one of `FOLDERS` (a container of clips).
    """
    *folders, last = re.split(r"[/\\]", name)
    found = _first(last, profiles)
    held = _first(folders[-1], FOLDERS) if folders else None
    if found is None or held is None:
        return found or held
    return Named(
        found.profile, held.maker or found.maker, held.serial or found.serial,
        held.user or found.user, found.start or held.start, found.seq, found.important,
    )  # fmt: skip


def _first(text: str, profiles: Sequence[Profile]) -> Named | None:
    for profile in profiles:
        match = re.fullmatch(profile.pattern, text, re.ASCII)
        if match is None:
            continue
        said = match.groupdict()
        date, time = said.get("date"), said.get("time")
        start = said.get("start") or (date + time if date and time else None)
        return Named(
            profile.name, said.get("maker"), said.get("serial"), said.get("user"),
            f"{start}Z" if start and profile.utc else start,
            said.get("seq"), said.get("mark") is not None,
        )  # fmt: skip
    return None
