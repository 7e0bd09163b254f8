"""`bench/scale.py` runs on a small world, and ends as its figures say; no time is judged here."""

import pytest

from bench import scale, search
from bench.machine import Table


def test_a_small_world_is_measured_on_both_databases() -> None:
    found = scale.measure(1, scale.QUICK)
    assert [table.title for table in found] == [
        "Inbox, SQLite", "Case, SQLite", "Inbox, PostgreSQL", "Case, PostgreSQL",
    ]  # fmt: skip
    for table in found:
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert table.rows[0][0] == "SELECT 1 (/readyz)"
        assert table.missed == ("Not under" in table.note)
    for inbox, case in (found[:2], found[2:]):
        asked = {row[0] for row in inbox.rows}
        assert "a supervisor of 3 organs, following pages" in asked
        assert all(row[1] for row in inbox.rows)
        assert case.columns[1:3] == ("10", "40")
        assert {"coverage, again", "timeline, after a time is corrected"} < {
            r[0] for r in case.rows
        }
        assert all(row[1] and row[2] for row in case.rows[1:])


def test_lists_of_a_small_world_are_measured_on_both_databases() -> None:
    found = search.measure(1, search.QUICK)
    assert [table.title for table in found] == ["Lists, SQLite", "Lists, PostgreSQL"]
    for table in found:
        sizes = {row[0]: float(row[4]) for row in table.rows[1:]}
        assert (
            sizes["items, a program: a number of a case, first"] > 1
        )  # kB: its recordings are found
        assert sizes["cases, a program: a hole, first"] > 1
        assert sizes["items, a program: what no recording has, first"] < 1


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
