"""The demo's footage is what its page says: one plays, two need a copy, one is broken."""

from pathlib import Path

from deploy.demo.footage import make_footage
from ingest.media.classify import Reason
from ingest.media.probe import probe
from ingest.media.sandbox import Sandbox


async def test_the_files_of_the_two_checks_are_what_they_say(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder, out = tmp_path / "footage", tmp_path / "out"
    out.mkdir()
    made = make_footage(folder)
    files = made["complete"]
    plans = [(await probe(path, out, sandbox)).plan for path in files]
    assert [plan.verdict for plan in plans] == ["native", "transcode", "transcode", "none"]
    assert [plan.lane for plan in plans[:3]] == ["quick", "quick", "heavy"]
    assert plans[3].reason is Reason.BROKEN
    for part, many in (("hole", 2), ("waiting", 5)):
        plans = [(await probe(path, out, sandbox)).plan for path in made[part]]
        assert [plan.verdict for plan in plans] == ["native"] * many
    before = {path: path.stat().st_mtime_ns for part in made.values() for path in part}
    again = make_footage(folder)
    assert {path: path.stat().st_mtime_ns for part in again.values() for path in part} == before
    left = {path for path in folder.rglob("*") if path.is_file() and path.name != ".moment"}
    assert left == set(before)
