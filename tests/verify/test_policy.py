"""Trust files: quorums are counted right, and no witness counts twice."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify.samples import LOG, OTHER_LOG, TIME, WITNESSES
from verify.errors import MalformedError, QuorumError
from verify.notes import COSIGNATURE, SigningKey, Verified
from verify.policy import Policy, parse_policy

LINES = [f"witness {name} {key.vkey}" for name, key in WITNESSES.items()]
TEXT = "\n".join(
    [
        "# trust for the district", f"log {LOG.vkey} https://log.example/evidence", "", *LINES,
        "group outside 2 court prosecutor ombudsman", "quorum outside", "",
    ]
)  # fmt: skip


def signed(policy: Policy, *names: str) -> None:
    policy.check_quorum([Verified(WITNESSES[name].verifier, TIME) for name in names])


def test_the_example() -> None:
    policy = parse_policy(TEXT)
    assert policy.logs == (LOG.verifier,)
    assert list(policy.witnesses) == ["court", "prosecutor", "ombudsman"]
    for pair in combinations(WITNESSES, 2):
        signed(policy, *pair)
    signed(policy, *WITNESSES)
    for few in ((), ("court",), ("court", "court")):
        with pytest.raises(QuorumError, match="expected the quorum outside, got"):
            signed(policy, *few)


def test_no_quorum() -> None:
    signed(parse_policy("quorum none"))
    signed(parse_policy(f"log {LOG.vkey}\nlog {OTHER_LOG.vkey}\n \t \n\t# x\n quorum\tnone \n"))


def test_one_witness_any_and_all() -> None:
    base = "\n".join(LINES)
    one = parse_policy(f"{base}\nquorum court")
    signed(one, "court")
    with pytest.raises(QuorumError):
        signed(one, "prosecutor", "ombudsman")
    every = parse_policy(f"{base}\ngroup g all court prosecutor\nquorum g")
    signed(every, "court", "prosecutor")
    with pytest.raises(QuorumError):
        signed(every, "court", "ombudsman")
    some = parse_policy(f"{base}\ngroup g any court prosecutor\nquorum g")
    signed(some, "prosecutor")
    with pytest.raises(QuorumError):
        signed(some, "ombudsman")


def test_groups_of_groups() -> None:
    policy = parse_policy(
        "\n".join([*LINES, "group a any court prosecutor", "group b all a ombudsman", "quorum b"])
    )
    signed(policy, "prosecutor", "ombudsman")
    with pytest.raises(QuorumError):
        signed(policy, "prosecutor", "court")


def test_a_stranger_does_not_count() -> None:
    stranger = SigningKey("witness.example/court", b"\x33" * 32, COSIGNATURE).verifier
    with pytest.raises(QuorumError):
        parse_policy(f"{LINES[0]}\nquorum court").check_quorum([Verified(stranger, TIME)])


COURT = LINES[0]
RENAMED = SigningKey("witness.example/again", WITNESSES["court"].seed, COSIGNATURE).vkey


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing", f"log {LOG.vkey}", "quorum", "quorum court", "quorum none\nquorum none", f"quorum court\n{COURT}",
        f"log {LOG.vkey}\nlog {LOG.vkey}\nquorum none", f"log {WITNESSES['court'].vkey}\nquorum none",
        f"witness court {LOG.vkey}\nquorum none", f"{COURT}\n{COURT}\nquorum none", f"{COURT}\nwitness other {RENAMED}\nquorum none",
        f"witness none {WITNESSES['court'].vkey}\nquorum none", f"{COURT}\ngroup court any court\nquorum none",
        f"{COURT}\ngroup g any\nquorum none", f"{COURT}\ngroup g 0 court\nquorum none", f"{COURT}\ngroup g 2 court\nquorum none",
        f"{COURT}\ngroup g 01 court\nquorum none", f"{COURT}\ngroup g one court\nquorum none", f"{COURT}\ngroup g 1 court court\nquorum none",
        f"{COURT}\ngroup g any court\ngroup h any court\nquorum none", f"{COURT}\ngroup g any g\nquorum none",
        f"{COURT}\ngroup g any nobody\nquorum none", f"{COURT}\ngroup g any none\nquorum none", "log\nquorum none", "log x\nquorum none",
        f"log {LOG.vkey} url more\nquorum none", f"witness {WITNESSES['court'].vkey}\nquorum none", "Quorum none", "quorum none\r\n",
        "quorum\u3000none", "quorum none\x00", "quorum none\x7f", "x" * (2 << 20),
    ],
    ids=lambda text: repr(text[-30:]),
)  # fmt: skip
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_policy(text)


@given(
    st.lists(
        st.sampled_from([*TEXT.split("\n"), "group", "group g all g", "quorum none", "\x01"])
        | st.text(max_size=20)
    )
)
@settings(max_examples=300)
def test_random_files(lines: list[str]) -> None:
    try:
        policy = parse_policy("\n".join(lines))
    except MalformedError:
        return
    assert (
        policy.quorum == "none"
        or policy.quorum in policy.witnesses
        or policy.quorum in policy.groups
    )
