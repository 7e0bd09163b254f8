"""Entries and chains: one form, no holes, named errors."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify import canonical, entries
from verify.entries import Entry
from verify.errors import ChainError, MalformedError

TOKEN = "s:" + "7" * 32
FIRST = Entry(TOKEN, "2026-11-23T06:00:00.000Z", "a" * 64, TOKEN, "0" * 64, 0, "item.sealed")
TEXT = FIRST.encode().decode()


def chain(count: int) -> list[Entry]:
    made = [FIRST]
    for seq in range(1, count):
        made.append(replace(FIRST, seq=seq, prev=entries.leaf(made[-1].encode()).hex()))
    return made


def test_the_bytes_are_canonical() -> None:
    assert canonical.encode(json.loads(TEXT)) == FIRST.encode()
    assert entries.decode_entry(FIRST.encode()) == FIRST


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "x:" + "7" * 32}, {"actor": "u:7"}, {"actor": 'sys","x":"'}, {"actor": "u:" + "A" * 32},
        {"at": "2026-11-23T06:00:00Z"}, {"at": "2026-13-23T06:00:00.000Z"}, {"at": "2026-02-30T06:00:00.000Z"},
        {"at": "2026-11-23T24:00:00.000Z"}, {"at": "2026-11-23T06:00:60.000Z"}, {"at": "1969-12-31T23:59:59.999Z"},
        {"at": "٢٠26-11-23T06:00:00.000Z"}, {"body": "A" * 64}, {"body": "a" * 63}, {"chain": "u:" + "7" * 32},
        {"chain": "sys "}, {"chain": ""}, {"prev": "1" * 64}, {"seq": 1}, {"seq": -1}, {"seq": True},
        {"seq": 2**53, "prev": "1" * 64}, {"seq": 1.0}, {"type": ""}, {"type": "Item.sealed"}, {"type": "a..b"},
        {"type": "item sealed"}, {"actor": "\ud800"}, {"actor": None},
    ],
    ids=repr,
)  # fmt: skip
def test_other_values_are_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(FIRST, **changes).encode()


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "1", TEXT + " ", " " + TEXT, TEXT + "\n", TEXT[:-1], TEXT.replace('"v":1', '"v":2'),
        TEXT.replace('"v":1', '"v":1,"w":1'), TEXT.replace('"seq":0,', ""), TEXT.replace('"seq":0', '"seq":0.0'),
        TEXT.replace('"seq":0', '"seq":00'), TEXT.replace('"seq":0', '"seq":"0"'), TEXT.replace('"seq":0', '"seq":0,"seq":0'),
        TEXT.replace(":", ": "), TEXT.replace("item", "\\u0069tem"), TEXT.replace('"v":1', '"v":true'),
        TEXT.replace('"seq":0', '"seq":' + "9" * 400), json.dumps(json.loads(TEXT), indent=1),
        "[" * 60_000, "x" * 65_536, TEXT.replace('"v":1', '"v":NaN'), '{"a":' * 10_000,
    ],
    ids=lambda text: text[-24:],
)  # fmt: skip
def test_other_bytes_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        entries.decode_entry(text.encode())


def test_the_message_says_what_is_wrong() -> None:
    for text, message in (
        (TEXT.replace('"v":1', '"v":2'), "expected version 1, got 2"),
        (TEXT.replace('"seq":0,', ""), "expected the members"),
        ("[]", "expected an object, got list"),
        ("x" * 65_536, "expected at most 65535 bytes, got 65536"),
    ):
        with pytest.raises(MalformedError, match=message):
            entries.decode_entry(text.encode())


@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    with pytest.raises(MalformedError):
        entries.decode_entry(data)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_each_byte_counts(at: int, byte: int) -> None:
    """A changed byte is refused, or is another entry with another leaf."""
    data = TEXT.encode()[:at] + bytes([byte]) + TEXT.encode()[at + 1 :]
    try:
        found = entries.decode_entry(data)
    except MalformedError:
        return
    assert found.encode() == data
    assert (found == FIRST) == (data == TEXT.encode())
    assert (entries.leaf(data) == entries.leaf(FIRST.encode())) == (data == TEXT.encode())


def test_a_whole_chain() -> None:
    made = chain(5)
    entries.check_chain(made)
    entries.check_chain([])
    entries.check_chain(made[3:], after=made[2])


def test_broken_chains() -> None:
    made = chain(5)
    other = replace(made[2], body="b" * 64)
    for broken, message in (
        (made[1:], "expected seq 0, got 1"),
        ([*made[:2], *made[3:]], "expected seq 2, got 3"),
        ([*made[:3], made[2]], "expected seq 3, got 2"),
        ([*made[:2], other, *made[3:]], "seq 3: expected prev"),
        ([made[0], replace(made[1], chain="i:" + "7" * 32)], "expected s:7+ at seq 1, got i:"),
    ):
        with pytest.raises(ChainError, match=message):
            entries.check_chain(broken)
    with pytest.raises(ChainError):
        entries.check_chain(made[3:], after=made[1])


@given(st.integers(0, 253_402_300_799_999))
def test_times(ms: int) -> None:
    text = entries.format_time(ms)
    assert entries.parse_time(text) == ms
    assert len(text) == 24


@pytest.mark.parametrize("ms", [-1, 253_402_300_800_000, 10**30])
def test_times_that_cannot_be_written(ms: int) -> None:
    with pytest.raises(MalformedError):
        entries.format_time(ms)


@given(st.text(max_size=30))
def test_random_times(text: str) -> None:
    with pytest.raises(MalformedError):
        entries.parse_time(text)


def test_a_time_is_a_text() -> None:
    with pytest.raises(MalformedError):
        entries.parse_time(5)
