"""Paths and queries against openapi.yaml: what each parameter may be is made ready once.

Guarantee: every value of every described parameter is one that its schema allows, and required ones
are there, or MalformedError names the parameter; a test holds the answers against `openapi-core`,
which finds its way through the document anew for each request (10 ms for a page of the inbox).
Not covered: parameters in headers and cookies, and such that are no single word, number or date;
a document that has one is refused when it is read.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from yarl import URL

from verify.errors import MalformedError

_NUMBERS: Mapping[str, tuple[re.Pattern[str], Callable[[str], float]]] = {
    "integer": (re.compile(r"-?[0-9]{1,15}"), int),
    "number": (re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?"), float),
}
Read = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation; `path` tells it from one of the query."""

    name: str
    path: bool
    required: bool
    read: Read
    schema: OAS31Validator

    def check(self, texts: Sequence[str]) -> None:
        """Raise MalformedError unless each of these is a value that is allowed."""
        if not texts and self.required:
            raise self._refused("a value, got none")
        for text in texts:
            if "\0" in text:  # PostgreSQL has none in its texts
                raise self._refused("text without NUL")
            if not text and not self.path:  # `allowEmptyValue` is not used
                raise self._refused("a value, got an empty one")
            for found in self.schema.iter_errors(self.read(text)):
                expected = f"{found.validator} {found.validator_value}"[:150]
                raise self._refused(f"{expected}, got {text[:40]!r}")

    def _refused(self, what: str) -> MalformedError:
        return MalformedError(f"{'path' if self.path else 'query'} {self.name}: expected {what}")


def compiled(document: Mapping[str, Any]) -> dict[tuple[str, str], tuple[Parameter, ...]]:
    """(method, path) -> its parameters, those common to the path included."""
    return {
        (method.upper(), path): tuple(
            _parameter(_resolved(one, document), document)
            for one in (*methods.get("parameters", ()), *operation.get("parameters", ()))
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    }


def check(parameters: Sequence[Parameter], path: Mapping[str, str], url: URL) -> None:
    """Raise MalformedError unless these are parameters as described; others are let pass."""
    for one in parameters:
        found = [path[one.name]] if one.path and one.name in path else []
        one.check(found if one.path else url.query.getall(one.name, []))


def _parameter(one: Mapping[str, Any], document: Mapping[str, Any]) -> Parameter:
    place, schema = one["in"], one["schema"]
    if place not in ("path", "query") or {"style", "explode", "content"} & one.keys():
        raise ValueError(f"parameter {one['name']}: expected a plain one of path or query")
    kinds = {found["type"] for found in _parts(schema, document) if "type" in found} or {"string"}
    if len(kinds) > 1 or not kinds <= {"string", *_NUMBERS}:
        raise ValueError(f"parameter {one['name']}: expected one type, got {sorted(kinds)}")
    whole = OAS31Validator(
        {**schema, "components": document["components"]}, format_checker=oas31_format_checker
    )
    read = _reader(kinds.pop())
    return Parameter(one["name"], place == "path", one.get("required", False), read, whole)


def _reader(kind: str) -> Read:
    """What stands in the address as the schema's type; as it is where it is none."""
    if kind == "string":
        return str
    pattern, number = _NUMBERS[kind]
    return lambda text: number(text) if pattern.fullmatch(text) else text


def _parts(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema and those it is put together from."""
    whole = _resolved(schema, document)
    yield whole
    for name in ("allOf", "anyOf", "oneOf"):
        for part in whole.get(name, ()):
            yield from _parts(part, document)


def _resolved(value: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        found: Any = document
        for step in str(value["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value
