"""The vectors in tests/vectors: made again byte for byte, and every case judged as it says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.vectors import generate
from verify import canonical, commitments, entries, merkle, notes, receipt, tiles
from verify.errors import ChainError, EvidenceError, MalformedError
from verify.examine import outcome_of
from verify.fingerprint import ChunkTree
from verify.notes import Verified, VerifierKey
from verify.policy import parse_policy

FOLDER = Path(generate.__file__).parent


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


def outcome(check: Callable[[], object]) -> str:
    try:
        check()
    except EvidenceError as exc:
        return outcome_of(exc)
    return "good"


def cases(name: str) -> Any:
    return pytest.mark.parametrize("case", load(name)["cases"], ids=lambda case: str(case["name"]))


def test_regenerating_gives_the_same_bytes() -> None:
    made = generate.build()
    assert sorted(made) == sorted(path.name for path in FOLDER.glob("*.json"))
    for name, text in made.items():
        assert (FOLDER / name).read_text("utf-8") == text, name


def test_trees() -> None:
    found = load("trees.json")
    leaves = [merkle.leaf_hash(b"entry %d" % i) for i in range(21)]
    roots = [bytes.fromhex(root) for root in found["roots"]]
    assert [merkle.root(leaves[:size]) for size in range(22)] == roots
    for case in found["inclusion"]:
        proof = [bytes.fromhex(h) for h in case["proof"]]
        assert merkle.inclusion(leaves[: case["size"]], case["index"]) == proof
        merkle.check_inclusion(
            leaves[case["index"]], case["index"], case["size"], proof, roots[case["size"]]
        )
    for case in found["consistency"]:
        proof = [bytes.fromhex(h) for h in case["proof"]]
        assert merkle.consistency(leaves[: case["new"]], case["old"]) == proof
        merkle.check_consistency(
            case["old"], case["new"], roots[case["old"]], roots[case["new"]], proof
        )
    for case in found["range"]:
        proof = [bytes.fromhex(h) for h in case["proof"]]
        start, stop, size = case["start"], case["stop"], case["size"]
        assert merkle.prove_range(leaves[:size], start, stop) == proof
        merkle.check_range(leaves[start:stop], start, size, proof, roots[size])
    for text, paths in found["tiles"].items():
        assert sorted(tile.path for tile in tiles.tiles_between(0, int(text))) == paths


def test_canonical() -> None:
    found = load("canonical.json")
    for case in found["good"]:
        assert canonical.decode(bytes.fromhex(case["bytes"])) == case["value"]
        assert canonical.encode(case["value"]).hex() == case["bytes"]
    for data in found["malformed"]:
        with pytest.raises(MalformedError):
            canonical.decode(bytes.fromhex(data))


def test_entries() -> None:
    found = load("entries.json")
    for case in found["good"]:
        data = case["bytes"].encode()
        assert entries.decode_entry(data).encode() == data
        assert entries.leaf(data).hex() == case["leaf"]
    entries.check_chain([entries.decode_entry(text.encode()) for text in found["chain"]])
    for case in found["broken_chains"]:
        with pytest.raises(ChainError):
            entries.check_chain([entries.decode_entry(text.encode()) for text in case["chain"]])
    for case in found["malformed"]:
        with pytest.raises(MalformedError):
            entries.decode_entry(case["bytes"].encode())


@cases("commitments.json")
def test_commitments(case: Any) -> None:
    found = outcome(
        lambda: commitments.check_disclosed(case["digest"], case["body"], case["disclosed"])
    )
    assert found == case["outcome"]


def test_a_body_with_a_doubled_name() -> None:
    with pytest.raises(MalformedError):
        canonical.decode(load("commitments.json")["doubled_body"].encode())


@cases("notes.json")
def test_notes(case: Any) -> None:
    keys = [VerifierKey.parse(key) for key in case["keys"]]
    assert outcome(lambda: notes.open_note(case["note"], keys)) == case["outcome"]


@pytest.mark.parametrize("vkey", load("notes.json")["malformed_vkeys"])
def test_vkeys(vkey: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey.parse(vkey)


@cases("receipts.json")
def test_receipts(case: Any) -> None:
    vkey = load("receipts.json")["vkey"]
    assert outcome(lambda: receipt.check_receipt(case["receipt"], [vkey])) == case["outcome"]


def test_fingerprints() -> None:
    for case in load("fingerprints.json")["cases"]:
        tree = ChunkTree()
        tree.update((bytes(range(256)) * (case["size"] // 256 + 1))[: case["size"]])
        assert tree.root().hex() == case["root"]
        assert [leaf.hex() for leaf in tree.leaves()] == case["tree"]


@cases("policies.json")
def test_policies(case: Any) -> None:
    def check() -> None:
        signed = [Verified(VerifierKey.parse(key), 0) for key in case["signed"]]
        parse_policy(case["policy"]).check_quorum(signed)

    assert outcome(check) == case["outcome"]
