"""Writes the vectors beside it: `python -m tests.vectors.generate`.  A test regenerates and compares.

Every key, salt and byte comes from a rule written here, so that anybody can make them again.  A case
says what must come out: "good", or the outcome of the error ("malformed", "broken", "incomplete").
Trees and proofs are made by the recursive reference, not by the kernel.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.verify import reference
from tests.verify.samples import LOG, OTHER_LOG, TIME, WITNESSES, make, sealed_fields
from verify import canonical, commitments, entries, fingerprint, notes, proof
from verify.checkpoint import Checkpoint
from verify.notes import COSIGNATURE, SigningKey

FOLDER = Path(__file__).parent
CHUNK = fingerprint.CHUNK


def trees() -> dict[str, Any]:
    leaves = [reference.leaf(b"entry %d" % i) for i in range(21)]
    return {
        "leaves": "leaf i is the bytes «entry i», i in decimal",
        "roots": [reference.mth(leaves[:size]).hex() for size in range(22)],
        "inclusion": [
            {"index": i, "size": n, "proof": [h.hex() for h in reference.path(i, leaves[:n])]}
            for n in (1, 2, 3, 7, 8, 13, 21)
            for i in range(n)
        ],
        "consistency": [
            {"old": m, "new": n, "proof": [h.hex() for h in reference.proof(m, leaves[:n])]}
            for n in (1, 2, 3, 7, 8, 13, 21)
            for m in range(1, n + 1)
        ],
        "range": [
            {"start": a, "stop": b, "size": n, "proof": [h.hex() for h in reference.range_proof(leaves[:n], a, b)]}
            for n in (1, 2, 7, 13)
            for a in range(n)
            for b in range(a + 1, n + 1)
        ],
        "tiles": {
            str(size): sorted(reference.tile_files([leaves[0]] * size)) for size in (1, 255, 256, 257, 600)
        },
    }  # fmt: skip


def canonical_json() -> dict[str, Any]:
    good: list[Any] = [
        None, True, 0, -1, 2**53 - 1, -(2**53) + 1, "", "现场.mp4", "\x00\x1f\x7f\u2028\"\\/\b\t", "😀", [], {}, [[], {}],
        {"b": 1, "a": [None, False], "a0": {"_": ""}, "0": "x"},
    ]  # fmt: skip
    bad = [
        "", " 1", "1 ", "1.0", "1e2", "-0", "01", "NaN", "9007199254740992", '{"a":1,"a":1}', '{"b":1,"a":1}', '{"A":1}',
        '{"":1}', "[1, 2]", '"\\u0041"', '"\\ud800"', '"\\/"', "[" * 65 + "]" * 65, "[" * 5000, "1" * 5000,
    ]  # fmt: skip
    return {
        "good": [{"bytes": canonical.encode(value).hex(), "value": value} for value in good],
        "malformed": [text.encode().hex() for text in bad] + ["ff", "22eda08022", "efbbbf31"],
    }


def entry_bytes() -> dict[str, Any]:
    made = make(sealed_fields(b""))
    first = made.entry
    second = replace(first, seq=1, prev=entries.leaf(first.encode()).hex())
    text = first.encode().decode()
    changes: list[tuple[str, Callable[[str], str]]] = [
        ("version 2", lambda t: t.replace('"v":1', '"v":2')),
        ("unknown member", lambda t: t.replace('"v":1', '"v":1,"w":1')),
        ("missing member", lambda t: t.replace('"seq":0,', "")),
        ("member twice", lambda t: t.replace('"seq":0', '"seq":0,"seq":0')),
        ("space", lambda t: t.replace(":", ": ", 1)),
        ("newline after it", lambda t: t + "\n"),
        ("upper-case hex", lambda t: t.replace("7777", "AAAA", 1)),
        ("seq 0 with prev", lambda t: t.replace("0" * 64, "1" * 64)),
        ("seq 1 without prev", lambda t: t.replace('"seq":0', '"seq":1')),
        ("30 February", lambda t: t.replace(first.at, "2026-02-30T06:00:00.000Z")),
        ("time without ms", lambda t: t.replace(first.at, "2026-11-23T06:00:00Z")),
    ]
    return {
        "good": [
            {"bytes": e.encode().decode(), "leaf": entries.leaf(e.encode()).hex()}
            for e in (first, second)
        ],
        "chain": [e.encode().decode() for e in (first, second)],
        "broken_chains": [
            {"name": "hole", "chain": [second.encode().decode()]},
            {"name": "doubled", "chain": [text, text]},
            {
                "name": "another predecessor",
                "chain": [text, replace(second, prev="1" * 64).encode().decode()],
            },
        ],
        "malformed": [{"name": name, "bytes": change(text)} for name, change in changes],
    }


def commitment_cases() -> dict[str, Any]:
    fields = {"name": "现场.mp4", "sha256": "a" * 64, "size": 0}
    numbers = iter(range(1, 9))
    body, disclosures = commitments.commit(fields, lambda: f"{next(numbers):032x}")
    digest = commitments.body_digest(body)
    salt = "e" * 32
    other = commitments.field_digest(salt, "sha256", "b" * 64)

    def case(
        name: str, outcome: str, body_: object = body, disclosed: object = disclosures
    ) -> dict[str, Any]:
        return {
            "name": name,
            "outcome": outcome,
            "digest": digest,
            "body": body_,
            "disclosed": disclosed,
        }

    return {
        "cases": [
            case("everything shown", "good"),
            case("one shown", "good", disclosed=disclosures[1:2]),
            case("nothing shown", "good", disclosed=[]),
            case("another value", "broken", disclosed=[[disclosures[1][0], "sha256", "b" * 64]]),
            case("another salt", "broken", disclosed=[[salt, "sha256", "a" * 64]]),
            case("another name", "broken", disclosed=[[disclosures[1][0], "sha255", "a" * 64]]),
            case("two values: the second shown", "broken", disclosed=[[salt, "sha256", "b" * 64]]),
            case("two values: body exchanged", "broken", body | {"sha256": other}, [[salt, "sha256", "b" * 64]]),
            case("two values: both shown", "malformed", disclosed=[*disclosures, [salt, "sha256", "b" * 64]]),
            case("two values: a list of digests under the name", "malformed", body | {"sha256": [body["sha256"], other]}),
            case("two values: a bare list of digests", "malformed", [*body.values(), other]),
        ],
        "doubled_body": f'{{"sha256":"{body["sha256"]}","sha256":"{other}"}}',
    }  # fmt: skip


def note_cases() -> dict[str, Any]:
    text = Checkpoint(
        "log.example/evidence",
        3,
        reference.mth([reference.leaf(b"entry %d" % i) for i in range(3)]),
    ).format()
    note = notes.sign_note(text, LOG)
    court = WITNESSES["court"]
    sixteen = [SigningKey(f"other.example/{i}", bytes([i]) * 32) for i in range(16)]
    failing = OTHER_LOG.sign("another text\n")
    line = court.sign(text, time=TIME)
    name, _, payload = line.rpartition(" ")
    data = bytearray(base64.b64decode(payload))
    data[11] ^= 1  # the last byte of the time
    later = f"{name} {base64.b64encode(data).decode()}\n"

    def case(name: str, outcome: str, note_: str, *keys: SigningKey) -> dict[str, Any]:
        return {
            "name": name,
            "outcome": outcome,
            "note": note_,
            "keys": [k.vkey for k in keys or (LOG,)],
        }

    return {
        "cases": [
            case("signed", "good", note),
            case("cosigned", "good", note + line, LOG, court),
            case("text with blank lines", "good", notes.sign_note("a\n\nb\n\n\nc\n", LOG)),
            case("sixteen unknown signatures before", "good", notes.sign_note(text, *sixteen, LOG)),
            case("unknown key of the same name, failing", "good", note + failing),
            case("known key failing beside a good one", "broken", note + failing, LOG, OTHER_LOG),
            case("no known key", "incomplete", note, OTHER_LOG),
            case("signature of a witness only", "incomplete", f"{text}\n{line}", LOG),
            case("cosignature with another time", "broken", f"{note}{later}", LOG, court),
            case("text changed", "broken", note.replace("\n3\n", "\n4\n")),
            case("control character", "malformed", note.replace("log.example/evidence\n3", "log.example/evidence\t\n3")),
            case("no blank line", "malformed", note.replace("\n\n", "\n")),
            case("no newline at the end", "malformed", note[:-1]),
            case("line that is no signature", "malformed", note + "- a QUJDREVG\n"),
            case("base64 in a second form", "malformed", note.replace("1sgU=", "1sgV=")),
        ],
        "malformed_vkeys": [
            "", "a+b", LOG.vkey[:-1], LOG.vkey.replace("+2d6e776b+", "+2d6e776c+"), LOG.vkey.replace("+2d6e776b+", "+2D6E776B+"),
        ],
    }  # fmt: skip


def receipt_cases() -> dict[str, Any]:
    fields = sealed_fields(b"some recording")
    made = make(fields, witnesses=("court",))
    text = made.text()
    parsed = proof.parse(text)
    assert parsed.extra is not None
    salt = "e" * 32
    shown = [d for d in made.disclosures if d[1] != "sha256"]
    other = commitments.field_digest(salt, "sha256", "b" * 64)
    forged = (salt, "sha256", "b" * 64)
    objects = canonical.decode(parsed.extra) | {"disclosed": [list(d) for d in made.disclosures]}
    doubled = parsed.extra.replace(b'"body":{', b'"body":{"sha256":"%b",' % other.encode())
    bare = make({name: value for name, value in fields.items() if name != "root"})

    def case(name: str, outcome: str, text_: str) -> dict[str, Any]:
        return {"name": name, "outcome": outcome, "receipt": text_}

    return {
        "vkey": LOG.vkey,
        "file": b"some recording".hex(),
        "cases": [
            case("good", "good", text),
            case("nothing shown", "good", made.text(disclosed=[])),
            case("signed by another key", "incomplete", make(fields, key=OTHER_LOG).text()),
            case("another index", "broken", made.text(index=4)),
            case("index outside the tree", "broken", made.text(index=11)),
            case("a hash too many", "broken", made.text(hashes=[*parsed.hashes, bytes(32)])),
            case("a hash too few", "broken", made.text(hashes=parsed.hashes[:-1])),
            case("hashes exchanged", "broken", made.text(hashes=parsed.hashes[::-1])),
            case("another tree's checkpoint", "broken", made.text(note=make(fields, size=12).note)),
            case("size in the checkpoint changed", "broken", text.replace("\n11\n", "\n12\n")),
            case("two values: the second shown", "broken", made.text(disclosed=[*shown, forged])),
            case("two values: body exchanged", "broken", made.text(body=made.body | {"sha256": other}, disclosed=[*shown, forged])),
            case("two values: both shown", "malformed", made.text(disclosed=[*made.disclosures, forged])),
            case("two values: member twice", "malformed", replace(parsed, extra=doubled).format()),
            case("objects shown", "malformed", replace(parsed, extra=canonical.encode(objects)).format()),
            case("root not committed to", "malformed", bare.text()),
            case("root not committed to, nothing shown", "malformed", bare.text(disclosed=[])),
            case("no extra line", "malformed", replace(parsed, extra=None).format()),
            case("extra line after the index", "malformed", "\n".join([*(r := text.split("\n"))[:1], r[2], r[1], *r[3:]])),
            case("cut", "malformed", text[: text.index("— ")]),
        ],
    }  # fmt: skip


def fingerprints() -> dict[str, Any]:
    pattern = bytes(range(256))
    cases = []
    for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5):
        data = (pattern * (size // 256 + 1))[:size]
        chunks = [reference.leaf(data[i : i + CHUNK]) for i in range(0, size, CHUNK)]
        whole = fingerprint.ChunkTree()
        whole.update(data)
        assert whole.leaves() == chunks
        cases.append(
            {"size": size, "root": reference.mth(chunks).hex(), "tree": [c.hex() for c in chunks]}
        )
    return {"bytes": "byte i of each file is i mod 256", "chunk": CHUNK, "cases": cases}


def policies() -> dict[str, Any]:
    witness = {name: f"witness {name} {key.vkey}" for name, key in WITNESSES.items()}
    log, three = f"log {LOG.vkey}", "\n".join(witness.values())
    again = SigningKey("witness.example/again", WITNESSES["court"].seed, COSIGNATURE).vkey
    two = f"{log}\n{three}\ngroup g 2 court prosecutor ombudsman\nquorum g\n"

    def case(name: str, outcome: str, policy: str, *signed: str) -> dict[str, Any]:
        return {
            "name": name,
            "outcome": outcome,
            "policy": policy,
            "signed": [WITNESSES[s].vkey for s in signed],
        }

    return {
        "cases": [
            case("no quorum", "good", f"{log}\nquorum none\n"),
            case("two of three", "good", two, "court", "ombudsman"),
            case("one of two", "incomplete", two, "court"),
            case("one twice", "incomplete", two, "court", "court"),
            case("all of a group", "incomplete", f"{three}\ngroup g all court prosecutor\nquorum g\n", "court"),
            case("group in a group", "good", f"{three}\ngroup a any court prosecutor\ngroup b all a ombudsman\nquorum b\n", "court", "ombudsman"),
            case("no quorum line", "malformed", f"{log}\n"),
            case("two quorum lines", "malformed", "quorum none\nquorum none\n"),
            case("name used before its line", "malformed", f"quorum court\n{three}\n"),
            case("one key under two names", "malformed", f"{three}\nwitness again {again}\nquorum none\n"),
            case("member of two groups", "malformed", f"{three}\ngroup a any court\ngroup b any court\nquorum none\n"),
            case("more than there are", "malformed", f"{three}\ngroup a 2 court\nquorum none\n"),
            case("unknown line", "malformed", "trust everybody\nquorum none\n"),
        ]
    }  # fmt: skip


MAKERS: dict[str, Callable[[], dict[str, Any]]] = {
    "trees.json": trees,
    "canonical.json": canonical_json,
    "entries.json": entry_bytes,
    "commitments.json": commitment_cases,
    "notes.json": note_cases,
    "receipts.json": receipt_cases,
    "fingerprints.json": fingerprints,
    "policies.json": policies,
}


def build() -> dict[str, str]:
    """Every file's text by name."""
    return {
        name: json.dumps({"version": 1, **make_()}, ensure_ascii=False, indent=1) + "\n"
        for name, make_ in MAKERS.items()
    }


if __name__ == "__main__":
    for name, text in build().items():
        (FOLDER / name).write_text(text, "utf-8")
