"""The real servers that tests use: MinIO, versitygw and PostgreSQL, as plain processes.

Guarantee: each runs on a free port of 127.0.0.1, in a fresh folder, with random keys, belongs to
the test process (the kernel kills it if that dies), and is ended by its own process id.  A binary
that is missing is an error with a sentence, never a skip.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

READY_S = 60.0


class MissingError(RuntimeError):
    """A server that the tests need is not installed."""


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server that knows one pair of keys."""

    name: str
    endpoint: str  # host:port, plain HTTP
    access_key: str
    secret_key: str
    folder: Path
    pid: int
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running PostgreSQL cluster; `url` names its maintenance database."""

    url: str
    pid: int

    def fresh(self, template: str = "template0") -> str:
        """The URL of a new database made from a template."""
        name = f"t_{secrets.token_hex(6)}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.named(name)

    def named(self, name: str) -> str:
        return self.url.rpartition("/")[0] + "/" + name

    def drop(self, url: str) -> None:
        name = sql.Identifier(url.rpartition("/")[2])
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def rename(self, url: str, name: str) -> None:
        old = sql.Identifier(url.rpartition("/")[2])
        self._run(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


def minio_binary() -> Path:
    """$LIUHEN_MINIO, else `minio` of the PATH, else the one that scripts/server has built."""
    return _binary("minio", "LIUHEN_MINIO", "run `scripts/server minio`, which builds it once")


def versitygw_binary() -> Path:
    """The second S3 server: nothing may hang on what only MinIO does."""
    return _binary("versitygw", "LIUHEN_VERSITYGW", "run `scripts/server versitygw`")


@contextlib.contextmanager
def minio() -> Iterator[S3Server]:
    """A MinIO server with one drive."""
    binary = minio_binary()
    with _folder() as folder:
        data = folder / "data"
        data.mkdir()
        access, secret = f"test{secrets.token_hex(6)}", secrets.token_hex(20)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MINIO_ROOT_USER": access,
            "MINIO_ROOT_PASSWORD": secret,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

        def arguments(port: int) -> list[str]:
            return [str(binary), "server", "--address", f"127.0.0.1:{port}", str(data)]

        def ready(port: int) -> bool:
            return _answers(f"http://127.0.0.1:{port}/minio/health/ready", (200,))

        with _server(arguments, ready, environment, folder / "log") as (process, port):
            yield S3Server("minio", f"127.0.0.1:{port}", access, secret, folder, process.pid)


@contextlib.contextmanager
def versitygw() -> Iterator[S3Server]:
    """The second S3 server: versitygw over a plain folder, with versions in another."""
    binary = versitygw_binary()
    with _folder() as folder:
        for name in ("data", "versions"):
            (folder / name).mkdir()
        access, secret = f"test{secrets.token_hex(6)}", secrets.token_hex(20)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ROOT_ACCESS_KEY_ID": access,
            "ROOT_SECRET_ACCESS_KEY": secret,
        }

        def arguments(port: int) -> list[str]:
            common = [str(binary), "--port", f"127.0.0.1:{port}", "--health", "/health", "--quiet"]
            return [
                *common,
                "posix",
                "--versioning-dir",
                str(folder / "versions"),
                str(folder / "data"),
            ]

        def ready(port: int) -> bool:
            return _answers(f"http://127.0.0.1:{port}/health", (200,))

        with _server(arguments, ready, environment, folder / "log") as (process, port):
            yield S3Server("versitygw", f"127.0.0.1:{port}", access, secret, folder, process.pid)


@contextlib.contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL cluster with fsync on, as the server asks for."""
    programs = _postgres_programs()
    with _folder() as folder:
        password = secrets.token_hex(16)
        (folder / "password").write_text(password)
        data = folder / "data"
        unprivileged = _as_postgres()
        if unprivileged:  # PostgreSQL refuses to run as root
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        subprocess.run(
            [
                *unprivileged,
                str(programs / "initdb"),
                *("--pgdata", str(data), "--username", "liuhen", "--auth", "scram-sha-256"),
                *("--pwfile", str(folder / "password"), "--encoding", "UTF8"),
                *("--locale", "C", "--no-sync", "--no-instructions"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            env=_plain_environment(),
        )

        def arguments(port: int) -> list[str]:
            settings = {
                "listen_addresses": "127.0.0.1",
                "port": port,
                "unix_socket_directories": "",
                "fsync": "on",
                "synchronous_commit": "on",
                "shared_buffers": "32MB",
                "max_connections": 200,
                "max_wal_size": "256MB",
                "log_min_messages": "warning",
            }
            options = [f"--{name}={value}" for name, value in settings.items()]
            return [*unprivileged, str(programs / "postgres"), "-D", str(data), *options]

        def url(port: int) -> str:
            return f"postgresql://liuhen:{password}@127.0.0.1:{port}/postgres"

        def ready(port: int) -> bool:
            try:
                psycopg.connect(url(port), connect_timeout=2).close()
            except psycopg.OperationalError:
                return False
            return True

        with _server(
            arguments, ready, _plain_environment(), folder / "log", stop=signal.SIGINT
        ) as (process, port):
            yield PostgresServer(url(port), process.pid)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _binary(name: str, variable: str, how: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "liuhen" / "bin"
    named = os.environ.get(variable)
    for candidate in (named, shutil.which(name), cache / name):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise MissingError(
        f"{name}: expected it in ${variable}, on the PATH or in {cache}, got none: {how}"
    )


def _postgres_programs() -> Path:
    """The folder with `initdb` and `postgres`; Debian keeps it off the PATH."""
    found = shutil.which("initdb")
    candidates = [
        Path(os.environ.get("LIUHEN_POSTGRES_BIN", "/nonexistent")),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *([Path(found).resolve().parent] if found else []),
    ]
    for folder in candidates:
        if os.access(folder / "initdb", os.X_OK) and os.access(folder / "postgres", os.X_OK):
            return folder
    raise MissingError(
        "postgresql: expected initdb and postgres in $LIUHEN_POSTGRES_BIN, in"
        " /usr/lib/postgresql/*/bin or on the PATH, got none: apt-get install postgresql"
    )


def _as_postgres() -> list[str]:
    if os.geteuid() != 0:
        return []
    who = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    # Once more here: the kernel forgets the outer --pdeathsig when the user changes.
    return ["setpriv", *who, "--pdeathsig", "KILL"]


def _plain_environment() -> dict[str, str]:
    """Without PGHOST and its like, which would change what the programs do."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="liuhen-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _server(
    arguments: Callable[[int], Sequence[str]],
    ready: Callable[[int], bool],
    environment: dict[str, str],
    log: Path,
    *,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start on a free port, wait until it answers, end it by its id."""
    bound = ["setpriv", "--pdeathsig", "KILL"] if sys.platform == "linux" else []
    for _ in range(3):  # somebody may take the port between the look and the start
        port = free_port()
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*bound, *arguments(port)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
            )
        until = time.monotonic() + READY_S
        try:
            while process.poll() is None and time.monotonic() < until:
                if ready(port):
                    yield process, port
                    return
                time.sleep(0.02)
        finally:
            _end(process, stop)
    said = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{arguments(0)[0]}: expected an answer within {READY_S:.0f} s, got\n{said}")


def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str, good: Sequence[int]) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - http on loopback
            return answer.status in good
    except urllib.error.HTTPError as error:
        return error.code in good
    except OSError:
        return False
