"""The servers that are measured: `liuhen serve` and `tusd`, each as a process of its own.

They listen on loopback, keep their data in a folder of their own and are ended by their pid.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.machine import cpu_s, folder, peak_mb
from tests import services

READY_S = 60.0
TUSD = "github.com/tus/tusd/v2/cmd/tusd@v2.9.1"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    pid: int
    folder: Path
    environment: Mapping[str, str]

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def peak_mb(self) -> float:
        return peak_mb(self.pid)

    def token(self, *rights: str, source: str | None = None) -> str:
        """A token's secret, made by the command line."""
        arguments = [part for right in rights for part in ("--right", right)]
        if source is not None:
            arguments += ["--source", source]
        ended = subprocess.run(
            [sys.executable, "-m", "liuhen", "token", "create", *arguments, "--name", "bench", "--json"],
            env=self.environment, capture_output=True, check=True, text=True,
        )  # fmt: skip
        return str(json.loads(ended.stdout)["secret"])


@contextlib.contextmanager
def liuhen(environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """`liuhen serve` with limits that do not count requests."""
    with folder() as where:
        port = services.free_port()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LIUHEN_")}
        full = kept | {
            "LIUHEN_PATHS_DATA": str(where / "data"),
            "LIUHEN_SERVER_PORT": str(port),
            "LIUHEN_INGEST_CREATIONS_PER_MINUTE": "1000000",
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        command = [sys.executable, "-m", "liuhen", "serve"]
        with _running(command, full, where / "log", f"http://127.0.0.1:{port}/readyz") as pid:
            yield Server(f"http://127.0.0.1:{port}", pid, where, full)


@contextlib.contextmanager
def tusd(binary: Path) -> Iterator[Server]:
    """tusd with its file store and no hooks."""
    with folder() as where:
        port = services.free_port()
        data = where / "data"
        data.mkdir()
        command = [str(binary), "-host", "127.0.0.1", "-port", str(port), "-upload-dir", str(data)]
        command += ["-disable-cors", "-show-startup-logs=false"]
        ready = f"http://127.0.0.1:{port}/metrics"
        with _running(command, dict(os.environ), where / "log", ready) as pid:
            yield Server(f"http://127.0.0.1:{port}", pid, where, {})


def tusd_binary() -> Path | None:
    """$LIUHEN_TUSD, else `tusd` of the PATH or of the cache folder; None where it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "liuhen" / "bin"
    for candidate in (os.environ.get("LIUHEN_TUSD"), shutil.which("tusd"), cache / "tusd"):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    sys.stderr.write(
        f"tusd is missing, so its rows are left out: GOBIN={cache} go install {TUSD}\n"
    )
    return None


def in_minio(server: services.S3Server) -> dict[str, str]:
    """The settings that keep the objects in this MinIO."""
    return {
        "LIUHEN_STORE_KIND": "s3",
        "LIUHEN_STORE_ENDPOINT": f"http://{server.endpoint}",
        "LIUHEN_STORE_ACCESS_KEY": server.access_key,
        "LIUHEN_STORE_SECRET_KEY": server.secret_key,
        "LIUHEN_STORE_CREATE_BUCKETS": "true",
    }


@contextlib.contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], log: Path, ready: str
) -> Iterator[int]:
    """Start, wait until it answers, end it by its pid."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        until = time.monotonic() + READY_S
        while not _answers(ready):
            said = log.read_text(errors="replace")[-2000:]
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]}: expected an answer at {ready}, got\n{said}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - http on loopback
            return bool(answer.status == 200)
    except OSError:
        return False
