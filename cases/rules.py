"""Rules of the case: what may be opened, linked and unlinked, as pure functions.

Guarantee: a rule returns the one draft entry that records its decision, or raises a named error
and nothing has happened.  An item is linked to a case at most once at a time; unlinking never
deletes, it names the entry that linked.
Not covered: who may do it (`console`), and whether what is said is true.  What the law demands of
a case (two officers, stages) is judged later and never refused here: a system that refuses facts
produces false records.

Format: docs/formats/entries.md, version 1 (case.opened, case.changed, item.linked,
item.unlinked).
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.ledger import Draft
from verify.errors import ConflictError, MalformedError, NotFoundError

KINDS = ("penalty", "licence", "coercion", "inspection", "levy", "other")
"""Kinds that the console offers; a local policy may use words of its own."""

STAGES = (
    "initiation", "investigation", "review", "decision", "service", "enforcement", "filing",
)  # fmt: skip
"""启动、调查取证、审核、决定、送达、执行、归档: offered, not enforced."""

MAX_NUMBER, MAX_KIND, MAX_TITLE, MAX_STAGE, MAX_REASON = 100, 64, 500, 64, 2000
MAX_OFFICERS, MAX_OFFICER = 50, 200


@dataclass(frozen=True, slots=True)
class LiveLink:
    """The link of an item to a case that nobody has taken back."""

    index: int
    leaf: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """An item as the rules need it: its id and the leaf of the entry that sealed it."""

    item: str
    leaf: str


def line(what: str, value: str, limit: int) -> str:
    """One line of text for people, without surrounding space; MalformedError otherwise.

    Control and bidi characters are refused: this text is typed by a person on purpose, unlike
    the name of a device's file, and must read the same for everybody.
    """
    text = value.strip()
    if not text:
        raise MalformedError(f"{what}: expected some text, got none")
    if len(text) > limit:
        raise MalformedError(f"{what}: expected at most {limit} characters, got {len(text)}")
    if bad := next((c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs")), None):
        raise MalformedError(f"{what}: expected no control characters, got U+{ord(bad):04X}")
    return text


def paragraph(what: str, value: str, limit: int) -> str:
    """Like `line`, but line breaks are allowed (reasons are sometimes long)."""
    lines = value.replace("\r\n", "\n").strip().split("\n")
    text = "\n".join(line(what, part, limit) if part.strip() else "" for part in lines)
    if not text:
        raise MalformedError(f"{what}: expected some text, got none")
    if len(text) > limit:
        raise MalformedError(f"{what}: expected at most {limit} characters, got {len(text)}")
    return text


@dataclass(frozen=True, slots=True)
class Placed:
    """What else a case may be opened with: where it belongs, whose it is, where it came from."""

    procedure: str | None = None
    procedure_digest: str | None = None
    organ: str | None = None
    unit: str | None = None
    people: Sequence[str] = ()
    parties: Sequence[str] = ()
    place: Mapping[str, Any] | None = None
    private: bool = False
    viewers: Sequence[str] = ()
    external: Mapping[str, str] | None = None


NOWHERE = Placed()


def names(what: str, values: Sequence[str], limit: int = MAX_OFFICER) -> list[str]:
    """Lines of text, each once, not too many."""
    if len(values) > MAX_OFFICERS:
        raise MalformedError(f"{what}: expected at most {MAX_OFFICERS}, got {len(values)}")
    made = [line(what.removesuffix("s"), value, limit) for value in values]
    if len(set(made)) != len(made):
        raise MalformedError(f"{what}: expected each once, got one twice")
    return made


def place_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Where something happened: words, or degrees in units of 1e-7, or both."""
    place = {key: value[key] for key in ("lat_e7", "lon_e7") if value.get(key) is not None}
    if len(place) == 1:
        raise MalformedError(f"place: expected lat_e7 with lon_e7, got {next(iter(place))} alone")
    if abs(place.get("lat_e7", 0)) > 900_000_000 or abs(place.get("lon_e7", 0)) > 1_800_000_000:
        raise MalformedError("place: expected degrees of this earth, got others")
    if value.get("text") is not None:
        place["text"] = line("place", value["text"], MAX_TITLE)
    if not place:
        raise MalformedError("place: expected words or degrees, got neither")
    return place


