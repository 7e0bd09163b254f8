"""Entries in words: one sentence per type, in the reader's language.

Guarantee: an entry of a type we have no sentence for still appears, under its type's name; an
erased value is named as erased, never left out silently.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cases.trail import Step
from console import shown
from console.i18n import Speech
from storage import tables
from verify.entries import parse_time
from verify.errors import EvidenceError
from verify.schema import TYPES

LARGEST_LIST = 6


Names = Mapping[str, str]  # id of an item or case -> what people call it


async def names_in(conn: AsyncConnection, steps: Sequence[Step]) -> Names:
    """What the items and cases that these entries speak of are called."""
    items = {str(s.fields["item"]) for s in steps if "item" in s.fields}
    cases = {str(s.fields["case"]) for s in steps if "case" in s.fields}
    i, c = tables.item.c, tables.case.c
    named = {r.id: r.name for r in await conn.execute(select(i.id, i.name).where(i.id.in_(items)))}
    named |= {
        r.id: r.number for r in await conn.execute(select(c.id, c.number).where(c.id.in_(cases)))
    }
    return {id_: name for id_, name in named.items() if name}


def words(step: Step, speech: Speech, names: Names) -> str:
    """What this entry says."""
    key = f"entry.{step.type}"
    if not speech.has(key):
        return shown.visible(step.type)
    return speech(key, **_Values(step, speech, names))


def who(step: Step, speech: Speech) -> str:
    """Who acted: a name where the database knows one, else the token's first digits."""
    if step.who:
        return shown.visible(step.who)
    if step.actor == "sys":
        return speech("actor.sys")
    kind, _, token = step.actor.partition(":")
    return speech(f"actor.{kind}", token=token[:8])


class _Values(Mapping[str, str]):
    """The fields as text, for `str.format`; only what a sentence asks for is made."""

    def __init__(self, step: Step, speech: Speech, names: Names) -> None:
        self._step, self._speech, self._known = step, speech, names

    def __iter__(self) -> Any:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        return list(TYPES[self._step.type].fields)

    def __getitem__(self, name: str) -> str:
        if name in self._step.erased:
            return self._speech("erased")
        if name not in self._step.fields:
            return self._speech("absent")
        value = self._step.fields[name]
        if name in ("item", "case") and value in self._known:
            return shown.visible(self._known[value])
        return _SPECIAL.get(name, _plain)(value, self._speech)


def _plain(value: object, speech: Speech) -> str:
    if isinstance(value, list):
        parts = [_plain(v, speech) for v in value[:LARGEST_LIST]]
        if len(value) > LARGEST_LIST:
            parts.append("…")
        return speech.listed(parts) or speech("absent")
    if isinstance(value, dict):
        return speech.listed(
            [f"{shown.visible(str(k))}={_plain(v, speech)}" for k, v in value.items()]
        )
    if isinstance(value, bool):
        return speech("yes" if value else "no")
    return shown.visible(str(value))


def _size(value: object, speech: Speech) -> str:
    return shown.size(value) if isinstance(value, int) else _plain(value, speech)


def _short(value: object, _speech: Speech) -> str:
    return shown.visible(str(value)[:8])


def _time(value: object, speech: Speech) -> str:
    try:
        return speech.time(parse_time(str(value)))
    except EvidenceError:
        return _plain(value, speech)


def _ranges(value: object, speech: Speech) -> str:
    """Byte ranges: how many bytes, and where."""
    if not isinstance(value, list) or not value:
        return speech("served.nothing")
    total = sum(end - start for start, end in value)
    parts = [f"{shown.grouped(a)}–{shown.grouped(b)}" for a, b in value[:LARGEST_LIST]]
    if len(value) > LARGEST_LIST:
        parts.append("…")
    return speech("served.ranges", size=shown.size(total), ranges=speech.listed(parts))


def _chosen(prefix: str) -> Callable[[object, Speech], str]:
    def say(value: object, speech: Speech) -> str:
        if isinstance(value, list):
            return speech.listed([speech.choice(prefix, str(v)) for v in value])
        return speech.choice(prefix, str(value))

    return say


_SPECIAL: Mapping[str, Callable[[object, Speech], str]] = {
    "tool": lambda value, _speech: shown.tool(str(value)),
    "size": _size,
    "bytes": _size,
    "offset": _size,
    "until": _time,
    "retain_until": _time,
    "before": _time,
    "after": _time,
    "at": _time,
    "start": _time,
    "end": _time,
    "due": _time,
    "ended": _time,
    "sealed": _time,
    "valid_from": _time,
    "valid_until": _time,
    "sha256": _short,
    "root": _short,
    "leaf": _short,
    "item": _short,
    "case": _short,
    "view": _short,
    "token": _short,
    "upload": _short,
    "served": _ranges,
    "unconfirmed": _ranges,
    "kind": _chosen("kind"),
    "stage": _chosen("stage"),
    "what": _chosen("what"),
    "right": _chosen("right"),
    "rights": _chosen("right"),
    "marks": _chosen("mark"),
    "reason": _chosen("reason"),
}
