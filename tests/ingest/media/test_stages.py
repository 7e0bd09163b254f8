"""The stages as jobs: from a sealed item to what people see, and every way it can go wrong."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from ingest.media import stages, wishes
from ingest.media.classify import Reason
from ingest.media.facts import Facts
from ingest.media.made import Made
from ingest.media.originals import Original, Originals, Place
from ingest.media.stages import Pipeline, open_pipeline
from storage import job_table
from storage.disk_real import FolderDisk
from storage.errors import LostError
from storage.job_table import Claim
from storage.jobs import Attempt, Runner
from storage.ledger import Ledger, random_id
from storage.objects.directory import DirectoryStore
from storage.objects.port import Class, read_all
from storage.tables import derived, job, media
from tests.ingest.media import hostile
from tests.ingest.media.conftest import Footage
from tests.storage.samples import (
    ManualClock,
    act,
    database_of,
    enrolled,
    opened,
    opened_upload,
    sealed,
)
from verify.errors import DigestMismatchError, UnavailableError, VerificationError

SOURCE = "5" * 32


class RealPace(ManualClock):
    """A clock of the tests' year that goes on with the machine's."""

    def now_ms(self) -> int:
        return self.now + time.monotonic_ns() // 1_000_000

    def boot_ms(self) -> int:
        return self.boot + time.monotonic_ns() // 1_000_000


class House:
    """A ledger, a directory store and the pipeline, as the server has them."""

    def __init__(self, ledger: Ledger, store: DirectoryStore, pipeline: Pipeline) -> None:
        self.ledger, self.store, self.pipeline = ledger, store, pipeline
        self.database = database_of(ledger)
        self.clock = pipeline.clock
        self._enrolled = False

    async def seal(self, data: bytes) -> str:
        """Put bytes into the store and seal them as an item."""
        if not self._enrolled:
            await act(self.ledger, enrolled(SOURCE))
            self._enrolled = True
        item, upload = random_id(), random_id()
        until = datetime(2036, 1, 1, tzinfo=UTC)
        await self.store.create(Class.EVIDENCE, f"o/{item}", data, retain_until=until)
        await act(self.ledger, opened_upload(SOURCE, upload))
        fields = {
            "size": len(data), "sha256": hashlib.sha256(data).hexdigest(),
            "objects": [{"store": "directory", "what": "original", "key": f"o/{item}"}],
        }  # fmt: skip
        await self.ledger.record(
            f"seal:{upload}",
            lambda _: [sealed(SOURCE, upload, item, **fields)],
            lambda c, events: wishes.after_sealed(c, events[0]),
        )
        return item

    async def work(self) -> None:
        """Run jobs until none is queued or running."""
        runner = Runner(
            self.database, self.clock, {"quick": 2, "heavy": 1}, beat_s=0.2, poll_s=0.05,
            first_wait_s=0.05,
        )  # fmt: skip
        self.pipeline.register(runner)
        task = asyncio.create_task(runner.run())
        try:
            async with asyncio.timeout(90):
                while await self.ask(
                    lambda c: c.execute(
                        select(job.c.id).where(job.c.state.in_(("queued", "running")))
                    ).first()
                ):
                    assert not task.done()
                    await asyncio.sleep(0.1)
        finally:
            runner.stop()
            await task

    async def ask(self, question: Callable[[Connection], Any]) -> Any:
        async with self.database.read() as connection:
            return await connection.run_sync(question)

    async def known(self, item: str) -> Any:
        return await self.ask(
            lambda c: c.execute(select(media).where(media.c.item == item)).first()
        )

    async def made(self, item: str) -> dict[str, Any]:
        rows = await self.ask(
            lambda c: c.execute(select(derived).where(derived.c.item == item)).all()
        )
        return {row.what: row for row in rows}

    async def jobs(self) -> dict[str, Any]:
        rows = await self.ask(lambda c: c.execute(select(job)).all())
        return {row.key: row for row in rows}

    async def wish(self, item: str) -> None:
        now_ms = self.clock.now_ms()
        await self.database.write(lambda c: wishes.request_playable(c, item, now_ms))

    async def keys(self) -> list[str]:
        return [key async for key in self.store.list(Class.WORK)]


@pytest.fixture
async def house(migrated_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(migrated_url, RealPace()) as ledger:
        disk = FolderDisk(tmp_path / "data")
        store = DirectoryStore(disk)
        pipeline = await open_pipeline(
            database=database_of(ledger), ledger=ledger, clock=ledger._clock, stores=[store],
            store=store, folder=tmp_path / "work",
            folders={"directory": disk.root / "objects" / "evidence"},
        )  # fmt: skip
        yield House(ledger, store, pipeline)


async def test_a_native_recording_gets_poster_and_peaks_and_no_copy(
    house: House, footage: Footage
) -> None:
    data = footage("h264-aac.mp4").read_bytes()
    item = await house.seal(data)
    await house.work()
    known = await house.known(item)
    assert (known.verdict, known.reason, known.duration_ms) == ("native", None, 2000)
    assert json.loads(known.probe)["mime"] == "video/mp4"
    made = await house.made(item)
    assert set(made) == {"poster", "peaks"}
    for row in made.values():
        content = await read_all(house.store, Class.WORK, row.key)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row.size, row.sha256)
        assert row.input == hashlib.sha256(data).hexdigest()
        assert row.tool.startswith("ffmpeg version")
        assert "file:source" in json.loads(row.arguments)
        assert str(house.pipeline.folder) not in row.arguments
    assert {j.state for j in (await house.jobs()).values()} == {"done"}
    assert list((house.pipeline.folder / "attempts").iterdir()) == []


async def test_a_playable_copy_is_made_when_somebody_waits(house: House, footage: Footage) -> None:
    item = await house.seal(footage("hevc-aac.mp4").read_bytes())
    await house.work()
    assert (await house.known(item)).verdict == "transcode"
    assert "playable" not in await house.made(item)
    await house.wish(item)
    await house.wish(item)
    waiting = (await house.jobs())[f"playable:{item}"]
    assert (waiting.lane, waiting.priority) == ("heavy", wishes.WAITED)
    await house.work()
    made = (await house.made(item))["playable"]
    assert made.mime == "video/mp4"
    assert (await house.jobs())[f"playable:{item}"].progress is not None
    await house.wish(item)  # it is there: nothing more to do
    assert (await house.jobs())[f"playable:{item}"].state == "done"


async def test_by_policy_always_every_copy_is_made_at_once(house: House, footage: Footage) -> None:
    house.pipeline = replace(house.pipeline, always=True)
    item = await house.seal(footage("sound-g711.wav").read_bytes())
    await house.work()
    made = await house.made(item)
    assert set(made) == {"peaks", "playable"}
    assert made["playable"].mime == "audio/mp4"
    assert (await house.jobs())[f"playable:{item}"].lane == "quick"


async def test_who_waits_before_the_probe_is_not_forgotten(house: House, footage: Footage) -> None:
    item = await house.seal(footage("h264-aac.ts").read_bytes())
    await house.wish(item)
    await house.work()
    assert "playable" in await house.made(item)


async def test_files_that_cannot_be_shown_say_why_and_stay_evidence(
    house: House, footage: Footage
) -> None:
    mp4 = footage("h264-aac.mp4").read_bytes()
    expected = {
        await house.seal(data): reason
        for data, reason in (
            (b"", Reason.EMPTY),
            (b"not a recording at all", Reason.NOT_MEDIA),
            (hostile.without_index(mp4), Reason.BROKEN),
            (hostile.PLAYLIST % b"/etc/passwd", Reason.FORMAT),
            (footage("magicyuv.avi").read_bytes(), Reason.CODEC),
            (hostile.claims_seconds(mp4, 360_000), Reason.TOO_LONG),
            (hostile.png(60_000, 60_000), Reason.TOO_LARGE),
        )
    }
    await house.work()
    for item, reason in expected.items():
        known = await house.known(item)
        assert (known.verdict, known.reason) == ("none", reason)
        assert await house.made(item) == {}
        await house.wish(item)
    assert {j.kind for j in (await house.jobs()).values()} == {"probe"}
    assert {j.state for j in (await house.jobs()).values()} == {"done"}


async def test_a_poison_file_fails_three_times_and_can_be_tried_again(
    house: House, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def crash(*_: object) -> object:
        nonlocal tries
        tries += 1
        raise stages.ToolFailedError("ffprobe", -11, b"Segmentation fault")

    item = await house.seal(footage("h264-aac.mp4").read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(stages, "probe", crash)
        await house.work()
    failed = (await house.jobs())[f"probe:{item}"]
    assert (tries, failed.state, failed.attempt) == (3, "failed", 3)
    assert "Segmentation fault" in failed.error
    known = await house.known(item)
    assert (known.verdict, known.reason) == ("none", "not-probed")
    await retry(house, f"probe:{item}")
    await house.work()
    assert (await house.known(item)).verdict == "native"
    assert set(await house.made(item)) == {"poster", "peaks"}


async def retry(house: House, key: str) -> None:
    runner = Runner(house.database, house.clock, {"quick": 1})
    await runner.retry(key)


async def test_a_conversion_that_fails_is_told_and_can_be_tried_again(
    house: House, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> Made:
        raise stages.ConversionError("ffmpeg: expected exit code 0, got 1")

    item = await house.seal(footage("mpeg4-mp3.avi").read_bytes())
    await house.work()
    await house.wish(item)
    with monkeypatch.context() as patch:
        patch.setattr(stages, "make_playable", fail)
        await house.work()
    known = await house.known(item)
    assert (known.verdict, known.reason) == ("none", "not-converted")
    assert (await house.jobs())[f"playable:{item}"].attempt == 3
    await retry(house, f"playable:{item}")
    await house.work()
    assert (await house.known(item)).verdict == "transcode"
    assert "playable" in await house.made(item)


async def test_where_copying_fails_the_next_attempt_encodes(
    house: House, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stages.make_playable

    async def refuse_copies(work: Any, plan: Any, *rest: Any, **more: Any) -> Made:
        if plan.picture.copied:
            raise stages.ConversionError("ffmpeg: expected exit code 0, got 1")
        return await real(work, plan, *rest, **more)

    monkeypatch.setattr(stages, "make_playable", refuse_copies)
    item = await house.seal(footage("h264-aac.ts").read_bytes())
    await house.work()
    assert (await house.known(item)).verdict == "remux"
    await house.wish(item)
    await house.work()
    ended = (await house.jobs())[f"playable:{item}"]
    assert (ended.state, ended.lane, ended.attempt) == ("done", "heavy", 2)
    assert (await house.known(item)).verdict == "transcode"
    arguments = json.loads((await house.made(item))["playable"].arguments)
    assert "libx264" in arguments


async def test_an_attempt_that_lost_its_job_publishes_nothing(
    house: House, footage: Footage
) -> None:
    item = await house.seal(footage("sound.mp3").read_bytes())
    await house.work()
    before, keys = await house.made(item), await house.keys()
    await retry(house, f"peaks:{item}")

    def claim(connection: Connection) -> Claim | None:
        now_ms = house.clock.now_ms()
        return job_table.claim(connection, "quick", ["peaks"], token=random_id(), now_ms=now_ms)

    claimed = await house.database.write(claim)
    assert claimed is not None
    await house.database.write(
        lambda c: c.execute(update(job).where(job.c.id == claimed.id).values(token=random_id()))
    )
    with pytest.raises(LostError):
        await house.pipeline._peaks(Attempt(claimed, house.database, house.clock))
    assert await house.made(item) == before
    assert await house.keys() == keys


async def test_made_again_it_takes_the_place_of_the_old_one(house: House, footage: Footage) -> None:
    item = await house.seal(footage("still.jpg").read_bytes())
    await house.work()
    first = (await house.made(item))["poster"]
    await retry(house, f"poster:{item}")
    await house.work()
    second = (await house.made(item))["poster"]
    assert second.key != first.key
    assert second.sha256 == first.sha256
    assert await house.keys() == [second.key]


async def test_cancelling_ends_the_converter(
    house: House, tmp_path: Path, footage: Footage
) -> None:
    item = await house.seal(footage("hevc-aac.mp4").read_bytes())
    await house.work()
    await house.wish(item)
    started, ended = asyncio.Event(), asyncio.Event()

    async def endless(*_: object, **__: object) -> Made:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        raise AssertionError

    real, stages.make_playable = stages.make_playable, endless  # type: ignore[assignment]
    try:
        task = asyncio.create_task(house.work())
        await started.wait()
        runner = Runner(house.database, house.clock, {"quick": 1})
        await runner.cancel(f"playable:{item}")
        await task
    finally:
        stages.make_playable = real
    assert ended.is_set()
    assert (await house.jobs())[f"playable:{item}"].state == "cancelled"
    await house.wish(item)  # asked for again, it is made
    await house.work()
    assert "playable" in await house.made(item)


async def test_a_finished_copy_waits_for_a_log_that_does_not_record(
    house: House, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await house.seal(footage("sound.mp3").read_bytes())
    refusals = 2
    record = house.ledger.record

    async def sometimes(operation: str, *rest: Any) -> Any:
        nonlocal refusals
        if operation.startswith("derive:") and refusals:
            refusals -= 1
            raise UnavailableError("the database is away")
        return await record(operation, *rest)

    monkeypatch.setattr(house.ledger, "record", sometimes)
    await house.work()
    assert refusals == 0
    assert (await house.jobs())[f"peaks:{item}"].attempt == 1
    assert set(await house.made(item)) == {"peaks"}


async def test_after_a_rebuild_what_is_unknown_is_examined_again(
    house: House, footage: Footage
) -> None:
    item = await house.seal(footage("h264-aac.mp4").read_bytes())
    await house.work()
    made = await house.made(item)

    def forget(connection: Connection) -> None:
        connection.execute(delete(media))
        connection.execute(delete(job))

    await house.database.write(forget)
    now_ms = house.clock.now_ms()
    assert await house.database.write(lambda c: wishes.enqueue_missing(c, now_ms)) == 1
    assert await house.database.write(lambda c: wishes.enqueue_missing(c, now_ms)) == 0
    await house.work()
    assert (await house.known(item)).verdict == "native"
    assert await house.made(item) == made  # poster and peaks are there: not made again
    assert await house.database.write(lambda c: wishes.enqueue_missing(c, now_ms)) == 0


async def test_a_start_clears_what_a_killed_attempt_left(house: House, tmp_path: Path) -> None:
    left = house.pipeline.folder / "attempts" / "old"
    left.mkdir(parents=True)
    (house.pipeline.folder / "originals" / "x").write_bytes(b"x")
    pipeline = house.pipeline
    again = await open_pipeline(
        database=house.database, ledger=house.ledger, clock=house.clock, stores=[house.store],
        store=house.store, folder=pipeline.folder,
    )  # fmt: skip
    assert not left.exists()
    assert list((again.folder / "originals").iterdir()) == []


# --- originals from a store that is no folder -----------------------------------------------


def originals_of(data: bytes, tmp_path: Path, **more: Any) -> tuple[Originals, DirectoryStore]:
    store = DirectoryStore(FolderDisk(tmp_path / "far"))
    folder = tmp_path / "fetched"
    folder.mkdir()
    return Originals([store], folder, **more), store


def original_of(item: str, data: bytes) -> Original:
    place = Place("directory", f"o/{item}", None)
    return Original(item, len(data), hashlib.sha256(data).hexdigest(), [place])


async def test_an_original_is_fetched_once_checked_and_let_go(tmp_path: Path) -> None:
    data, item = os.urandom(3_000_000), random_id()
    originals, store = originals_of(data, tmp_path, keep=4_000_000)
    until = datetime(2036, 1, 1, tzinfo=UTC)
    await store.create(Class.EVIDENCE, f"o/{item}", data, retain_until=until)
    one = original_of(item, data)
    async with originals.file(one) as first, originals.file(one) as second:
        assert first == second
        assert first.read_bytes() == data
        inode = first.stat().st_ino
    async with originals.file(one) as third:
        assert third.stat().st_ino == inode  # kept while there is room
    other = random_id()
    await store.create(Class.EVIDENCE, f"o/{other}", data, retain_until=until)
    async with originals.file(original_of(other, data)) as fourth:
        assert fourth.exists()
    assert len(list((tmp_path / "fetched").iterdir())) <= 1


async def test_a_changed_or_cut_original_is_refused(tmp_path: Path) -> None:
    data, item = os.urandom(100_000), random_id()
    originals, store = originals_of(data, tmp_path)
    until = datetime(2036, 1, 1, tzinfo=UTC)
    changed = bytes([data[0] ^ 1]) + data[1:]
    await store.create(Class.EVIDENCE, f"o/{item}", changed, retain_until=until)
    with pytest.raises(DigestMismatchError):
        async with originals.file(original_of(item, data)):
            pass
    with pytest.raises(VerificationError):
        async with originals.file(original_of(item, data[:-1])):
            pass
    assert list((tmp_path / "fetched").iterdir()) == []


def test_facts_survive_being_stored() -> None:
    facts = Facts("avi", 1.5, 1, (), (), {"title": "现场"})
    assert Facts.decode(json.loads(json.dumps(facts.encode()))) == facts
