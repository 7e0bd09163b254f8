"""Peak memory of the server while four uploads of 2 GB come at once and until they are sealed.

VmHWM of the server's own process; media tools and the object store are processes of their own.
"""

from bench.client import Payload
from bench.machine import Table
from bench.path import directory, minio, through

UPLOADS = 4
SIZE = 2_000_000_000


def measure(_rounds: int) -> list[Table]:
    rows = []
    for name, store in (("directory store", directory), ("MinIO", minio)):
        with store() as (server, _):
            token = server.token("upload", source="DOCK-01")
            idle = server.peak_mb()
            payload = Payload(SIZE)
            try:
                run, _ = through(server, token, payload, UPLOADS)
            finally:
                payload.close()
            peak = server.peak_mb()
            rows.append((name, f"{idle:.0f}", f"{peak:.0f}", f"{run.rate:.0f}"))
    columns = ("store", "MB after the start", "MB at the peak", "MB/s socket to receipt")
    return [Table("Peak memory, 4 uploads of 2 GB", columns, rows)]
