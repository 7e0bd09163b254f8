"""Signed notes and checkpoints: who signed what, and nothing in between."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify.samples import LOG, OTHER_LOG, TIME, WITNESSES
from verify import checkpoint, merkle, notes, proof
from verify.checkpoint import Checkpoint
from verify.errors import MalformedError, SignatureError, UntrustedError
from verify.notes import COSIGNATURE, SigningKey, VerifierKey

STATED = Checkpoint("log.example/evidence", 3, b"\5" * 32)
TEXT = STATED.format()
NOTE = checkpoint.sign(STATED, LOG)
COURT = WITNESSES["court"]
KEYS = [LOG.verifier]


def test_text_is_split_at_the_last_blank_line() -> None:
    text = "first\n\nsecond\n\n\nthird\n"
    note = notes.sign_note(text, LOG)
    assert notes.open_note(note, KEYS).text == text
    assert notes.open_note(note, KEYS).names == ("log.example/evidence",)


def test_sixteen_signatures_and_more_are_accepted() -> None:
    others = [SigningKey(f"other.example/{i}", bytes([i]) * 32) for i in range(100)]
    note = notes.sign_note(TEXT, *others, LOG)
    assert notes.open_note(note, KEYS).names == ("log.example/evidence",)
    assert len(notes.open_note(note, [k.verifier for k in others]).names) == 100
    with pytest.raises(MalformedError, match="1 to 128"):
        notes.open_note(note + note.split("\n\n")[1], KEYS)


def test_unknown_keys_are_ignored_whatever_they_signed() -> None:
    garbage = f"— unknown.example {base64.b64encode(b'1234garbage').decode()}\n"
    same_name = OTHER_LOG.sign("another text\n")
    assert notes.open_note(NOTE + garbage + same_name, KEYS).names == ("log.example/evidence",)


def test_a_known_key_that_fails_rejects_the_whole_note() -> None:
    forged = OTHER_LOG.sign("another text\n")
    note = NOTE + forged
    with pytest.raises(SignatureError):
        notes.open_note(note, [LOG.verifier, OTHER_LOG.verifier])
    with pytest.raises(SignatureError):
        notes.open_note(TEXT + "\n" + forged + LOG.sign(TEXT), [LOG.verifier, OTHER_LOG.verifier])


def test_the_second_line_of_a_key_counts_too() -> None:
    with pytest.raises(SignatureError):
        notes.open_note(NOTE + LOG.sign("another text\n"), KEYS)
    assert notes.open_note(NOTE + LOG.sign(TEXT), KEYS).names == ("log.example/evidence",)


def test_nobody_known_signed() -> None:
    with pytest.raises(UntrustedError, match=r"got only log\.example/evidence\+2d6e776b"):
        notes.open_note(NOTE, [OTHER_LOG.verifier])
    with pytest.raises(UntrustedError):
        notes.open_note(NOTE, [])


def test_every_byte_of_a_note_counts() -> None:
    data = NOTE.encode()
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises((MalformedError, SignatureError, UntrustedError)):
            notes.open_note(text, KEYS)


@pytest.mark.parametrize(
    "note",
    [
        "", "\n", "\n\n", TEXT, TEXT + "\n", NOTE[:-1], NOTE + "\n", NOTE.replace("— ", "- "), NOTE.replace("\n", "\r\n"),
        NOTE.replace("\n\n", "\n"), NOTE + "— a b\n", NOTE + "— a\n", NOTE + "— a+b QUJDREVG\n", NOTE + "— a QUJDRA==\n",
        NOTE + "—  QUJDREVG\n", NOTE + "— a QUJDREV\n", NOTE + "— a QUJDREVG QUJDREVG\n", NOTE + "— a QUJDREVH=\n",
        "\x00" + NOTE, "\t" + NOTE, "\ud800" + NOTE, NOTE + "— a\u3000b QUJDREVG\n", NOTE + "— a QUJDREU\n",
    ],
    ids=lambda note: repr(note[-20:]),
)  # fmt: skip
def test_other_forms_are_refused(note: str) -> None:
    with pytest.raises(MalformedError):
        notes.open_note(note, KEYS)


def test_unicode_line_ends_are_no_line_ends() -> None:
    text = "origin\u2028still the line\n"
    assert notes.open_note(notes.sign_note(text, LOG), KEYS).text == text


@given(st.text(max_size=200), st.text(max_size=50))
@settings(max_examples=300)
def test_random_notes(one: str, two: str) -> None:
    for text in (one, f"{one}\n\n— {two}\n", f"{NOTE}{one}", f"{one}{NOTE}"):
        if text == NOTE:
            continue
        try:
            opened = notes.open_note(text, KEYS)
        except (MalformedError, SignatureError, UntrustedError):
            continue
        assert opened.text == TEXT


@pytest.mark.parametrize(
    "vkey",
    [
        "", "+", "++", "a+b", "a+00000000+", "a+00000000+AQ==", LOG.vkey[:-1], LOG.vkey + "=", LOG.vkey.replace("2d6e", "2D6E"),
        LOG.vkey.replace("2d6e776b", "2d6e776c"), " " + LOG.vkey, LOG.vkey + "\n", LOG.vkey.replace("log.", "lög."),
        "a+b" + LOG.vkey[20:], "log example" + LOG.vkey[20:],
        COURT.vkey.replace("+BA", "+BQ").replace("+BI", "+BQ"),
    ],
    ids=lambda vkey: repr(vkey[-20:]),
)  # fmt: skip
def test_other_vkeys_are_refused(vkey: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey.parse(vkey)


@given(st.text(max_size=120))
def test_random_vkeys(text: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey.parse(text)


@given(st.binary(min_size=32, max_size=32), st.sampled_from([1, 4]))
def test_vkeys_are_read_back(public: bytes, kind: int) -> None:
    """Base64 may hold a plus of its own."""
    key = VerifierKey("a.example/b", kind, public)
    assert VerifierKey.parse(str(key)) == key


def test_keys_of_other_types_and_lengths_are_refused() -> None:
    for name, kind, public in (("a", 6, b"\1" * 32), ("a", 1, b"\1" * 31), ("a+b", 1, b"\1" * 32)):
        with pytest.raises(MalformedError):
            VerifierKey(name, kind, public)
    for name, seed in (("a", b"short"), ("a b", b"\1" * 32), ("", b"\1" * 32)):
        with pytest.raises(MalformedError):
            SigningKey(name, seed)


def test_a_public_key_that_is_no_point_fails_like_a_wrong_signature() -> None:
    bad = VerifierKey("log.example/evidence", 1, b"\xff" * 32)
    line = f"— {bad.name} {base64.b64encode(bad.key_id + bytes(64)).decode()}\n"
    with pytest.raises(SignatureError):
        notes.open_note(f"{TEXT}\n{line}", [bad])


def test_the_seed_is_shown_nowhere() -> None:
    assert LOG.seed.hex() not in repr(LOG)
    assert repr(LOG.seed) not in repr(LOG)


def test_two_keys_with_one_id_are_refused() -> None:
    class Twin(VerifierKey):
        @property
        def key_id(self) -> bytes:
            return LOG.verifier.key_id

    twin = Twin("log.example/evidence", 1, b"\1" * 32)
    with pytest.raises(MalformedError, match="got two"):
        notes.open_note(NOTE, [LOG.verifier, twin])


# ── cosignatures ─────────────────────────────────────────────────────────────────────────────────


def test_a_cosignature_binds_its_time() -> None:
    line = COURT.sign(TEXT, time=TIME)
    (verified,) = notes.open_note(f"{TEXT}\n{line}", [COURT.verifier]).verified
    assert verified.time == TIME
    payload = bytearray(base64.b64decode(line.split(" ")[2]))
    payload[11] ^= 1
    forged = f"— {COURT.name} {base64.b64encode(payload).decode()}\n"
    with pytest.raises(SignatureError):
        notes.open_note(f"{TEXT}\n{forged}", [COURT.verifier])


def test_times_belong_to_cosignatures_only() -> None:
    with pytest.raises(MalformedError):
        LOG.sign(TEXT, time=TIME)
    with pytest.raises(MalformedError):
        COURT.sign(TEXT)
    for text in ("no newline", "", "tab\there\n"):
        with pytest.raises(MalformedError):
            LOG.sign(text)


@pytest.mark.parametrize("payload", [bytes(8), bytes(71), bytes(73), b"\xff" * 72])
def test_cosignatures_of_another_shape_are_refused(payload: bytes) -> None:
    line = f"— {COURT.name} {base64.b64encode(COURT.verifier.key_id + payload).decode()}\n"
    with pytest.raises(SignatureError):
        notes.open_note(f"{TEXT}\n{line}", [COURT.verifier])


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


def test_only_the_log_itself_can_vouch_for_its_checkpoint() -> None:
    stranger = SigningKey("other.example/log", b"\x09" * 32)
    note = checkpoint.sign(STATED, stranger)
    with pytest.raises(UntrustedError, match="key of that name"):
        checkpoint.check_checkpoint(note, [LOG.verifier, stranger.verifier])
    cosigned = f"{TEXT}\n{COURT.sign(TEXT, time=TIME)}"
    with pytest.raises(UntrustedError):
        checkpoint.check_checkpoint(cosigned, [LOG.verifier], [COURT.verifier])
    as_log = SigningKey("log.example/evidence", LOG.seed, COSIGNATURE)
    with pytest.raises(UntrustedError):
        checkpoint.check_checkpoint(f"{TEXT}\n{as_log.sign(TEXT, time=TIME)}", [as_log.verifier])


def test_a_witness_line_that_fails_rejects_the_checkpoint() -> None:
    note = NOTE + COURT.sign("x\n", time=TIME)
    checkpoint.check_checkpoint(note, [LOG.verifier])
    with pytest.raises(SignatureError):
        checkpoint.check_checkpoint(note, [LOG.verifier], [COURT.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "", "a\n", "a\n1\n", TEXT + "extension\n", TEXT[:-1], TEXT.replace("\n3\n", "\n03\n"), TEXT.replace("\n3\n", "\n+3\n"),
        TEXT.replace("\n3\n", "\n-3\n"), TEXT.replace("\n3\n", "\n\n"), TEXT.replace("\n3\n", "\n3 \n"), TEXT.replace("\n3\n", "\n٣\n"),
        TEXT.replace("\n3\n", f"\n{2**63}\n"), TEXT.replace("\n3\n", "\n" + "9" * 5000 + "\n"), TEXT.replace("=", ""),
        "\n3\n" + TEXT.split("\n")[2] + "\n", TEXT.replace("log.", "log "), "a\n3\nAAAA\n", "a\n0\n" + TEXT.split("\n")[2] + "\n",
        TEXT.replace("\n", "\r\n"),
    ],
    ids=lambda text: repr(text[:40]),
)  # fmt: skip
def test_other_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        checkpoint.parse(text)


def test_a_checkpoint_that_cannot_be_read_is_not_written() -> None:
    for stated in (
        Checkpoint("", 1, b"\1" * 32), Checkpoint("a b", 1, b"\1" * 32), Checkpoint("a", -1, b"\1" * 32),
        Checkpoint("a", 1, b"short"), Checkpoint("a\n1", 1, b"\1" * 32), Checkpoint("a", 0, b"\1" * 32),
    ):  # fmt: skip
        with pytest.raises(MalformedError):
            stated.format()
    assert checkpoint.parse(Checkpoint("a", 0, merkle.EMPTY_ROOT).format()).size == 0


@given(st.text(max_size=80))
def test_random_checkpoints(text: str) -> None:
    try:
        found = checkpoint.parse(text)
    except MalformedError:
        return
    assert found.format() == text


# ── proof files ──────────────────────────────────────────────────────────────────────────────────

PROOF = proof.Proof(5, (b"\1" * 32, b"\2" * 32), NOTE, b"{}")


@given(
    st.integers(0, 2**62),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=99),
)
def test_proofs_are_read_back(index: int, hashes: list[bytes], extra: bytes) -> None:
    made = proof.Proof(index, tuple(hashes), NOTE, extra or None)
    assert proof.parse(made.format()) == made


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "", lambda t: t[1:], lambda t: t.replace("@v1", "@v2"), lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("index 5", "index 05"), lambda t: t.replace("index 5", "index -5"), lambda t: t.replace("index 5", "index"),
        lambda t: t.replace("index 5\n", ""), lambda t: t.replace("index 5", "index 5 "), lambda t: t.replace("index 5", "index ٥"),
        lambda t: t.replace("index 5", "index 5\nindex 6"), lambda t: t.replace("extra e30=", "extra "),
        lambda t: t.replace("extra e30=", "extra e30"), lambda t: t.replace("extra e30=\nindex 5", "index 5\nextra e30="),
        lambda t: t.replace("extra e30=", "extra e30=\nextra e30="), lambda t: t.replace("AQEB", "AQE"),
        lambda t: t.split("\n\n")[0] + "\n\n", lambda t: t.replace("\n\n", "\n"), lambda t: t + "\n",
        lambda t: t.replace("index 5", "index 5\n" + "\n".join(["AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="] * 62)),
        lambda t: t.replace("index 5", "index " + "9" * 19), lambda t: t + "x" * (9 << 20),
    ],
)  # fmt: skip
def test_other_proofs_are_refused(change: Any) -> None:
    text = PROOF.format()
    assert proof.parse(text) == PROOF
    with pytest.raises(MalformedError):
        proof.parse(change(text))


@given(st.text(max_size=200), st.integers(0, 400))
@settings(max_examples=200)
def test_random_proofs(text: str, at: int) -> None:
    whole = PROOF.format()
    for candidate in (text, proof.HEADER + "\n" + text, whole[:at] + text + whole[at:]):
        try:
            found = proof.parse(candidate)
        except MalformedError:
            continue
        assert found.format() == candidate
