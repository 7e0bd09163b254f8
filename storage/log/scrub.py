"""`liuhen scrub`: everything that is stored, read again and held against the log.

Guarantee: what is missing, changed and extra is told apart, each with what, where, expected and
got; nothing is ever deleted.  With `repair`, what a second store, another copy or the database can
make good is made good: a recording under a new key with an entry of its own, a file of the log
under its own name.  A full tile or bundle that is changed is told only, since nothing may write
over it.  The scrub itself is recorded (`scrub.done`), and so are the chains' heads after it.
Not covered: staging; bytes that no entry names are told, not judged.

Format: docs/formats/entries.md, version 1 (`scrub.done`, `item.stored`).
"""

from collections.abc import Callable, Sequence

from storage.database import Database
from storage.ledger import Draft, Ledger, random_id
from storage.log.examine import Examination
from storage.log.findings import Finding, Report
from storage.log.fixity import Fixity, Record, Repaired
from storage.log.heads import Heads
from storage.log.publisher import Publisher
from storage.log.retell import examine_tables
from storage.log.signer import Signer
from storage.objects.port import ObjectStore
from storage.threads import Threads, in_thread

__all__ = ["Finding", "Report", "check", "scrub"]

Progress = Callable[[str, int, int], None]  # what is read, how many are done, of how many


def _silent(_what: str, _done: int, _all: int) -> None:
    """No progress is shown."""


async def check(
    database: Database,
    stores: Sequence[ObjectStore],
    signer: Signer,
    *,
    tables: bool = False,
    repair: bool = False,
    record: Record | None = None,
    progress: Progress = _silent,
    threads: Threads = in_thread,
) -> Report:
    """Read everything and tell; records nothing itself.

    Works on any state, also on one that the start refuses.  `tables` compares the projected tables
    with a replay; `repair` writes files of the log again, `record` does so for recordings.
    """
    report = Report()
    examination = Examination(database, stores, signer, report, repair=repair)
    await examination.run(lambda done, of: progress("entries", done, of))
    if tables:
        await examine_tables(database, report)
    fixity = Fixity(database, stores, report, record=record, threads=threads)
    await fixity.run(lambda done, of: progress("items", done, of))
    return report


async def scrub(
    database: Database,
    ledger: Ledger,
    publisher: Publisher,
    *,
    heads: Heads | None = None,
    tables: bool = False,
    repair: bool = True,
    actor: str = "sys",
    progress: Progress = _silent,
    threads: Threads = in_thread,
) -> Report:
    """`check` on an open ledger, with repairs, and `scrub.done` (and `heads.set`) recorded."""

    async def record(repaired: Repaired) -> None:
        place = repaired.place
        fields: dict[str, object] = {
            "item": repaired.sealed.item, "store": place.store, "what": place.what,
            "key": place.key, "why": "repair",
        }  # fmt: skip
        if place.version is not None:
            fields["version"] = place.version
        draft = Draft("item.stored", f"i:{repaired.sealed.item}", actor, fields)
        await ledger.record(random_id(), lambda _: [draft])

    report = await check(
        database, publisher.stores, publisher.signer,
        tables=tables, repair=repair, record=record if repair else None,
        progress=progress, threads=threads,
    )  # fmt: skip
    done = Draft("scrub.done", "sys", actor, report.as_fields())
    await ledger.record(random_id(), lambda _: [done])
    if heads is not None:
        await heads.set()
    publisher.poke()
    return report
