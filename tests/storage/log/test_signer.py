"""The signer: one key, one memory, no fork."""

from pathlib import Path

import pytest

from storage.disk_real import FolderDisk
from storage.errors import ForkError
from storage.log.signer import KEY_FILE, Signer, default_origin, open_key
from verify import merkle
from verify.checkpoint import check_checkpoint
from verify.errors import (
    ConflictError,
    MalformedError,
    SignatureError,
    UnavailableError,
    UntrustedError,
)  # fmt: skip

LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(12)]
OTHERS = [*LEAVES[:4], *(merkle.leaf_hash(bytes([i, 1])) for i in range(8))]


def signer_at(folder: Path, origin: str | None = "log.example/a") -> Signer:
    disk = FolderDisk(folder)
    return Signer(open_key(disk, origin=origin, warn=lambda _: None), disk)


def sign(signer: Signer, old: int, new: int, leaves: list[bytes] = LEAVES) -> str:
    proof = merkle.consistency(leaves[:new], old)
    return signer.sign(old, new, merkle.root(leaves[:new]), proof)


def test_the_key_is_made_once_with_a_warning_what_its_loss_costs(tmp_path: Path) -> None:
    warnings: list[str] = []
    disk = FolderDisk(tmp_path)
    key = open_key(disk, warn=warnings.append)
    assert key.name == default_origin(key.verifier.public)
    assert key.name.startswith("liuhen.local/")
    assert len(key.name) == len("liuhen.local/") + 16
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert len(warnings) == 1
    assert "Keep a copy" in warnings[0]
    assert "`liuhen log succeed`" in warnings[0]
    assert open_key(disk, warn=warnings.append) == key
    assert len(warnings) == 1
    with pytest.raises(MalformedError, match=r"fixed at the first start, got log.example/b"):
        open_key(disk, origin="log.example/b", warn=warnings.append)


@pytest.mark.parametrize("change", [b"", b"PRIVATE+KEY+x+00000000+AAAA\n", "flip"])
def test_a_broken_key_file_is_refused_without_showing_it(tmp_path: Path, change: object) -> None:
    disk = FolderDisk(tmp_path)
    open_key(disk, origin="log.example/a", warn=lambda _: None)
    path = tmp_path / KEY_FILE
    secret = path.read_bytes()
    path.write_bytes(change if isinstance(change, bytes) else secret.replace(b"/a", b"/c"))
    with pytest.raises(MalformedError, match=r"keys/log.key: expected") as raised:
        open_key(disk, warn=lambda _: None)
    assert secret.decode().strip()[-20:] not in str(raised.value)


def test_it_signs_what_extends_what_it_signed(tmp_path: Path) -> None:
    signer = signer_at(tmp_path)
    assert signer.memory is None
    for old, new in ((0, 3), (3, 3), (3, 8), (8, 12)):
        note = sign(signer, old, new)
        checkpoint, _, _ = check_checkpoint(note, [signer.key.verifier])
        assert checkpoint == ("log.example/a", new, merkle.root(LEAVES[:new]))
    assert sign(signer_at(tmp_path), 12, 12) == note


@pytest.mark.parametrize(
    ("old", "new", "leaves"),
    [
        (8, 12, OTHERS),  # a fork
        (0, 12, OTHERS),  # a fork that says it begins anew
        (0, 12, LEAVES),  # the right tree, but not from what it remembers
        (5, 12, LEAVES),
        (8, 5, LEAVES),  # smaller
        (8, 8, OTHERS),  # the same size with another root
    ],
)
def test_a_fork_is_refused_also_after_a_restart(
    tmp_path: Path, old: int, new: int, leaves: list[bytes]
) -> None:
    sign(signer_at(tmp_path), 0, 8)
    signer = signer_at(tmp_path)
    before = signer.memory
    with pytest.raises(ForkError):
        signer.sign(
            old, new, merkle.root(leaves[:new]),
            merkle.consistency(leaves[:new], old) if old <= new else [],
        )  # fmt: skip
    assert signer.memory == before
    assert signer_at(tmp_path).memory == before


def test_a_wrong_proof_is_refused(tmp_path: Path) -> None:
    signer = signer_at(tmp_path)
    sign(signer, 0, 3)
    for proof in ([], [b"\0" * 32], [*merkle.consistency(LEAVES[:8], 3), b"\0" * 32]):
        with pytest.raises(ForkError, match="expected a tree that extends size 3"):
            signer.sign(3, 8, merkle.root(LEAVES[:8]), proof)


def test_nothing_is_signed_unless_the_memory_is_durable(tmp_path: Path) -> None:
    signer = signer_at(tmp_path)
    sign(signer, 0, 3)

    class Full(FolderDisk):
        def sync_folder(self, path: str) -> None:
            raise OSError(5, "input/output error")

    signer._disk = Full(tmp_path)
    with pytest.raises(UnavailableError, match=r"signer.json: expected to be written"):
        sign(signer, 3, 8)
    signer._disk = FolderDisk(tmp_path)
    assert sign(signer, 3, 8)  # the same code again


def test_a_lost_memory_is_set_from_a_checkpoint_of_this_key_only(tmp_path: Path) -> None:
    signer = signer_at(tmp_path / "a")
    note = sign(signer, 0, 8)
    later = sign(signer, 8, 12)
    stranger = signer_at(tmp_path / "b")
    with pytest.raises(SignatureError):
        signer.adopt(note.replace("\n8\n", "\n9\n"))
    with pytest.raises(UntrustedError):
        stranger.adopt(note)
    with pytest.raises(ConflictError, match="expected at most size 8, got 12"):
        signer.adopt(note)
    (tmp_path / "a/signer.json").unlink()
    lost = signer_at(tmp_path / "a")
    assert lost.memory is None
    lost.adopt(note)
    assert signer_at(tmp_path / "a").memory == lost.memory
    with pytest.raises(ForkError):
        sign(lost, 8, 12, OTHERS)
    assert sign(lost, 8, 12) == later


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b'{"root":"00","size":1}', b'{"root":1,"size":1}']
)
def test_a_broken_memory_is_named(tmp_path: Path, data: bytes) -> None:
    sign(signer_at(tmp_path), 0, 3)
    (tmp_path / "signer.json").write_bytes(data)
    with pytest.raises(MalformedError, match=r"signer.json: expected the signer's memory"):
        signer_at(tmp_path)
