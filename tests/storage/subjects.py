"""The object stores that the contract is asked of."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.disk_real import FolderDisk
from storage.objects.directory import DirectoryStore
from storage.objects.port import ObjectStore
from storage.threads import inline
from tests.simulation.disk import SimulatedDisk
from tests.simulation.store import SimulatedStore
from tests.storage.s3.rig import a_store, fresh_prefix

STORES = ["simulated", "directory", "directory-simulated", "minio", "versitygw"]


@dataclass
class Subject:
    store: ObjectStore
    versioned: bool
    # Known of versitygw 1.8.0 on a folder: of several writes of one key at once a version may
    # end without its lock.  The store reads that back and says so, which is the promise.
    loses_locks_in_a_race: bool = False


@asynccontextmanager
async def open_subject(
    kind: str, fixture: Callable[[str], Any], tmp_path: Path
) -> AsyncIterator[Subject]:
    """One of `STORES`, empty; `fixture` gives the server of the same name."""
    if kind == "simulated":
        yield Subject(SimulatedStore(1), versioned=True)
    elif kind == "directory":
        yield Subject(DirectoryStore(FolderDisk(tmp_path / "data")), versioned=False)
    elif kind == "directory-simulated":
        yield Subject(DirectoryStore(SimulatedDisk(1), threads=inline), versioned=False)
    else:
        store = a_store(fixture(kind), fresh_prefix())
        await store.set_up()
        yield Subject(store, versioned=True, loses_locks_in_a_race=kind == "versitygw")
        await store.close()
