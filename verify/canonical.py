"""Canonical JSON: one value, one sequence of bytes (a narrow profile of RFC 8785).

Guarantee: `decode` returns only for bytes that `encode` would write again, so two readers cannot
see two values; `encode` writes what RFC 8785 writes for the same value.
Not covered: what a value means.

Format: docs/formats/entries.md, version 1, section "Canonical form".
"""

import json
import re
from json.encoder import encode_basestring
from typing import Any, NoReturn

from verify.errors import MalformedError

LARGEST = 2**53 - 1  # RFC 8785 (I-JSON): whole numbers that every reader holds exactly
DEEPEST = 64  # nesting; a limit of the format, so that no reader's stack decides

_is_name = re.compile(r"[a-z0-9_]+").fullmatch


def encode(value: object) -> bytes:
    """The one encoding of `value`; MalformedError if it lies outside the profile.

    Tuples are written as arrays.  Floats, other numbers and other types are refused.
    """
    try:
        return write(value).encode()
    except UnicodeEncodeError:
        raise MalformedError(
            "canonical JSON: expected Unicode text, got a lone surrogate"
        ) from None


def write(value: object, depth: int = 0) -> str:
    """The text of `encode`, of a value `depth` levels down; it may still hold a lone surrogate."""
    # One pass and exact types: about twice as fast as checking and json.dumps after each other.
    kind = type(value)
    if kind is str:
        return encode_basestring(value)  # type: ignore[arg-type]  # kind is str
    if kind is int:
        if not -LARGEST <= value <= LARGEST:  # type: ignore[operator]  # kind is int
            raise MalformedError("canonical JSON: expected |n| < 2^53, got a larger number")
        return str(value)
    if value is None or kind is bool:
        return "null" if value is None else "true" if value else "false"
    if depth >= DEEPEST:
        raise MalformedError(f"canonical JSON: expected nesting of at most {DEEPEST}, got more")
    if isinstance(value, list | tuple):
        return f"[{','.join([write(member, depth + 1) for member in value])}]"
    if isinstance(value, dict):
        for name in value:
            check_name(name)
        members = [f'"{name}":{write(value[name], depth + 1)}' for name in sorted(value)]
        return f"{{{','.join(members)}}}"
    raise MalformedError(
        "canonical JSON: expected text, whole number, truth value, null, array or object, "
        f"got {kind.__name__}"
    )


def decode(data: bytes) -> Any:
    """The value of canonical bytes; MalformedError for anything else, duplicate keys included."""
    try:
        value = _loads(data.decode())
    except UnicodeDecodeError as exc:
        raise MalformedError(
            f"canonical JSON: expected UTF-8, got another byte at {exc.start}"
        ) from None
    except (ValueError, RecursionError) as exc:
        raise MalformedError(f"canonical JSON: expected one JSON value, got {exc!s:.120}") from None
    again = encode(value)
    if again != data:
        at = next(
            (i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), len(again)
        )
        raise MalformedError(
            f"canonical JSON: expected {again[at : at + 12]!r} at byte {at}, got {data[at : at + 12]!r}"
        )
    return value


def check_name(name: object) -> None:
    """Raise MalformedError unless `name` may be the name of a member."""
    if type(name) is not str or _is_name(name) is None:
        raise MalformedError(f"canonical JSON: expected a name of a-z, 0-9, _, got {name!r:.80}")


def _refuse(text: str) -> NoReturn:
    raise MalformedError(f"canonical JSON: expected a whole number, got {text:.40}")


_loads = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode
