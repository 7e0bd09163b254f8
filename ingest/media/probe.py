"""Finds out what a file is, inside the sandbox: facts and a plan, or a reason.

Guarantee: whatever the bytes are, `probe` answers within its limits with a plan whose verdict is
`none` for everything that is refused; a refusal about the bytes is never an exception.
Not covered: a machine without ffprobe or without memory: that raises, and is tried again.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.media import allowed, argv
from ingest.media.classify import Plan, Reason, classify
from ingest.media.facts import Facts, parse
from ingest.media.run import ToolFailedError, ToolOutputError, ToolTimeoutError, run, said
from ingest.media.sandbox import Limits, Sandbox
from verify.errors import MalformedError

LIMITS: Final = Limits(wall_s=60, memory=2 << 30, file_size=1 << 20, processes=128)

# How recordings and pictures begin: tells a damaged one from what never was one.
_SIGNATURES: Final = re.compile(
    rb"""(?:
      .{4}(?:ftyp|moov|mdat|free|skip|wide|pnot)
    | RIFF.{4}(?:WAVE|AVI\ ) | RIFF.{4}WEBP | riff.{12} | \x1aE\xdf\xa3 | FLV\x01 | OggS | fLaC
    | \#!AMR | ID3 | \xff[\xfb\xf3\xf2\xf1\xf9] | \x47.{187}\x47 | .{4}\x47.{191}\x47
    | \x00\x00\x01[\xba\xb3\xb0] | \x00\x00\x00?\x01[\x67\x40\x42] | \x30\x26\xb2\x75\x8e\x66\xcf\x11
    | DHAV | IMKH | caff | FORM.{4}AIF[FC] | \xff\xd8\xff | \x89PNG | BM.{12}[\x28\x6c\x7c]\x00\x00\x00
    )""",
    re.DOTALL | re.VERBOSE,
)
_TOO_LARGE: Final = re.compile(rb"Picture size \d+x\d+ (?:is invalid|exceeds)")
_HEAD: Final = 512


@dataclass(frozen=True, slots=True)
class Probed:
    plan: Plan
    facts: Facts | None = None
    detail: str = ""  # what ffprobe said, cleaned, for the operator


def _unreadable(head: bytes, stderr: bytes) -> Reason:
    """Why ffprobe could not open it.  The messages are those of ffmpeg 4.4 to 7."""
    if b"ormat not on whitelist" in stderr:
        return Reason.FORMAT
    if re.search(rb"odec \(.*\) not on whitelist", stderr):
        return Reason.CODEC
    if _SIGNATURES.match(head):
        return Reason.BROKEN
    return Reason.NOT_MEDIA


async def probe(source: Path, folder: Path, sandbox: Sandbox, *, limits: Limits = LIMITS) -> Probed:
    """Examine `source`; `folder` is an empty one of this attempt."""
    with source.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return Probed(Plan("none", reason=Reason.EMPTY))
    command = sandbox.wrap(argv.probe(sandbox.places(source, folder)), source, folder, limits)
    try:
        done = await run(command, limits, tool="ffprobe", capture=allowed.PROBE_OUTPUT)
    except ToolTimeoutError as exc:
        return Probed(Plan("none", reason=Reason.TIMED_OUT), detail=str(exc))
    except ToolOutputError as exc:
        return Probed(Plan("none", reason=Reason.TOO_MUCH), detail=str(exc))
    except ToolFailedError as exc:
        if exc.status != 1:  # 1: ffprobe has judged the bytes; else it could not run, or crashed
            raise
        return Probed(Plan("none", reason=_unreadable(head, exc.stderr)), detail=exc.detail)
    try:
        facts = parse(done.stdout)
    except MalformedError as exc:
        return Probed(Plan("none", reason=Reason.BROKEN), detail=str(exc))
    plan = classify(facts)
    if plan.reason is Reason.BROKEN and _TOO_LARGE.search(done.stderr):
        plan = Plan("none", reason=Reason.TOO_LARGE)  # the decoder was not even opened
    return Probed(plan, facts, detail=said(done.stderr) if plan.verdict == "none" else "")
