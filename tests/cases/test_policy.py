"""Policies: what is read, what is refused, which version holds."""

import copy
import hashlib
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cases import policy
from cases.calendar import Term
from storage.ledger import Draft
from tests.storage.samples import START_MS, act, database_of, opened
from verify.entries import format_time

PERSON = "u:" + "1" * 32


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = copy.deepcopy(dict(policy.shipped_value()))
    for name, numbers in parts.items():
        value.setdefault(name, {}).update(numbers)
    return value


def test_the_shipped_policy_is_read_and_never_changes() -> None:
    """Its file is frozen: verdicts name its version."""
    held = policy.shipped()
    assert held.version == "shipped-1"
    assert held.coverage.hole_ms == 2000
    assert held.upload.term == Term(24, "h")
    digest = hashlib.sha256(policy.FILE.read_bytes()).hexdigest()
    assert digest == "1f45aa45f2b4619835d0d6a4fff2b19cb0e890a4c3fcd49249567a540a258e43"


def test_the_same_day_is_no_term() -> None:
    assert policy.read(changed(upload={"term": "0d"}), version="2").upload.term is None


def test_days_of_the_place_are_dates() -> None:
    held = policy.read(changed(holidays={"off": ["2026-03-03", "2026-03-03"]}), version="2")
    assert held.holidays.off == (date(2026, 3, 3),)
    assert date(2026, 3, 3) in held.holidays.days().holidays


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "expected the parts coverage"),
        (changed(surprise={}), "surprise"),
        (changed(coverage={"more": 1}), "policy coverage: expected hole_ms"),
        (changed(coverage={"hole_ms": -1}), "coverage.hole_ms: expected 0 to"),
        (changed(coverage={"hole_ms": True}), "coverage.hole_ms"),
        (changed(coverage={"hole_ms": "2000"}), "coverage.hole_ms"),
        (changed(upload={"term": "1 day"}), "upload.term: term: expected"),
        (changed(upload={"term": 24}), "upload.term: expected a term"),
        (changed(holidays={"off": ["x"]}), "holidays.off: expected dates"),
        (changed(holidays={"off": "2026-01-01"}), "holidays.off: expected a list"),
        (changed(holidays={"off": ["2026-01-05"], "working": ["2026-01-05"]}), "both for 2026-01-05"),
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused_by_name(value: dict[str, Any], words: str) -> None:
    with pytest.raises(policy.BadPolicyError, match=words):
        policy.read(value, version="2")


@pytest.mark.parametrize("version", ["", "x" * 65, "a\nb"])
def test_a_version_is_a_short_name(version: str) -> None:
    with pytest.raises(policy.BadPolicyError, match="policy version"):
        policy.read(policy.shipped_value(), version=version)


async def test_the_newest_approved_version_whose_date_has_come_holds(migrated_url: str) -> None:
    async with opened(migrated_url) as ledger:
        database = database_of(ledger)
        for version, days, decision in (
            ("a", 0, "approved"),
            ("b", 2, "approved"),
            ("c", 1, "refused"),
        ):
            fields = {
                "approval": version * 32, "version": version, "reason": "x",
                "valid_from": format_time(START_MS + days * 86_400_000), "value": changed(),
            }  # fmt: skip
            await act(ledger, Draft("policy.proposed", "sys", PERSON, fields))
            decided = {"approval": version * 32, "decision": decision}
            await act(ledger, Draft("approval.decided", "sys", PERSON, decided))
        for days, version in ((-1, "shipped-1"), (0, "a"), (1, "a"), (3, "b")):
            at_ms = START_MS + days * 86_400_000
            held = await database.write(lambda c, at_ms=at_ms: policy.in_force(c, at_ms))  # type: ignore[misc]
            assert held.version == version


def test_every_number_is_in_the_format_document() -> None:
    page = (Path(__file__).parents[2] / "docs/formats/policy.md").read_text("utf-8")
    told = re.findall(r"^\| (\w+\.\w+) \|", page, re.MULTILINE)
    assert told == [f"{part}.{name}" for part, of in policy.shipped_value().items() for name in of]
