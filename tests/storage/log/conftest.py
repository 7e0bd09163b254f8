"""Fixtures of the log's tests."""

import shutil
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from storage.objects.port import ObjectStore
from tests.storage.log.rig import Fresh, Rig, server, sqlite


@pytest.fixture
def fresh(migrated_file: Path) -> Fresh:
    def make(
        folder: Path, stores: Sequence[ObjectStore] | None = None
    ) -> AbstractAsyncContextManager[Rig]:
        folder.mkdir(exist_ok=True)
        shutil.copy(migrated_file, folder / "liuhen.db")
        return server(folder, sqlite(folder), stores=stores)

    return make
