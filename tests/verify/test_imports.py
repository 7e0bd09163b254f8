"""The kernel stands alone: the standard library and `cryptography`, nothing else."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "verify"
ALLOWED = sys.stdlib_module_names | {"verify", "cryptography"}
NETWORK = {
    "socket",
    "ssl",
    "http",
    "urllib",
    "asyncio",
    "ftplib",
    "smtplib",
    "socketserver",
    "sqlite3",
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_imports(path: Path) -> None:
    names = imported(path)
    assert names <= ALLOWED
    assert not names & NETWORK
    assert not names & {"random", "secrets", "time"}, "no clock and no chance in the kernel"
    assert len(path.read_text("utf-8").splitlines()) < 400