def open_case(
    case: str,
    *,
    number: str,
    kind: str,
    title: str,
    officers: Sequence[str],
    actor: str,
    taken_by: str | None,
    placed: Placed = NOWHERE,
) -> Draft:
    """Open the case with the new id `case`; `taken_by` is the case that has this number already."""
    number = line("case number", number, MAX_NUMBER)
    if taken_by is not None:
        raise taken(number)
    fields: dict[str, Any] = {
        "case": case,
        "number": number,
        "kind": line("case kind", kind, MAX_KIND),
        "title": line("case title", title, MAX_TITLE),
        "officers": names("officers", officers),
    }
    for name in ("procedure", "procedure_digest", "organ", "unit"):
        if (value := getattr(placed, name)) is not None:
            fields[name] = value
    for name in ("people", "viewers"):
        if getattr(placed, name):
            fields[name] = list(dict.fromkeys(getattr(placed, name)))
    if placed.parties:
        fields["parties"] = names("parties", placed.parties)
    if placed.place is not None:
        fields["place"] = place_of(placed.place)
    if placed.private:
        fields["private"] = True
    if placed.external is not None:
        fields["external"] = {
            key: line(f"external {key}", placed.external[key], MAX_OFFICER)
            for key in ("system", "key")
        }
    return Draft(type="case.opened", chain=f"c:{case}", actor=actor, fields=fields)


def taken(number: str) -> ConflictError:
    """Not which case has it: that may be one that whoever asks may not know of."""
    return ConflictError(f"case number: expected an unused one, got {number.strip():.100}")


def change_case(
    case: str, *, now: Mapping[str, Any], actor: str, reason: str, untitled: bool = False
) -> Draft:
    """The description from here on, whole: `now` has every part but the reason.

    `untitled`: the title was erased, and this change gives no new one.
    """
    fields: dict[str, Any] = {
        "case": case,
        "title": "" if untitled else line("case title", now["title"], MAX_TITLE),
        "officers": names("officers", now["officers"]),
        "people": list(dict.fromkeys(now["people"])),
        "parties": names("parties", now["parties"]),
        "private": now["private"],
        "viewers": list(dict.fromkeys(now["viewers"])),
        "reason": paragraph("reason", reason, MAX_REASON),
    }
    if now.get("place") is not None:
        fields["place"] = place_of(now["place"])
    if now.get("unit") is not None:
        fields["unit"] = now["unit"]
    return Draft(type="case.changed", chain=f"c:{case}", actor=actor, fields=fields)


def link_item(
    case: str | None,
    item: Sealed | None,
    *,
    live: LiveLink | None,
    stage: str | None,
    reason: str,
    actor: str,
    proposal: Mapping[str, Any] | None = None,
) -> Draft:
    """Say that the item belongs to the case; it names the entry that sealed the item.

    `case` and `item` are None when there is no such case or sealed item; `live` is the link that
    already stands between the two, `proposal` the score and reasons that a person confirmed.
    """
    if case is None:
        raise NotFoundError("case: expected an opened case, got an unknown id")
    if item is None:
        raise NotFoundError("item: expected a sealed item, got an unknown id")
    if live is not None:
        raise ConflictError(
            f"item {item.item}: expected no link to case {case}, got the one of entry {live.index}"
        )
    fields: dict[str, Any] = {
        "item": item.item,
        "sealed": item.leaf,
        "case": case,
        "reason": paragraph("reason", reason, MAX_REASON),
    }
    if stage is not None:
        fields["stage"] = line("stage", stage, MAX_STAGE)
    if proposal is not None:
        fields["proposal"] = dict(proposal)
    return Draft(type="item.linked", chain=f"c:{case}", actor=actor, fields=fields)


def unlink_item(case: str, item: str, *, live: LiveLink | None, reason: str, actor: str) -> Draft:
    """Take a link back.  Both entries stay; the item returns to the inbox if it has no other."""
    if live is None:
        raise ConflictError(f"item {item}: expected a link to case {case}, got none")
    return Draft(
        type="item.unlinked",
        chain=f"c:{case}",
        actor=actor,
        fields={
            "item": item,
            "case": case,
            "link": live.leaf,
            "reason": paragraph("reason", reason, MAX_REASON),
        },
    )
