"""`python -m bench [NAME…]`: measure, and print tables that go into bench/README.md as they are.

Ends with 1 where an aim that a part holds itself to was missed.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Sequence

from bench.machine import Table

NAMES = (
    "machine",
    "receive",
    "path",
    "acts",
    "latency",
    "memory",
    "derived",
    "scale",
    "search",
    "month",
    "console",
    "console_case",
    "first_frame",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--rounds", type=int, default=3, help="runs whose median is shown")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"expected names of {', '.join(NAMES)}, got {', '.join(sorted(unknown))}")
    missed = False
    for name in given.names or NAMES:
        begun = time.monotonic()
        for table in importlib.import_module(f"bench.{name}").measure(given.rounds):
            show(table)
            missed |= table.missed
        sys.stderr.write(f"{name}: {time.monotonic() - begun:.0f} s\n")
    sys.exit(missed)


def alone(
    prog: str,
    about: str | None,
    measured: Callable[[bool], Sequence[Table]],
    arguments: Sequence[str] | None,
) -> None:
    """The command of a part that has a small world too: `measured` is told whether to take it."""
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description=about)
    parser.add_argument("--quick", action="store_true", help="a small world: does it run at all")
    found = measured(parser.parse_args(arguments).quick)
    for table in found:
        show(table)
    sys.exit(any(table.missed for table in found))


def show(table: Table) -> None:
    """One table in Markdown."""
    lines = [f"\n### {table.title}\n", _line(table.columns), _line(["---"] * len(table.columns))]
    lines += [_line(row) for row in table.rows]
    if table.note:
        lines += ["", table.note]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
