"""The server's own words: one line each, plain or JSON, with ids and never with contents.

Guarantee: what is logged carries no token, no address of a request's query, no name of a person
and no name of a file; those who log pass ids.  Security events (`liuhen.security`) can go to a
file of their own, which survives the rotation of the rest.
Not covered: the evidence log; that is `storage.log`, and nothing here can replace it.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

from liuhen.settings import LoggingSettings

SECURITY = "liuhen.security"
_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {k: v for k, v in record.__dict__.items() if k not in _USUAL}


class JsonLines(logging.Formatter):
    """One JSON object per line, for collectors."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """For people; a line break in a message cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        extras = "".join(f" {k}={v}" for k, v in _extras(record).items())
        text = (record.getMessage() + extras).replace("\r", "\\r").replace("\n", "\\n")
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {text}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class Broken(logging.Filter):
    """Requests that are none: one line without what was sent, where a token may stand, and no
    traceback, so that a stranger cannot fill the disk with them."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args = f"no HTTP request: {type(error).__name__}", ()
        return True


def configure(settings: LoggingSettings) -> None:
    """Set the process's logging up, once; earlier handlers are replaced."""
    formatter = JsonLines() if settings.format == "json" else PlainLines()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    # Access lines hold addresses of requests; the console counts requests without them.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    server = logging.getLogger("aiohttp.server")
    server.filters[:] = [Broken()]
    security = logging.getLogger(SECURITY)
    security.handlers[:] = []
    security.propagate = True
    if settings.security_file is not None:
        settings.security_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = logging.FileHandler(settings.security_file, encoding="utf-8")
        own.setFormatter(formatter)
        security.handlers[:] = [own]
        security.propagate = False
