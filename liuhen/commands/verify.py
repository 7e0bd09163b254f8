"""`liuhen verify`: the offline verifier under the project's own name."""

import click

from verify import offline


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def verify(arguments: tuple[str, ...]) -> int:
    """Check RECEIPT and FILE with a trusted --key VKEY or --policy FILE; needs no server."""
    return offline.run(list(arguments), prog="liuhen verify")
