"""The command line: one group, one module per group of commands.

Every deliberate error is one line, `code: message`, and an exit code (`liuhen.exits`).  No secret
is ever an argument: tokens come from a file or the environment, the log's key from its file.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import click

from liuhen import settings
from liuhen.commands import erase, log, push, serve, token, verify
from liuhen.exits import Commands
from liuhen.settings import Settings


@dataclass(frozen=True, slots=True)
class Config:
    """Reads the settings when a command asks for them; `push` and `verify` never do."""

    file: Path | None

    def load(self) -> Settings:
        return settings.load(self.file, os.environ)


@click.group(cls=Commands)
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


main.add_command(serve.serve)
main.add_command(push.push)
main.add_command(verify.verify)
main.add_command(log.log)
main.add_command(token.token)
main.add_command(erase.erase)

if __name__ == "__main__":
    main()
