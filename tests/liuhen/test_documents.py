"""Documents are part of the change: their links resolve and their commands exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from console.metrics import Metrics
from liuhen.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "CHANGELOG.md",
        *ROOT.glob("docs/**/*.md"),
    ]
)
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def commands() -> list[tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        for block in BLOCK.findall(document.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                text = line.split("  #")[0].strip()
                if text and not text.startswith("#"):
                    found.append((document.name, text))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_of_documents_resolve(document: Path) -> None:
    broken = [
        target for target in LINK.findall(document.read_text())
        if not (document.parent / target).exists()
    ]  # fmt: skip
    assert not broken


@pytest.mark.parametrize(("document", "text"), commands())
def test_commands_of_documents_exist(document: str, text: str) -> None:
    """Each `liuhen …` and `make …` line names a real command with real options."""
    words = shlex.split(text)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
        return
    if words[0] != "liuhen":
        return
    command: click.Command = main
    rest = words[1:]
    while isinstance(command, click.Group):
        command = command.commands[rest.pop(0)]
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    passed = [w.split("=")[0] for w in rest if w.startswith("--")]
    if command.context_settings.get("ignore_unknown_options"):
        return  # `verify` hands its arguments to the offline verifier, which has tests of its own
    assert set(passed) <= known


def test_nothing_speaks_of_a_machine_or_an_index() -> None:
    """The project speaks of itself alone: no package index, no path of one machine."""
    hosts = ["pythonhosted" + ".org", "pypi" + ".org", "registry.npmjs" + ".org", "/wo" + "rk/main"]
    listed = [
        p for p in ROOT.rglob("*")
        if p.is_file() and p.suffix in {".md", ".py", ".toml", ".lock", ".json", ".yml", ".yaml", ".sh", ""}
        and not any(part.startswith(".") or part in {"node_modules", "var"} for part in p.relative_to(ROOT).parts)
    ]  # fmt: skip
    bad = [(p.name, h) for p in listed for h in hosts if h in p.read_text(errors="ignore")]
    assert not bad


def test_every_metric_is_in_the_handbook() -> None:
    page = (ROOT / "docs/operations/README.md").read_text()
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in Metrics().registry.collect()
    }
    assert set(re.findall(r"^\| `(liuhen_\w+)` \|", page, re.MULTILINE)) == names
