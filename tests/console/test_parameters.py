"""The parameters that are made ready once, against openapi-core, which reads the document anew."""

import re
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest
from openapi_core.validation.request.validators import V31RequestParametersValidator
from yarl import URL

from console import contract, parameters
from verify.errors import MalformedError

OTHER = OpenAPI.from_dict(
    contract.document(), config=Config(request_validator_cls=V31RequestParametersValidator)
)
GOOD = {  # of each kind, and what is near to it
    "0" * 32, "me", "1", "20", "200", "true", "false", "zh-CN", "2026-11-02", "open",
    "2026-11-02T08:00:00.000Z", "csv", "person", "1.5", "day", "text", "queued", "all", "000",
}  # fmt: skip
NEAR = {
    "", "0", "-1", "201", "20001", "1e3", "1.", "0x1", "True", "2026-02-30", "2026-13-01", "0" * 31,
    "A" * 32, "0" * 32 + "\n", "a\nb", "x" * 201, "²", "١", "null", "[]", "张三", "\u202e", "nan",
}  # fmt: skip
OPERATIONS = sorted(op for op in contract.operations() if contract.ready()[op])
TEXTS = st.sampled_from(sorted(GOOD | NEAR)) | st.text(max_size=40).filter(
    lambda text: text.isascii() or text.isprintable()
)


def ours(operation: tuple[str, str], path: dict[str, str], query: dict[str, str]) -> str | None:
    address = URL.build(path="/", query=query)
    try:
        parameters.check(contract.ready()[operation], path, address)
    except MalformedError as error:
        return str(error)
    return None


def theirs(operation: tuple[str, str], path: dict[str, str], query: dict[str, str]) -> str | None:
    method, pattern = operation
    request = MockRequest(
        "http://localhost", method.lower(), pattern, path_pattern=pattern, view_args=path,
        args=query,
    )  # fmt: skip
    try:
        OTHER.validate_request(request)
    except OpenAPIError as error:
        return type(error).__name__
    return None


def values(operation: tuple[str, str], good: str) -> tuple[dict[str, str], dict[str, str]]:
    """All of its parameters with values that are allowed, as far as `GOOD` has one."""
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for one in contract.ready()[operation]:
        allowed = [text for text in (good, *sorted(GOOD)) if not refused(one, text)]
        if allowed:
            found[not one.path][one.name] = allowed[0]
    return found


def refused(one: parameters.Parameter, text: str) -> bool:
    try:
        one.check([text])
    except MalformedError:
        return True
    return False


def test_every_operation_allows_what_openapi_core_allows() -> None:
    for operation, text in product(OPERATIONS, sorted(GOOD | NEAR)):
        path, query = values(operation, text)
        assert (ours(operation, path, query), theirs(operation, path, query)) == (None, None)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_one_other_value_is_judged_alike(data: Any) -> None:
    operation = data.draw(st.sampled_from(OPERATIONS))
    path, query = values(operation, "")
    one = data.draw(st.sampled_from(contract.ready()[operation]))
    (path if one.path else query)[one.name] = text = data.draw(TEXTS)
    mine, other = ours(operation, path, query), theirs(operation, path, query)
    if any(part == "integer" or part == "number" for part in kinds(one)) and not plain(text):
        assert mine is not None  # Python's int() and float() read `1_0`, ` 1`, `nan` and `١` too
    else:
        assert (mine is None) == (other is None), f"{operation} {one.name}={quote(text)}"


def kinds(one: parameters.Parameter) -> list[str]:
    return [str(one.schema.schema.get("type", ""))]


def plain(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text) is not None


def test_what_is_missing_or_said_twice_is_named() -> None:
    operation = ("GET", "/api/cases/{case}")
    with pytest.raises(MalformedError, match="path case: expected a value, got none"):
        parameters.check(contract.ready()[operation], {}, URL("/"))
    with pytest.raises(MalformedError, match="query text: expected text without NUL"):
        parameters.check(contract.ready()["GET", "/api/items"], {}, URL("/?text=a%00b"))
    with pytest.raises(MalformedError, match="query limit: expected maximum 200, got '201'"):
        parameters.check(contract.ready()["GET", "/api/inbox"], {}, URL("/?limit=2&limit=201"))


@pytest.mark.parametrize(
    "one",
    [
        {"name": "x", "in": "header", "schema": {"type": "string"}},
        {"name": "x", "in": "query", "schema": {"type": "array"}},
        {"name": "x", "in": "query", "style": "form", "schema": {"type": "string"}},
        {
            "name": "x",
            "in": "query",
            "schema": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        },
    ],
)
def test_a_document_with_other_parameters_is_refused(one: dict[str, Any]) -> None:
    document = {"paths": {"/x": {"get": {"parameters": [one]}}}, "components": {}}
    with pytest.raises(ValueError, match="parameter x: expected"):
        parameters.compiled(document)
