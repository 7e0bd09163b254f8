"""Generic package names are the user's wish; each must mean this checkout and nothing else."""

import importlib
import tomllib
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_every_package_of_the_checkout_is_in_the_wheel() -> None:
    here = {p.parent.name for p in ROOT.glob("*/__init__.py")} - {"tests", "bench", "deploy"}
    assert here == set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_name_resolves_into_this_checkout(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == ROOT / name / "__init__.py"


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_claims_the_name(name: str) -> None:
    claimed = set(packages_distributions().get(name, [])) - {"liuhen"}
    for found in distributions():
        if found.name == "liuhen":
            continue
        for file in found.files or []:
            if file.parts[0] in (name, f"{name}.py"):
                claimed.add(found.name)
    assert not claimed
