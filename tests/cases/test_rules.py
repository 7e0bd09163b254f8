"""The rules of the case, without any database."""

import pytest

from cases import resolve, rules
from storage.ledger import Draft
from verify import schema
from verify.errors import ConflictError, MalformedError, NotFoundError

CASE, ITEM, LEAF = "c" * 32, "1" * 32, "a" * 64
ACTOR = "u:" + "0" * 32


def opened(**changes: object) -> Draft:
    given = {
        "number": "沪城管罚〔2026〕17号",
        "kind": "penalty",
        "title": "占道经营",
        "officers": ["张三 (01001)", "李四 (01002)"],
        "actor": ACTOR,
        "taken_by": None,
    }
    return rules.open_case(CASE, **(given | changes))  # type: ignore[arg-type]


def test_a_case_is_opened_in_its_own_chain() -> None:
    draft = opened(number="  2026-17 ")
    assert (draft.type, draft.chain, draft.fields["number"]) == (
        "case.opened",
        f"c:{CASE}",
        "2026-17",
    )
    schema.check(draft.type, draft.chain, draft.fields)


def test_a_number_is_used_once() -> None:
    with pytest.raises(ConflictError, match=r"expected an unused one, got .*17号"):
        opened(taken_by="f" * 32)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("number", "   ", "case number: expected some text"),
        ("number", "x" * 101, "case number: expected at most 100 characters, got 101"),
        ("title", "a\nb", r"case title: expected no control characters, got U\+000A"),
        ("title", "a\u202eb", r"got U\+202E"),
        ("kind", "", "case kind: expected some text"),
        ("officers", ["a", "a "], "officers: expected each once"),
        ("officers", ["x"] * 51, "officers: expected at most 50, got 51"),
    ],
)
def test_what_cannot_be_read_by_everybody_is_refused(
    field: str, value: object, message: str
) -> None:
    with pytest.raises(MalformedError, match=message):
        opened(**{field: value})


def link(**changes: object) -> Draft:
    given = {
        "case": CASE,
        "item": rules.Sealed(ITEM, LEAF),
        "live": None,
        "stage": "investigation",
        "reason": "现场执法记录",
        "actor": ACTOR,
    } | changes
    return rules.link_item(given.pop("case"), given.pop("item"), **given)  # type: ignore[arg-type]


def test_a_link_names_the_entry_that_sealed_the_item() -> None:
    draft = link()
    assert draft.chain == f"c:{CASE}"
    assert draft.fields == {
        "item": ITEM,
        "sealed": LEAF,
        "case": CASE,
        "stage": "investigation",
        "reason": "现场执法记录",
    }
    schema.check(draft.type, draft.chain, draft.fields)
    assert "stage" not in link(stage=None).fields


def test_what_is_not_there_or_linked_already_cannot_be_linked() -> None:
    with pytest.raises(NotFoundError, match="case: expected an opened case"):
        link(case=None)
    with pytest.raises(NotFoundError, match="item: expected a sealed item"):
        link(item=None)
    with pytest.raises(ConflictError, match="got the one of entry 9"):
        link(live=rules.LiveLink(9, LEAF))
    with pytest.raises(MalformedError, match="reason: expected some text"):
        link(reason=" \n ")


def test_a_reason_may_have_several_lines() -> None:
    assert link(reason="one\r\n\r\ntwo\n").fields["reason"] == "one\n\ntwo"


def test_unlinking_names_the_link() -> None:
    draft = rules.unlink_item(
        CASE, ITEM, live=rules.LiveLink(9, LEAF), reason="wrong case", actor=ACTOR
    )
    assert draft.fields == {"item": ITEM, "case": CASE, "link": LEAF, "reason": "wrong case"}
    schema.check(draft.type, draft.chain, draft.fields)
    with pytest.raises(ConflictError, match="expected a link to case"):
        rules.unlink_item(CASE, ITEM, live=None, reason="wrong", actor=ACTOR)


def test_a_wish_is_granted_once_and_never_against_a_decision() -> None:
    sealed = rules.Sealed(ITEM, LEAF)
    (draft,) = resolve.decide_wish(sealed, CASE, decided=False)
    assert (draft.actor, draft.fields["reason"]) == ("sys", "announced by the device")
    assert resolve.decide_wish(sealed, CASE, decided=True) == []
    assert resolve.decide_wish(sealed, None, decided=False) == []
    assert resolve.decide_wish(None, CASE, decided=False) == []
