"""The vectors that an independent implementation accepted; every value here is a literal."""

import base64

import pytest

from tests.verify import reference
from verify import checkpoint, commitments, entries, merkle, notes, proof, tiles
from verify.checkpoint import Checkpoint
from verify.entries import Entry
from verify.notes import COSIGNATURE, SigningKey, VerifierKey

LOG = SigningKey("log.example/evidence", bytes(range(0x20)))
WITNESS = SigningKey("witness.example/court", bytes(range(0x20, 0x40)), COSIGNATURE)
LOG_VKEY = "log.example/evidence+2d6e776b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_VKEY = "witness.example/court+505b2afc+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
TEXT = "log.example/evidence\n3\nlPvQ3YNvUDAWkubQ6t5yjuGexSv/8WBu2AfIV11aqhk=\n"
LOG_LINE = (
    "— log.example/evidence LW53a9Wd96bW6CImJzfQeAHLWHH/uNGE9lkRk7w00kWe7MD5TCBq7tZzKZqym85"
    "Bnxli/2k8A9i7zWiS6pclv9b1sgU=\n"
)
WITNESS_LINE = (
    "— witness.example/court UFsq/AAAAABlU/EAj7ELAGIECOjdTdOXCV75YNeLY4i7x1wpI5txijAmQGGD+ev4"
    "sKtMgJ95NpD07x0t1X0giydaSpk54MpdhTTHAw==\n"
)
NOTE = TEXT + "\n" + LOG_LINE + WITNESS_LINE
TILE = bytes.fromhex(
    "773885a613489e24ce2cf76199d6a423f042e4bbf12d7eecee912ef276c65701"
    "2dfb36c6f66cac361429cf46df868ab8242d3a6441f1099c8fb3f98ec5d108a4"
    "57c79f4f31ae029c5d4bd30b073c27c94df93438b2b4697e1e1eef5bc0394a41"
)
PROOF_OF_1 = (
    "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE=",
    "V8efTzGuApxdS9MLBzwnyU35NDiytGl+Hh7vW8A5SkE=",
)
BIG_ROOT = "a3920fba7f239a071a9bd10721f1341addefbaededb41c7e24437a9d16bdf00a"


def sample(count: int) -> list[bytes]:
    return [b"entry %d" % i for i in range(count)]


@pytest.fixture(scope="module")
def many() -> list[bytes]:
    return [merkle.leaf_hash(entry) for entry in sample(70_000)]


