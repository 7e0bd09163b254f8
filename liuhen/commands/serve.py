"""`liuhen serve`."""

from typing import Any

import click

from liuhen import logging as words
from liuhen.exits import run
from liuhen.serve import serve as serve_forever


@click.command()
@click.option(
    "--insecure",
    is_flag=True,
    help="Listen on any address without TLS.  For a closed test network only.",
)
@click.pass_obj
def serve(config: Any, *, insecure: bool) -> None:
    """Run the server; SIGTERM or Ctrl-C stops it cleanly."""
    settings = config.load()
    words.configure(settings.logging)
    run(serve_forever(settings, insecure=insecure))
