"""The offline verifier's command: `python -m verify RECEIPT FILE --key VKEY`.

Guarantee: no network, no server, nothing written; the exit code is 0 only if every check was made and
passed under a key that the caller named; what was not checked is always listed.
Exit codes: 0 good, 1 broken, 2 incomplete, 3 malformed, 4 unavailable, 64 usage.

Format: docs/formats/receipts.md, version 1, section "Verifying".
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from verify.errors import EvidenceError
from verify.examine import EXIT, Report, Step, examine, outcome_of, read_text
from verify.notes import ED25519, VerifierKey
from verify.policy import parse_policy
from verify.wording import WORDS, Language, language, visible

USAGE = 64
_FACTS = (
    "origin", "vkey", "witnesses", "index", "tree_size", "type", "recorded", "actor", "chain", "seq",
    "withheld",
)  # fmt: skip


class _UsageError(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(message)


def run(
    argv: Sequence[str],
    out: TextIO | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    prog: str = "python -m verify",
) -> int:
    """Do what the arguments say, write the report to `out`, return the exit code."""
    stream = out or sys.stdout
    lang = _language_of(argv, environ)
    words = WORDS[lang]
    try:
        args = _parser(prog).parse_args(list(argv))
        keys = [_log_key(text) for text in args.key or ()]
    except (_UsageError, EvidenceError) as exc:
        stream.write(f"{visible(str(exc))}\n{words['usage'].format(prog=prog)}\n")
        return USAGE
    if args.help:
        stream.write(f"{words['usage'].format(prog=prog)}\n{words['codes']}\n")
        return 0
    if args.receipt is None or args.file is None:
        stream.write(f"{words['usage'].format(prog=prog)}\n")
        return USAGE
    report = _report(args, keys)
    if args.json:
        stream.write(json.dumps(as_json(report), ensure_ascii=True, indent=2) + "\n")
    else:
        stream.write(as_text(report, lang))
    return EXIT[report.verdict]


def main() -> int:
    """The command as a process."""
    if hasattr(sys.stdout, "reconfigure"):  # a terminal that cannot write Chinese gets \\u escapes
        sys.stdout.reconfigure(errors="backslashreplace")
    return run(sys.argv[1:])


def as_json(report: Report) -> dict[str, object]:
    """The report as a JSON value."""
    return {
        "verdict": report.verdict,
        "exit": EXIT[report.verdict],
        "steps": [
            {
                "code": step.code, "outcome": step.outcome, "detail": step.detail,
                "expected": step.expected, "got": step.got,
            }
            for step in report.steps
        ],
        "facts": report.facts,
        "not_checked": report.not_checked,
    }  # fmt: skip


def as_text(report: Report, lang: Language) -> str:
    """The report for a person."""
    words = WORDS[lang]
    lines = [words["checks"], *(_step_line(step, words) for step in report.steps)]
    if "first_wrong" in report.facts:
        lines.append(f"  {words['first-wrong'].format(**report.facts['first_wrong'])}")
    if report.facts:
        lines += ["", words["facts"], *_fact_lines(report, words)]
    lines += ["", words["not-checked"], *(f"  - {words['not.' + c]}" for c in report.not_checked)]
    return "\n".join([*lines, "", words["verdict." + report.verdict], ""])


def _step_line(step: Step, words: Mapping[str, str]) -> str:
    line = f"  [{words['outcome.' + step.outcome]}] {words['step.' + step.code]}"
    if step.outcome == "good":
        return f"{line}: {visible(step.got)}" if step.got else line
    if step.expected:
        why = words["expected"].format(expected=visible(step.expected), got=visible(step.got))
    else:
        why = visible(step.detail)
    return f"{line}\n      {why}"


def _fact_lines(report: Report, words: Mapping[str, str]) -> list[str]:
    lines = []
    for name in _FACTS:
        value = report.facts.get(name)
        if value not in (None, []):
            shown = ", ".join(value) if isinstance(value, list) else str(value)
            lines.append(f"  {words['fact.' + name]}: {visible(shown)}")
    for name, value in report.facts.get("disclosed", {}).items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"  {name}: {visible(shown)}")
    return lines


def _report(args: argparse.Namespace, keys: Sequence[VerifierKey]) -> Report:
    policy = None
    if args.policy is not None:
        try:
            policy = parse_policy(read_text(args.policy, "policy"))
        except EvidenceError as exc:
            return _only(Step("log-signature", outcome_of(exc), str(exc)))
        except OSError as exc:
            return _only(Step("log-signature", "unavailable", f"{exc.filename}: {exc.strerror}"))
    return examine(args.receipt, args.file, logs=keys, policy=policy, tree_path=args.tree)


def _only(step: Step) -> Report:
    return Report(steps=[step], not_checked=["file", "log-signature"])


def _log_key(text: str) -> VerifierKey:
    key = VerifierKey.parse(text)
    if key.kind != ED25519:
        raise _UsageError(f"--key {key.name}: expected a log's key (type 1), got type {key.kind}")
    return key


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=prog, add_help=False, allow_abbrev=False)
    parser.add_argument("receipt", type=Path, nargs="?")
    parser.add_argument("file", type=Path, nargs="?")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--key", action="append")
    trust.add_argument("--policy", type=Path)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--lang", choices=("zh", "en"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    return parser


def _language_of(argv: Sequence[str], environ: Mapping[str, str]) -> Language:
    """Read before the arguments are, so that even a usage error comes in the right language."""
    for at, word in enumerate(argv):
        if word == "--lang" and at + 1 < len(argv):
            return language(argv[at + 1])
        if word.startswith("--lang="):
            return language(word.removeprefix("--lang="))
    found = (environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return language(next((value for value in found if value), ""))
