"""E04: marks on the time line: whose they are, what they may say, and that nothing is lost."""

import pytest

from cases import marks
from cases.marks import Mark, MarkWithdrawnError, NotYourMarkError, Wording
from verify.errors import MalformedError


def mark(**more: object) -> Mark:
    values = {
        "id": "1" * 32, "case": "2" * 32, "item": None, "start_ms": 0, "end_ms": 1, "category": "key",
        "text": "x", "source": "person", "actor": "u:1", "made_ms": 0, "made_index": 1,
        "text_index": 1, "withdrawn_index": None,
    }  # fmt: skip
    return Mark(**(values | more))  # type: ignore[arg-type]


def test_a_mark_says_when_of_which_kind_and_what() -> None:
    fields = marks.worded(Wording(0, 1500, "dispute", "  拒绝签字\r\n第二行  "))
    assert fields == {
        "start": "1970-01-01T00:00:00.000Z", "end": "1970-01-01T00:00:01.500Z",
        "category": "dispute", "text": "拒绝签字\n第二行",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wording", "told"),
    [
        (Wording(1, 0, "key", "x"), "end: expected"),
        (Wording(0, 0, "nonsense", "x"), "category: expected"),
        (Wording(0, 0, "key", "  "), "text: expected some"),
        (Wording(0, 0, "key", "x" * 2001), "text: expected at most"),
    ],
)
def test_what_is_no_mark_is_refused(wording: Wording, told: str) -> None:
    with pytest.raises(MalformedError, match=told):
        marks.worded(wording)


def test_only_its_author_changes_a_mark_that_stands() -> None:
    marks.check_author(mark(), "u:1")
    with pytest.raises(NotYourMarkError):
        marks.check_author(mark(), "u:2")
    with pytest.raises(MarkWithdrawnError):
        marks.check_author(mark(withdrawn_index=4), "u:1")
