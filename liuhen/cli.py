"""The command line: one group, one module per group of commands, loaded when it is asked for.

Every deliberate error is one line, `code: message`, and an exit code (`liuhen.exits`).  No secret
is ever an argument: tokens come from a file or the environment, the log's key from its file.
"""

import importlib
import os
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path

import click

from liuhen import settings
from liuhen.exits import Commands
from liuhen.settings import Settings

MODULES = {
    "serve": "serve",
    "push": "push",
    "verify": "verify",
    "scrub": "scrub",
    "log": "log",
    "rebuild": "log",
    "person": "person",
    "token": "token",
    "erase": "erase",
}
"""Command and its module below `liuhen.commands`; the command has its own name there."""

SHORT = {
    "serve": "Run the server; SIGTERM or Ctrl-C stops it cleanly.",
    "push": "Hand FILEs (or all files below folders) over; each ends with a checked receipt beside it.",
    "verify": "Check RECEIPT and FILE with a trusted --key VKEY or --policy FILE; needs no server.",
    "scrub": "Hash every stored object, tile, bundle and entry against the log.",
    "log": "Look after the evidence log.",
    "rebuild": "Write a lost database again from the store.",
    "person": "Make the first person, list people, give new one-time passwords.",
    "token": "Make, list and revoke tokens.",
    "erase": "Erase fields of an entry from database and store.",
}
"""What each command does, as it says itself: the overview loads none of them."""


class Lazy(MutableMapping[str, click.Command]):
    """Commands by name, imported at the first look: a device's `push` never loads the database."""

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name in MODULES and name not in self._loaded:
            module = importlib.import_module(f"liuhen.commands.{MODULES[name]}")
            self._loaded[name] = getattr(module, name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


@dataclass(frozen=True, slots=True)
class Config:
    """Reads the settings when a command asks for them; `push` and `verify` never do.

    Whoever asks works on the server's own files, so what is made from here on is its owner's
    alone, whatever the folder it lies in allows.
    """

    file: Path | None

    def load(self) -> Settings:
        os.umask(0o077)
        return settings.load(self.file, os.environ)


class Main(Commands):
    """The overview is read from `SHORT`: loading all commands takes seconds."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, SHORT[name]) for name in self.list_commands(ctx)])


@click.group(cls=Main, commands=Lazy())
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file (TOML); else LIUHEN_CONFIG, else defaults.",
)
@click.version_option(package_name="liuhen")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Liuhen 留痕: keeps the whole process of an enforcement case on record, provably."""
    ctx.obj = Config(config)


if __name__ == "__main__":
    main()
