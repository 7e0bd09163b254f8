"""How long a device waits, and how much it sends at once."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from capture.client import Server, problem, retry_after
from capture.errors import RetryError
from capture.sending import LARGEST, SMALLEST, next_piece, pause
from capture.source import shown
from verify.errors import ConflictError, DigestMismatchError

MIB = 1 << 20


def test_pauses_double_stay_bounded_and_honour_the_server() -> None:
    assert [pause(n, None, 1.0) for n in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert pause(1, None, 0.0) == 0.5
    assert pause(1, 120.0, 0.0) == 120.5


def test_pieces_are_worth_eight_seconds_and_never_too_large() -> None:
    assert next_piece(8 * MIB, 0.01) == 32 * MIB
    assert next_piece(64 * MIB, 0.01) == LARGEST == 64 * MIB
    assert next_piece(8 * MIB, 64.0) == SMALLEST
    assert next_piece(8 * MIB, 16.0) == 4 * MIB


def test_retry_after_is_read_in_both_forms() -> None:
    assert retry_after({"Retry-After": "7"}) == 7
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"Retry-After": soon}) == pytest.approx(60, abs=2)
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None


def test_answers_become_named_errors() -> None:
    error = problem(507, "sending", b'{"title":"full","status":507}', {"Retry-After": "9"})
    assert isinstance(error, RetryError)
    assert (str(error), error.after) == ("sending: the server answered 507, full", 9.0)
    assert isinstance(problem(409, "sending", b"", {}), ConflictError)
    assert isinstance(problem(460, "sending", b"", {}), DigestMismatchError)
    assert str(problem(503, "x", b"<html>", {})) == "x: the server answered 503, <html>"


@pytest.mark.parametrize(
    ("base", "location", "path"),
    [
        ("http://a", "http://b/api/uploads/1", "/api/uploads/1"),
        ("https://a/liuhen", "https://a/liuhen/api/uploads/1", "/liuhen/api/uploads/1"),
        ("https://a/liuhen/", "/api/uploads/1", "/liuhen/api/uploads/1"),
        ("http://a", "//evil.example/api/uploads/1", "/api/uploads/1"),
    ],
)
def test_of_a_location_only_the_path_counts(base: str, location: str, path: str) -> None:
    server = Server(None, base, "token")  # type: ignore[arg-type]
    assert server._same(location) == path


def test_names_are_shown_escaped() -> None:
    assert shown("现场\u202e\n\x1b[2Jx\udcff") == "现场\\u202e\\n\\x1b[2Jx\\xff"
