"""`bench/scale.py` runs on a small world, and ends as its figures say; no time is judged here."""

import pytest

from bench import scale
from bench.machine import Table


def test_a_small_world_is_measured_on_both_databases() -> None:
    found = scale.measure(1, scale.QUICK)
    assert [table.title for table in found] == ["Scale, SQLite", "Scale, PostgreSQL"]
    for table in found:
        assert {len(row) for row in table.rows} == {len(table.columns)}
        asked = {row[0] for row in table.rows}
        assert {"reference: SELECT 1 (/readyz)", "reference: the case alone"} < asked
        for what in ("coverage", "coverage, after a change", "time line"):
            assert [row[1] for row in table.rows if row[0] == what] == ["10", "40"]
        assert "inbox, a supervisor of 3 organs, following pages" in asked
        assert table.missed == any(row[-1] == "**no**" for row in table.rows)


@pytest.mark.parametrize("missed", [False, True])
def test_it_ends_with_1_where_a_figure_is_not_reached(
    missed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("Scale", ("request", "p95"), [("coverage", "1")], missed=missed)
    monkeypatch.setattr(scale, "measure", lambda *_: [table])
    with pytest.raises(SystemExit) as ended:
        scale.main(["--quick"])
    assert ended.value.code == int(missed)
    assert "| coverage | 1 |" in capsys.readouterr().out
