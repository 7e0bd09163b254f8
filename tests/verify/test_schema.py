"""Types, chains and fields: what may be written, and the error that says why not."""

from typing import Any

import pytest

from verify import schema
from verify.errors import MalformedError
from verify.schema import Field

SOURCE = "s:" + "7" * 32
SAMPLES: dict[str, tuple[list[Any], list[Any]]] = {
    "id": (["a" * 32], ["", "a" * 31, "A" * 32, "a" * 32 + "\n", 1, None]),
    "digest": (["0" * 64], ["0" * 63, "x" * 64, b"0" * 64, None]),
    "hex": (["", "00", "abcd"], ["0", "AB", "zz", 0, None]),
    "text": (["", "现场"], [1, None, [], b""]),
    "int": ([0, -5, 2**40], [True, 1.0, "1", None]),
    "bool": ([True, False], [0, 1, "true", None]),
    "time": (
        ["2026-11-23T06:00:00.000Z"],
        ["2026-11-23T06:00:00Z", "2026-02-30T06:00:00.000Z", "٢026-11-23T06:00:00.000Z", 5, None],
    ),
    "list": ([[], [1]], [{}, "[]", None]),
    "object": ([{}, {"a": 1}], [[], "{}", None]),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAMPLES)
def test_kinds(kind: Any) -> None:
    good, bad = SAMPLES[kind]
    for value in good:
        schema.check_value("x", Field(kind), value)
    for value in bad:
        with pytest.raises(MalformedError, match=f"field x: expected {kind}, got"):
            schema.check_value("x", Field(kind), value)


def test_a_whole_entry() -> None:
    schema.check("source.revoked", SOURCE, {"source": "7" * 32, "reason": "lost"})
    for type_, chain, fields, message in (
        ("source.revoked", SOURCE, {"source": "7" * 32}, "expected the fields reason"),
        ("source.revoked", SOURCE, {"source": "7" * 32, "reason": "x", "why": "y"}, "got why"),
        ("source.revoked", SOURCE, {"source": "7" * 32, "reason": None}, "source.revoked.reason: expected text"),
        ("source.revoked", "sys", {"source": "7" * 32, "reason": "x"}, "expected a chain of kind s, got sys"),
        ("source.painted", SOURCE, {}, "expected one of docs/formats/entries.md"),
    ):  # fmt: skip
        with pytest.raises(MalformedError, match=message):
            schema.check(type_, chain, fields)


@pytest.mark.parametrize(
    "chain",
    ["", "s", "s:", "sys:", "u:" + "7" * 32, "s:" + "7" * 31, "S:" + "7" * 32, SOURCE + "\n"],
)
def test_other_chains_are_refused(chain: str) -> None:
    with pytest.raises(MalformedError):
        schema.chain_kind(chain)


def test_kinds_of_chains() -> None:
    assert [schema.chain_kind(f"{k}:{'0' * 32}") for k in "sci"] == ["s", "c", "i"]
    assert schema.chain_kind("sys") == "sys"


def test_what_a_rebuild_needs_cannot_be_erased() -> None:
    """Fields that name or prove something else are never erasable."""
    for known in schema.TYPES.values():
        for name, field in known.fields.items():
            if field.erasable:
                assert field.kind in {"text", "list", "object", "hex"}, f"{known.name}.{name}"
                assert name not in {"objects", "number", "served"}, f"{known.name}.{name}"
