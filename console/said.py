"""Values as the API and the pages say them, in one language."""

from collections.abc import Mapping
from typing import Any

from cases import queries
from cases.trail import Step
from console import shown
from console.i18n import Speech
from console.items import Detail, JobRow
from console.state import State
from console.state import Step as StateStep
from console.words import Names, who, words
from verify.entries import format_time


def reason_text(reason: str, speech: Speech) -> str:
    """Why it cannot go on; an unknown code says itself."""
    return speech.choice("reason", reason)


def state_text(state: State, speech: Speech) -> str:
    """The state in words: «receiving 40 %», «cannot be played (…)»."""
    values: dict[str, Any] = {
        "percent": "?" if state.percent is None else state.percent,
        "copies": state.copies,
        "why": reason_text(state.reason, speech) if state.reason else "",
    }
    name = f"state.{state.name}"
    special = f"{name}.{state.reason}" if state.reason else ""
    return speech(special if special and speech.has(special) else name, **values)


def step_text(step: StateStep, speech: Speech) -> str:
    if step.name == "stored" and step.copies:
        return speech("step.stored.copies", copies=step.copies)
    return speech(f"step.{step.name}")


def state(value: State, speech: Speech) -> dict[str, Any]:
    return {
        "name": value.name,
        "text": state_text(value, speech),
        "percent": value.percent,
        "copies": value.copies,
        "reason": value.reason,
        "hint": _hint(value, speech),
        "moving": value.moving,
        "steps": [
            {
                "name": step.name,
                "text": step_text(step, speech),
                "standing": step.standing,
                "standing_text": speech(f"standing.{step.standing}"),
                "percent": step.percent,
            }
            for step in value.steps
        ],
    }


def _hint(value: State, speech: Speech) -> str | None:
    for key in (f"hint.{value.name}.{value.reason}", f"hint.{value.name}"):
        if speech.has(key):
            return speech(key)
    return None


def case(value: queries.Case, speech: Speech) -> dict[str, Any]:
    return {
        "id": value.id,
        "number": value.number,
        "kind": value.kind,
        "kind_text": speech.choice("kind", value.kind),
        "title": value.title,
        "officers": list(value.officers),
        "opened": format_time(value.opened_ms),
        "opened_index": value.opened_index,
    }


def item(value: queries.Item, state_: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": value.id,
        "name": value.name,
        "name_shown": shown.visible(value.name),
        "mime": value.mime,
        "size": value.size,
        "sha256": value.sha256,
        "root": value.root,
        "marks": list(value.marks),
        "source": {"id": value.source, "name": value.source_name},
        "upload": value.upload,
        "sealed": {"index": value.sealed_index, "at": format_time(value.sealed_ms)},
        "retain_until": value.retain_until,
        "state": dict(state_),
    }


def detail(value: Detail, speech: Speech) -> dict[str, Any]:
    body = item(value.item, state(value.beside.state, speech))
    body["sealed"]["leaf"] = value.sealed_leaf
    return body | {
        "chunk": value.chunk,
        "name_raw": value.name_raw,
        "device_times": list(value.device_times),
        "clock_offset": value.clock_offset,
        "announced": value.announced,
        "case_wish": value.wish,
        "stores": [copy.store for copy in value.copies],
        "verdict": value.beside.verdict,
        "duration_ms": value.beside.duration_ms,
        "derived": [
            {
                "what": d.what, "sha256": d.sha256, "size": d.size, "mime": d.mime,
                "tool": d.tool, "arguments": list(d.arguments), "index": d.index,
            }
            for d in value.derived
        ],
        "cases": [{"id": c.id, "number": c.number, "title": c.title} for c in value.cases],
    }  # fmt: skip


def step(value: Step, speech: Speech, names: Names) -> dict[str, Any]:
    return {
        "index": value.index,
        "chain": value.chain,
        "seq": value.seq,
        "type": value.type,
        "actor": value.actor,
        "who": who(value, speech),
        "at": value.at,
        "leaf": value.leaf,
        "words": words(value, speech, names),
        "fields": dict(value.fields),
        "erased": list(value.erased),
    }


def job(value: JobRow, speech: Speech) -> dict[str, Any]:
    return {
        "key": value.key,
        "kind": value.kind,
        "kind_text": speech.choice("job", value.kind),
        "state": value.state,
        "attempt": value.attempt,
        "progress": value.progress,
        "error": value.error,
        "item": value.item,
        "updated": format_time(value.updated_ms),
    }
