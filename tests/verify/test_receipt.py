"""Receipts: the facts of a good one, and every forged one refused by name."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify.samples import LOG, OTHER_LOG, WITNESSES, Made, entry_of, make, sealed_fields
from verify import canonical, commitments, entries, merkle, notes, proof, receipt
from verify.errors import (
    CommitmentError,
    EvidenceError,
    IncompleteError,
    MalformedError,
    ProofError,
    SignatureError,
    UntrustedError,
)

FIELDS = sealed_fields(b"some recording")
MADE = make(FIELDS, witnesses=("court",))
TEXT = MADE.text()


def check(text: str) -> receipt.Receipt:
    return receipt.check_receipt(text, [LOG.vkey])


def with_extra(text: str, **changes: object) -> str:
    parsed = proof.parse(text)
    assert parsed.extra is not None
    value = canonical.decode(parsed.extra) | changes
    return replace(parsed, extra=canonical.encode(value)).format()


def test_facts() -> None:
    found = check(TEXT)
    assert (found.item, found.size, found.name) == ("1" * 32, 14, "现场.mp4")
    assert (found.sha256, found.root) == (FIELDS["sha256"], FIELDS["root"])
    assert (found.index, found.tree_size, found.origin) == (5, 11, "log.example/evidence")
    assert (found.vkey, found.at) == (LOG.vkey, MADE.entry.at)
    assert found.withheld == ("objects",)
    assert found.leaf == entries.leaf(MADE.entry.encode())
    assert found.witnesses == ()
    cosigned = receipt.check_receipt(TEXT, [LOG.verifier], witnesses=[WITNESSES["court"].verifier])
    assert [s.key.name for s in cosigned.witnesses] == ["witness.example/court"]


def test_objects_are_never_disclosed() -> None:
    assert "objects" not in check(TEXT).disclosed
    assert b'"objects",[' not in (proof.parse(TEXT).extra or b"")
    with pytest.raises(MalformedError, match="objects"):
        check(with_extra(TEXT, disclosed=[list(d) for d in MADE.disclosures]))


def test_what_is_withheld_is_not_needed_unless_asked_for() -> None:
    found = check(MADE.text(disclosed=[]))
    assert found.disclosed == {}
    assert found.name is None
    with pytest.raises(IncompleteError, match="expected sha256 to be disclosed"):
        _ = found.sha256


def test_required_names_are_checked_though_withheld() -> None:
    for missing in ("sha256", "objects", "root"):
        fields = {name: value for name, value in FIELDS.items() if name != missing}
        made = make(fields)
        for disclosed in ([], made.disclosures):
            with pytest.raises(MalformedError, match=f"expected the fields {missing}"):
                check(made.text(disclosed=disclosed))


def test_unknown_names_types_chains_and_kinds_are_refused() -> None:
    for made in (
        make(FIELDS | {"colour": "red"}), make(FIELDS, type_="item.painted"), make(FIELDS, chain="sys"),
        make(FIELDS | {"size": "14"}), make(FIELDS | {"sha256": "A" * 64}),
    ):  # fmt: skip
        with pytest.raises(MalformedError):
            check(made.text())


def test_nobody_trusted_signed() -> None:
    for keys in ([], [OTHER_LOG.vkey], [OTHER_LOG.verifier], [WITNESSES["court"].verifier]):
        with pytest.raises(UntrustedError):
            receipt.check_receipt(TEXT, keys)
    with pytest.raises(UntrustedError):
        check(make(FIELDS, key=OTHER_LOG).text())


def test_two_values_for_one_name() -> None:
    """The server commits to one digest of `sha256` and tries to show two parties two values."""
    salt = "e" * 32
    other = commitments.field_digest(salt, "sha256", "b" * 64)
    shown = [d for d in MADE.disclosures if d[1] != "sha256"]
    with pytest.raises(CommitmentError, match="disclosure sha256"):
        check(MADE.text(disclosed=[*shown, (salt, "sha256", "b" * 64)]))
    with pytest.raises(CommitmentError, match="body: expected digest"):
        check(
            MADE.text(
                body=MADE.body | {"sha256": other}, disclosed=[*shown, (salt, "sha256", "b" * 64)]
            )
        )
    with pytest.raises(MalformedError, match="expected once, got twice"):
        check(MADE.text(disclosed=[*MADE.disclosures, (salt, "sha256", "b" * 64)]))
    parsed = proof.parse(TEXT)
    assert parsed.extra is not None
    doubled = parsed.extra.replace(b'"body":{', b'"body":{"sha256":"%b",' % other.encode())
    with pytest.raises(MalformedError):
        check(replace(parsed, extra=doubled).format())


def test_an_entry_of_another_place() -> None:
    hashes = merkle.inclusion(MADE.leaves, 4)
    with pytest.raises(ProofError):
        check(MADE.text(index=4))
    with pytest.raises(ProofError):
        check(MADE.text(hashes=hashes))
    with pytest.raises(ProofError):
        check(MADE.text(index=11))
    with pytest.raises(ProofError):
        check(MADE.text(hashes=[*merkle.inclusion(MADE.leaves, 5), b"\0" * 32]))
    with pytest.raises(ProofError):
        check(MADE.text(entry=replace(MADE.entry, at="2026-11-23T06:00:00.001Z")))


def test_a_checkpoint_of_another_tree() -> None:
    other = make(FIELDS, size=12)
    with pytest.raises(ProofError):
        check(replace(MADE, note=other.note).text())
    with pytest.raises(SignatureError):
        check(replace(MADE, note=MADE.note.replace("\n11\n", "\n12\n")).text())
    with pytest.raises(MalformedError):
        check(replace(MADE, note=notes.sign_note("not a checkpoint\n", LOG)).text())


def test_receipts_of_other_entries() -> None:
    fields = {
        "case": "4" * 32,
        "number": "2026-1",
        "kind": "general",
        "title": "t",
        "officers": ["p"],
    }
    found = check(make(fields, type_="case.opened", chain="c:" + "4" * 32).text())
    assert found.disclosed["number"] == "2026-1"
    with pytest.raises(IncompleteError):
        _ = found.item


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2}, {"v": True}, {"v": None}, {"w": 1}, {"entry": None}, {"entry": {}}, {"entry": []}, {"body": None},
        {"body": []}, {"body": {}}, {"disclosed": None}, {"disclosed": {}}, {"disclosed": [1]}, {"disclosed": [[]]},
        {"disclosed": [["a" * 32, 1, 1]]}, {"disclosed": [[1, "name", 1]]}, {"disclosed": [[[], "name", {}]]},
        {"body": {"name": 1}}, {"body": {"name": None}},
    ],
    ids=repr,
)  # fmt: skip
def test_other_shapes_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((MalformedError, CommitmentError)):
        check(with_extra(TEXT, **changes))


def test_a_receipt_without_extra() -> None:
    with pytest.raises(MalformedError, match="expected an extra line"):
        check(replace(proof.parse(TEXT), extra=None).format())


def test_every_bit_of_the_receipt_counts() -> None:
    """No flipped bit yields a receipt with other facts; almost all are refused."""
    good = check(TEXT)
    data = TEXT.encode()
    for at in range(len(data)):
        for bit in (0, 3, 6):
            changed = data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
            try:
                found = check(changed.decode())
            except (EvidenceError, UnicodeDecodeError):
                continue
            # Only the line of a witness that nobody asked for may change unnoticed.
            assert found == good
            assert at > TEXT.encode().index("— witness".encode())


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), st.text(max_size=8))
@settings(max_examples=300)
def test_cut_and_patched(start: int, stop: int, patch: str) -> None:
    text = TEXT[:start] + patch + TEXT[stop:]
    try:
        found = check(text)
    except EvidenceError:
        return
    assert found.disclosed == check(TEXT).disclosed


@given(st.binary(max_size=200))
def test_random_extra(extra: bytes) -> None:
    parsed = replace(proof.parse(TEXT), extra=extra or b"x")
    with pytest.raises(MalformedError):
        check(parsed.format())


@given(st.text(max_size=300))
def test_random_text(text: str) -> None:
    with pytest.raises(MalformedError):
        check(text)


@given(
    st.sampled_from(sorted(FIELDS)),
    st.integers(-3, 3) | st.text(max_size=3) | st.none() | st.lists(st.none(), max_size=2),
)
def test_any_value_in_any_field(name: str, value: Any) -> None:
    """A committed value of the wrong kind is refused, by name, at any place."""
    try:
        found = check(make(FIELDS | {name: value}).text())
    except MalformedError:
        return
    if name != "objects":
        assert found.disclosed[name] == value


def test_the_largest_entries_and_long_disclosures() -> None:
    made = make(FIELDS | {"manifest": {"note": "长" * 300_000}})
    assert check(made.text()).disclosed["manifest"]["note"] == "长" * 300_000


def test_made_text_is_stable() -> None:
    """The same facts give the same bytes: a receipt asked for again is the one given before."""
    entry, _, disclosures = entry_of(FIELDS)
    assert entry == MADE.entry
    again: Made = replace(MADE, disclosures=disclosures[::-1])
    assert again.text() == TEXT
    assert base64.b64encode(proof.parse(TEXT).extra or b"").decode() in TEXT
