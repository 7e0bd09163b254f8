"""Entries in words: one sentence per type, in the reader's language.

Guarantee: an entry of a type we have no sentence for still appears, under its type's name; an
erased value is named as erased, never left out silently.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cases import versions
from cases.links.words import MARK_WORDS, say_mark
from cases.procedure.model import Procedure
from cases.trail import Step
from console import shown
from console.course_said import mark_text
from console.i18n import Speech
from storage import tables
from verify.entries import parse_time
from verify.errors import EvidenceError
from verify.schema import TYPES

LARGEST_LIST = 6
_COURSE = ("case.point", "case.stage", "document.")


_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)\}")
_CODES = {"point": "point", "stage": "stage", "kind": "document", "transition": "transition"}
"""Fields of a case's course that are codes of its procedure, and what they are there."""


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called, and the procedures by which cases name their codes."""

    called: Mapping[str, str] = field(default_factory=dict)  # by id of an item, a case, a person
    procedures: Mapping[str, Procedure] = field(default_factory=dict)  # by id of a case


NOBODY = Names()
MASKED = "c:-"
"""The chain of an entry whose case its reader may not see (`console.masking`)."""


async def names_in(conn: AsyncConnection, steps: Sequence[Step]) -> Names:
    """What the items, cases, people and units that these entries speak of are called."""
    named: dict[str, str] = {}
    for table, column, fields in (
        (tables.item, tables.item.c.name, ("item",)),
        (tables.case, tables.case.c.number, ("case", "other")),
        (tables.person, tables.person.c.name, ("person", "leader")),
        (tables.unit, tables.unit.c.name, ("unit",)),
        (tables.organ, tables.organ.c.name, ("organ", "parent")),
        (tables.source, tables.source.c.name, ("device", "source")),
    ):
        ids = {str(s.fields[name]) for s in steps for name in fields if name in s.fields}
        query = select(table.c.id, column.label("name")).where(table.c.id.in_(ids))
        named |= {r.id: r.name for r in await conn.execute(query)} if ids else {}
    c = tables.case.c
    cases = {str(s.fields["case"]) for s in steps if "case" in s.fields}
    recorded = await conn.execute(select(c.id, c.procedure).where(c.id.in_(cases)))
    procedures = {}
    for row in recorded.all():
        found = await conn.run_sync(versions.of_case, row.procedure)
        if found is not None:
            procedures[row.id] = found
    return Names({id_: name for id_, name in named.items() if name}, procedures)


def words(step: Step, speech: Speech, names: Names) -> str:
    """What this entry says.  A part in brackets is left out where one of its fields is absent."""
    if step.chain == MASKED:
        return speech("trail.masked")
    key = f"entry.{step.type}"
    if not speech.has(key):
        return shown.visible(step.type)
    values = _Values(step, speech, names)
    sentence = _OPTIONAL.sub(lambda part: _kept(part[1], step), speech.text(key))
    return sentence.format_map(values)


def _kept(part: str, step: Step) -> str:
    """The part, if everything that it speaks of is there (an erased value is, by its name)."""
    there = (
        name in step.erased or step.fields.get(name) not in (None, [], "", {})
        for name in _FIELD.findall(part)
    )
    return part if all(there) else ""


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
        self._step, self._speech, self._names_known = step, speech, names

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
        if isinstance(value, str) and value in self._names_known.called:
            return shown.visible(self._names_known.called[value])
        if name == "marks" and isinstance(value, list):
            return self._speech.listed([self._mark(str(mark)) for mark in value])
        label = self._label(name, value)
        if label is not None:
            return label
        return _SPECIAL.get(name, _plain)(value, self._speech)

    def _procedure(self) -> Procedure | None:
        return self._names_known.procedures.get(str(self._step.fields.get("case")))

    def _mark(self, mark: str) -> str:
        if mark in MARK_WORDS:
            return say_mark(mark, self._speech.language)
        return mark_text(self._procedure(), mark, self._speech)

    def _label(self, name: str, value: object) -> str | None:
        """What the case's procedure calls a code."""
        procedure, of = self._procedure(), _CODES.get(name)
        if procedure is None or of is None or not self._step.type.startswith(_COURSE):
            return None
        found = getattr(procedure, of)(str(value))
        return None if found is None else str(found.label.text(self._speech.language))


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


def _defects(value: object, speech: Speech) -> str:
    """Of which rules and points."""
    if not isinstance(value, list):
        return _plain(value, speech)
    rules = [str(one.get("rule") or one.get("point", "")) for one in value if isinstance(one, dict)]
    return _plain(rules or value, speech)


def _grouped(value: object, speech: Speech) -> str:
    return shown.grouped(value) if isinstance(value, int) else _plain(value, speech)


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
    "how": _chosen("how"),
    "exit": _chosen("exit"),
    "source": _chosen("told"),
    "carrier": _chosen("carrier"),
    "roles": _chosen("role"),
    "cause": _chosen("cause"),
    "category": _chosen("mark.category"),
    "ground": _chosen("ground"),
    "decision": _chosen("decision"),
    "basis": _chosen("clock.basis"),
    "way": _chosen("way"),
    "defects": _defects,
    "offset_ms": _grouped,
    "uncertainty_ms": _grouped,
    "stage": _chosen("stage"),
    "what": _chosen("what"),
    "right": _chosen("right"),
    "rights": _chosen("right"),
    "reason": _chosen("reason"),
}
