"""docs/requirements.md: every feature that the product claims names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/requirements.md").read_text("utf-8")
LINE = re.compile(r"^\| ([A-Z][0-9]{2}) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
MINE = re.compile(r"\b[MEN][0-9]{2}\b")


def lines() -> list[tuple[str, str, str]]:
    return LINE.findall(PAGE)


@cache
def found_in(path: str) -> dict[str, str]:
    """The tests of a file, each with its docstring."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_every_line_of_the_page_is_a_requirement() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) - 1 == len(lines())  # one is the head of the table
    numbers = [number for number, _, _ in lines()]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(("number", "sentence", "shown"), lines(), ids=lambda v: str(v)[:3])
def test_every_named_test_exists(number: str, sentence: str, shown: str) -> None:
    named = NAMED.findall(shown)
    assert named, f"{number}: no test is named"
    assert NAMED.sub("", shown).replace(" ", "").replace("·", "") == "", f"{number}: {shown}"
    assert sentence.endswith((".", "。"))
    for path, name in named:
        assert (ROOT / path).is_file(), f"{number}: {path}"
        assert name in found_in(path), f"{number}: {path} has no {name}"


def test_a_test_that_bears_a_number_shows_a_claimed_feature() -> None:
    """What is shown is claimed: a test named after a feature makes its line necessary."""
    claimed = {number for number, _, _ in lines()}
    found: set[str] = set()
    for path in ROOT.glob("tests/**/test_*.py"):
        for name, told in found_in(str(path.relative_to(ROOT))).items():
            found |= {m.upper() for m in re.findall(r"_([men][0-9]{2})(?:_|$)", name)}
            found |= set(MINE.findall(told))
    assert found <= claimed, sorted(found - claimed)