def test_empty_tree_and_empty_leaf() -> None:
    assert (
        merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert (
        merkle.leaf_hash(b"").hex()
        == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


def test_vkeys() -> None:
    assert LOG.vkey == LOG_VKEY
    assert WITNESS.vkey == WITNESS_VKEY
    key = VerifierKey.parse(LOG_VKEY)
    assert key.public.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert key.key_id.hex() == "2d6e776b"
    assert key.format() == LOG_VKEY
    example = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    assert VerifierKey.parse(example).format() == example


def test_bundle_and_tile() -> None:
    bundle = bytes.fromhex("0007656e74727920300007656e74727920310007656e7472792032")
    assert tiles.encode_bundle(sample(3)) == bundle
    assert tiles.decode_bundle(bundle, 3) == sample(3)
    assert b"".join(merkle.leaf_hash(entry) for entry in sample(3)) == TILE
    assert tiles.tile_path("entries", 0, 3) == "tile/entries/000.p/3"
    assert tiles.tile_path(0, 0, 3) == "tile/0/000.p/3"


def test_checkpoint_is_signed_and_cosigned_byte_for_byte() -> None:
    leaves = tiles.decode_tile(TILE, 3)
    stated = Checkpoint("log.example/evidence", 3, merkle.root(leaves))
    note = checkpoint.sign(stated, LOG)
    assert note == TEXT + "\n" + LOG_LINE
    assert notes.add_lines(note, WITNESS.sign(TEXT, time=1_700_000_000)) == NOTE
    found, key, cosigned = checkpoint.check_checkpoint(NOTE, [LOG.verifier], [WITNESS.verifier])
    assert (found, key) == (stated, LOG.verifier)
    assert [(c.key.name, c.time) for c in cosigned] == [("witness.example/court", 1_700_000_000)]
    _, (log_line, witness_line) = notes.split_note(NOTE)
    assert (len(log_line.payload), len(witness_line.payload)) == (64, 72)


def test_proofs_of_three_entries() -> None:
    leaves = tiles.decode_tile(TILE, 3)
    hashes = tuple(base64.b64decode(text) for text in PROOF_OF_1)
    assert tuple(merkle.inclusion(leaves, 1)) == hashes
    merkle.check_inclusion(leaves[1], 1, 3, hashes, merkle.root(leaves))
    old = base64.b64decode("WkdmL9ijF9lgSaP59HxV3GfKZgUbqjaD27GbL+CaB7A=")
    assert merkle.root(leaves[:2]) == old
    assert merkle.consistency(leaves, 2) == [hashes[1]]
    merkle.check_consistency(2, 3, old, merkle.root(leaves), [hashes[1]])
    text = "\n".join(["c2sp.org/tlog-proof@v1", "index 1", *PROOF_OF_1, "", NOTE])
    assert proof.Proof(1, hashes, NOTE).format() == text
    assert proof.parse(text) == proof.Proof(1, hashes, NOTE)


def test_seventy_thousand_entries(many: list[bytes]) -> None:
    root = merkle.root(many)
    assert root.hex() == BIG_ROOT
    assert merkle.Edge().extend(many).root() == root
    made = tiles.tiles_between(0, 70_000)
    paths = [tile.path for tile in made]
    assert len(paths) == 273 + 1 + 1 + 1 + 1
    assert "tile/0/273.p/112" in paths
    assert [p for p in paths if not p.startswith("tile/0/")] == [
        "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
    ]  # fmt: skip
    text = Checkpoint("log.example/evidence", 70_000, root).format()
    note = notes.add_lines(notes.sign_note(text, LOG), WITNESS.sign(text, time=1_700_000_000))
    hashes = merkle.inclusion(many, 12_345)
    text = proof.Proof(12_345, tuple(hashes), note).format()
    assert (len(text), len(text.encode())) == (1_119, 1_123)  # each line's dash is three bytes
    assert hashes == reference.path(12_345, many)


def test_commitments_and_entry() -> None:
    salts = [f"{i:032}" for i in (1, 2, 3)]
    fields = {
        "name": "现场.mp4",
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "size": 0,
    }
    rest = iter(salts)
    body, disclosures = commitments.commit(fields, lambda: next(rest))
    assert disclosures == [(s, n, fields[n]) for s, n in zip(salts, sorted(fields), strict=True)]
    assert body == {
        "name": "30fb1d058061aa288085b565077628933093c4a3e60a431850677437eef21402",
        "sha256": "77560fd33b5ab51df677ab0db98bf40446bb59161555bf68f3b329bcceaeaa37",
        "size": "f71d194bf76081ddb5ac2a9a7ea23bfb938f76efa4649934c7b1585eacd98439",
    }
    digest = "1ad34558b7f6bdabd0b8e5dcb62d71d01142a56fe5fd8dc3d309753ac1765d07"
    assert commitments.body_digest(body) == digest
    token = "s:00000000000000000000000000000007"
    entry = Entry(token, "2026-11-23T06:00:00.000Z", digest, token, "0" * 64, 0, "item.sealed")
    data = (
        b'{"actor":"s:00000000000000000000000000000007","at":"2026-11-23T06:00:00.000Z",'
        b'"body":"1ad34558b7f6bdabd0b8e5dcb62d71d01142a56fe5fd8dc3d309753ac1765d07",'
        b'"chain":"s:00000000000000000000000000000007",'
        b'"prev":"0000000000000000000000000000000000000000000000000000000000000000",'
        b'"seq":0,"type":"item.sealed","v":1}'
    )
    assert entry.encode() == data
    assert entries.decode_entry(data) == entry
    assert (
        entries.leaf(data).hex()
        == "c7dbb8d59d6e79a31804b868f45a1fbe83570b3b59e6ccbbd81deb24529f49ce"
    )
