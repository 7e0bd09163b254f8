"""The demo's footage is what its page says: one plays, two need a copy, one is broken."""

from pathlib import Path

from deploy.demo.footage import make_footage
from ingest.media.classify import Reason
from ingest.media.probe import probe
from ingest.media.sandbox import Sandbox


async def test_the_four_files_of_a_night_check(sandbox: Sandbox, tmp_path: Path) -> None:
    folder, out = tmp_path / "footage", tmp_path / "out"
    out.mkdir()
    files = make_footage(folder)
    plans = [(await probe(path, out, sandbox)).plan for path in files]
    assert [plan.verdict for plan in plans] == ["native", "transcode", "transcode", "none"]
    assert [plan.lane for plan in plans[:3]] == ["quick", "quick", "heavy"]
    assert plans[3].reason is Reason.BROKEN
    before = [(path.name, path.stat().st_mtime_ns) for path in files]
    assert [(path.name, path.stat().st_mtime_ns) for path in make_footage(folder)] == before
    assert sorted(path.name for path in folder.iterdir()) == sorted(name for name, _ in before)
