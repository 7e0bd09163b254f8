"""The format documents say what the code does: the table of types in both directions, limits, steps."""

import re
from pathlib import Path

from verify import examine, notes, schema, wording

FORMATS = Path(__file__).resolve().parents[2] / "docs" / "formats"
ENTRIES = (FORMATS / "entries.md").read_text("utf-8")


def rows() -> list[tuple[str, ...]]:
    table = re.findall(r"^\| ([a-z]+\.[a-z]+) \|(.*)\|$", ENTRIES, re.MULTILINE)
    return [(name, *(cell.strip() for cell in rest.split("|"))) for name, rest in table]


def test_the_table_of_entries_is_the_schema() -> None:
    said = {row[:6] for row in rows()}
    done = {
        (known.name, " ".join(known.chains), name, field.kind, *("yes" if flag else "no" for flag in (field.required, field.erasable)))
        for known in schema.TYPES.values()
        for name, field in known.fields.items()
    }  # fmt: skip
    assert said - done == set(), "in docs/formats/entries.md only"
    assert done - said == set(), "in verify/schema.py only"
    assert len(rows()) == len(said)
    assert all(row[6] for row in rows()), "every field says what it means"


def test_every_type_is_explained() -> None:
    explained = re.findall(r"^- `([a-z]+\.[a-z]+)`: \S.*\.$", ENTRIES, re.MULTILINE)
    assert sorted(explained) == sorted(schema.TYPES)
    kinds = {field.kind for known in schema.TYPES.values() for field in known.fields.values()}
    assert all(f"`{kind}` " in ENTRIES for kind in kinds)


def test_steps_codes_and_limits() -> None:
    text = (FORMATS / "receipts.md").read_text("utf-8")
    for code in (*examine.STEPS, *examine.NEVER):
        assert f"`{code}`" in text
    for outcome, code in examine.EXIT.items():
        assert f"| {code} | {outcome} |" in text
    assert wording.EN["usage"].format(prog="python -m verify").removeprefix("usage: ") in text
    log = (FORMATS / "log.md").read_text("utf-8")
    assert f"1 to {notes.MOST_SIGNATURES} signature lines" in log


def test_every_format_has_its_version() -> None:
    for name in ("entries", "log", "receipts", "fingerprints"):
        text = (FORMATS / f"{name}.md").read_text("utf-8")
        assert text.splitlines()[2].startswith("Version 1. Normative.")
        assert text.index("## Terms") < 900
