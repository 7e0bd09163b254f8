"""Canonical JSON: equal to RFC 8785 within the profile, and nothing outside it gets in."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from verify import canonical
from verify.errors import MalformedError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=12)
NUMBER = st.integers(-(2**53) + 1, 2**53 - 1)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=8,
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUE)
@settings(max_examples=300)
def test_equals_rfc_8785_and_plain_json_dumps(value: Any) -> None:
    data = canonical.encode(value)
    assert data == rfc8785.dumps(value)
    assert data.decode() == json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert canonical.decode(data) == value


@given(st.binary(max_size=60))
@settings(max_examples=500)
def test_random_bytes(data: bytes) -> None:
    try:
        value = canonical.decode(data)
    except MalformedError:
        return
    assert canonical.encode(value) == data


@given(ANYTHING, st.booleans(), st.sampled_from([None, 1]))
@settings(max_examples=300)
def test_json_of_any_kind(value: Any, ascii_: bool, indent: int | None) -> None:
    """Whatever JSON other writers make: read only if it is the canonical form."""
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent, default=str)
    data = text.encode(errors="surrogatepass")
    try:
        found = canonical.decode(data)
    except MalformedError:
        return
    assert canonical.encode(found) == data


@given(ANYTHING)
@settings(max_examples=300)
def test_values_of_any_kind(value: Any) -> None:
    try:
        data = canonical.encode(value)
    except MalformedError:
        return
    assert canonical.decode(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"{", b"1 ", b" 1", b"[1, 2]", b'{"a":1,"a":1}', b'{"b":1,"a":2}', b'{"a":1,"a":2}',
        b"1.0", b"1e3", b"-0", b"01", b"NaN", b"Infinity", b"-Infinity", b"9007199254740992",
        b"-9007199254740992", b"1" * 5000, b'"\\ud800"', b'"\\u0041"', b'"\\/"', b'"\\u00e9"',
        b'{"A":1}', b'{"":1}', b'{"a-b":1}', b'{"\xc3\xa9":1}', b"\xff", b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1", b"1\n", b"[" * 100_000, b"[" * 65 + b"]" * 65, b'{"a":' * 9000, b'"\\u001F"',
        b'"\x1f"', b'"\\u0008"', b"True", b"null,null",
    ],
    ids=lambda data: repr(data[:16]),
)  # fmt: skip
def test_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        canonical.decode(data)


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), 2**53, -(2**53), "\ud800", {"a": "\udfff"}, {"A": 1}, {1: 2}, {"": 1}, b"x",
     {1, 2}, object(), {"a\n": 1}, {"a": {"b": 0.5}}],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_not_written(value: object) -> None:
    with pytest.raises(MalformedError):
        canonical.encode(value)


def test_nesting_ends_at_the_documented_depth() -> None:
    deepest: Any = 1
    for _ in range(64):
        deepest = [deepest]
    assert canonical.decode(canonical.encode(deepest)) == deepest
    with pytest.raises(MalformedError, match="at most 64"):
        canonical.encode([deepest])
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(MalformedError, match="at most 64"):
        canonical.encode(endless)


def test_the_message_says_where() -> None:
    with pytest.raises(MalformedError, match=r"expected b'2.*' at byte 5, got b'1,"):
        canonical.decode(b'{"a":1,"a":2,"b":2}')
