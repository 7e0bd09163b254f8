"""Entries into rows: one projector per type of entry.

Guarantee: a projector uses only the entries and their disclosed fields (no clock, random value,
database default or row id), so replaying the log writes every projected row again.
A projector may refuse (raise); then nothing of its act is recorded.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from sqlalchemy import Connection

from storage.acts import Event
from storage.projections import (
    attributions,
    cases,
    clips,
    course,
    erasures,
    items,
    marks,
    mentions,
    people,
    registers,
    sources,
)

Projector = Callable[[Connection, Sequence[Event]], None]


def only_mentioned(_connection: Connection, _events: Sequence[Event]) -> None:
    """Entries that change no table of their own."""


PROJECTORS: Mapping[str, Projector] = {
    "log.begun": only_mentioned,
    "source.enrolled": sources.enrolled,
    "source.revoked": sources.revoked,
    "upload.opened": sources.opened,
    "upload.aborted": sources.aborted,
    "item.sealed": items.sealed,
    "case.opened": cases.opened,
    "case.changed": cases.changed,
    "case.point": course.pointed,
    "case.stage": course.staged,
    "case.closed": course.closed,
    "document.issued": course.issued,
    "document.added": course.added,
    "coverage.judged": course.judged,
    "interruption.explained": course.explained,
    "exemption.asked": course.exemption_asked,
    "access.asked": course.access_asked,
    "policy.proposed": course.policy_proposed,
    "approval.decided": course.decided,
    "item.linked": cases.linked,
    "item.unlinked": cases.unlinked,
    "item.stored": items.stored,
    "item.derived": items.derivative,
    "clip.asked": clips.asked,
    "clip.made": clips.made,
    "item.attributed": attributions.attributed,
    "item.late": attributions.marked_late,
    "item.flagged": attributions.flagged,
    "proposal.refused": attributions.refused,
    "mark.made": marks.made,
    "mark.changed": marks.changed,
    "mark.withdrawn": marks.withdrawn,
    "view.granted": people.granted,
    "view.closed": people.closed,
    "access.denied": only_mentioned,
    "field.erased": erasures.erased,
    "token.issued": people.issued,
    "token.revoked": people.revoked,
    "organ.set": registers.organ_set,
    "unit.set": registers.unit_set,
    "user.changed": registers.user_changed,
    "credential.changed": only_mentioned,
    "rules.set": registers.rules_set,
    "procedure.set": registers.procedure_set,
    "roster.set": registers.roster_set,
    "roster.withdrawn": registers.roster_withdrawn,
    "device.set": registers.device_set,
    "device.custody": registers.device_custody,
    "device.user": registers.device_user_set,
    "device.clock": registers.device_clock,
    "scrub.done": only_mentioned,
    "log.recovered": only_mentioned,
    "clock.corrected": only_mentioned,
    "heads.set": only_mentioned,
}


def project(connection: Connection, events: Sequence[Event]) -> None:
    """Write what these entries, in the order of the log, change in the projected tables."""
    mentions.project(connection, events)
    for type_, run in groupby(events, key=lambda e: e.type):
        PROJECTORS[type_](connection, list(run))
