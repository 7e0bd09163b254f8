"""How a disclosed field becomes a column, also where the field was erased.

Guarantee: an erased field and the blank that an erasure writes give the same column, so a rebuild
from disclosures with or without the value ends in equal rows.
Known: PostgreSQL's text holds no NUL, so NUL is projected as U+FFFD; the disclosure keeps it.
"""

from typing import Any

from storage.acts import Event
from verify import canonical

Cell = str | None


def shown(value: str) -> str:
    """Text as both databases can hold it."""
    return value.replace("\x00", "\ufffd")


def as_json(value: object) -> str:
    """Canonical JSON text (NUL is escaped in it)."""
    return canonical.encode(value).decode()


def text(event: Event, name: str) -> str:
    """A required text; "" once erased."""
    return shown(event.fields.get(name, ""))


def maybe_text(event: Event, name: str) -> Cell:
    value = event.fields.get(name)
    return None if value is None else shown(value)


def listed(event: Event, name: str) -> str:
    """A required list as JSON; "[]" once erased or where it may be absent."""
    return as_json(event.fields.get(name, []))


def maybe_json(event: Event, name: str) -> Cell:
    value: Any = event.fields.get(name)
    return None if value is None else as_json(value)
