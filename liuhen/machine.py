"""The machine under the server, as its administrator must know it: disks and versions.

Guarantee: asked now, nothing remembered; a folder that is away is left out here, since readiness
names it.
"""

import importlib.metadata
import platform
import shutil

from console.findings import Disk
from liuhen.settings import Settings, store_folder
from storage.database import Database


def disks(settings: Settings) -> dict[str, Disk]:
    """Room of the folders that recordings fill; stores elsewhere say nothing of theirs."""
    folders = {"data": settings.paths.data}
    for part in ("store", "second")[: settings.stores.copies]:
        if getattr(settings, part).kind == "directory":
            folders[part] = store_folder(settings, part)
    found = {}
    for name, folder in folders.items():
        try:
            room, device = shutil.disk_usage(folder), folder.stat().st_dev
        except OSError:  # a folder that is away is the readiness' finding, not a full disk
            continue
        found[name] = Disk(room.total, room.free, device)
    return found


async def versions(database: Database, converter: str) -> dict[str, str]:
    """Of what the server is made, for whoever must know whether it is up to date."""
    sqlite = database.dialect == "sqlite"
    async with database.read() as conn:
        query = "SELECT sqlite_version()" if sqlite else "SHOW server_version"
        database_version = str((await conn.exec_driver_sql(query)).scalar_one())
    return {
        "liuhen": importlib.metadata.version("liuhen"),
        "python": platform.python_version(),
        "sqlite" if sqlite else "postgresql": database_version.split(" ", 1)[0],
        "ffmpeg": converter.removeprefix("ffmpeg version ").split(" ", 1)[0],
        "linux": platform.release(),
    }
