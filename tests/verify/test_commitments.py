"""Commitments: one value per name, whatever a holder of the salts tries."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.test_canonical import ANYTHING, NAME, VALUE
from verify import canonical, commitments
from verify.errors import CommitmentError, MalformedError

FIELDS = st.dictionaries(NAME, VALUE, min_size=1, max_size=4)


def numbered() -> Any:
    numbers = iter(range(1, 1000))
    return lambda: f"{next(numbers):032x}"


@given(FIELDS, st.data())
def test_any_part_can_be_shown(fields: dict[str, Any], data: st.DataObject) -> None:
    body, disclosures = commitments.commit(fields, numbered())
    digest = commitments.body_digest(body)
    shown = [d for d in disclosures if data.draw(st.booleans())]
    assert commitments.check_disclosed(digest, body, shown) == {
        name: fields[name] for _, name, _ in shown
    }


@given(FIELDS)
def test_canonical_forms_come_along(fields: dict[str, Any]) -> None:
    made = commitments.commit_fields(fields, numbered())
    assert made.body_json == canonical.encode(made.body)
    assert made.disclosed_json == canonical.encode(made.disclosures)
    assert made.digest == commitments.body_digest(made.body)


@given(FIELDS, st.data())
def test_every_change_is_refused(fields: dict[str, Any], data: st.DataObject) -> None:
    body, disclosures = commitments.commit(fields, numbered())
    digest = commitments.body_digest(body)
    salt, name, value = data.draw(st.sampled_from(disclosures))
    other = data.draw(VALUE.filter(lambda v: canonical.encode(v) != canonical.encode(value)))
    for forged in ((salt, name, other), ("f" * 32, name, value), (salt, name + "_", value)):
        with pytest.raises(CommitmentError):
            commitments.check_disclosed(digest, body, [forged])
    with pytest.raises(CommitmentError):
        commitments.check_disclosed("0" * 64, body, disclosures)
    with pytest.raises(CommitmentError):
        commitments.check_disclosed(digest, body | {"zz": "0" * 64}, disclosures)
    with pytest.raises(MalformedError):
        commitments.check_disclosed(digest, body, [disclosures[0], disclosures[0]])


def test_two_values_for_one_name_cannot_be_committed() -> None:
    """A bare list of digests would let a server show each side its own value."""
    salts = "a" * 32, "b" * 32
    one = commitments.field_digest(salts[0], "sha256", "1" * 64)
    two = commitments.field_digest(salts[1], "sha256", "2" * 64)
    for body in ({"sha256": one}, {"sha256": two}):
        digest = commitments.body_digest(body)
        shown = [
            (salts[0], "sha256", "1" * 64)
            if body["sha256"] == one
            else (salts[1], "sha256", "2" * 64)
        ]
        commitments.check_disclosed(digest, body, shown)
        hidden = [
            (salts[1], "sha256", "2" * 64)
            if body["sha256"] == one
            else (salts[0], "sha256", "1" * 64)
        ]
        with pytest.raises(CommitmentError):
            commitments.check_disclosed(digest, body, hidden)
    forged: Any = [one, two]  # the list form
    with pytest.raises(MalformedError):
        commitments.check_disclosed("0" * 64, forged, [])
    forged = {"sha256": [one, two]}
    with pytest.raises(MalformedError):
        commitments.check_disclosed("0" * 64, forged, [])
    doubled = f'{{"sha256":"{one}","sha256":"{two}"}}'.encode()
    with pytest.raises(MalformedError):
        canonical.decode(doubled)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_disclosure(salt: Any, name: Any, value: Any) -> None:
    with pytest.raises((MalformedError, CommitmentError)):
        commitments.check_disclosed("0" * 64, {}, [(salt, name, value)])


@given(ANYTHING, ANYTHING)
def test_any_body(body: Any, disclosed: Any) -> None:
    """Whatever JSON value stands where the body should be: a named error."""
    with pytest.raises((MalformedError, CommitmentError)):
        commitments.check_disclosed(
            "0" * 64, body, disclosed if isinstance(disclosed, list) else []
        )


@pytest.mark.parametrize("salt", ["", "a" * 31, "A" * 32, "g" * 32, "a" * 33, "a" * 32 + "\n"])
def test_other_salts_are_refused(salt: str) -> None:
    with pytest.raises(MalformedError):
        commitments.field_digest(salt, "name", 1)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(MalformedError):
        commitments.field_digest("a" * 32, "name", "\ud800")
