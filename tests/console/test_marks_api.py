"""E04 over HTTP: marks are one's own, say their words as they are, and survive a rebuild."""

from typing import Any

from storage.database import Database
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import begun, last_types, size
from tests.console.staff import settled
from tests.console.test_api import call
from tests.storage.samples import dump
from tests.storage.test_replay import brought_back, records

HOSTILE = "<img src=x onerror=alert(1)> {{7*7}}"


async def test_e04_a_mark_is_made_changed_and_withdrawn_by_entries(
    house: House, tmp_path: Any
) -> None:
    course = await begun(house, await house.client())
    since = await size(house)
    body = {"start": course.at(1), "end": course.at(5), "category": "dispute", "text": HOSTILE}
    made = await course.call("POST", "/marks", 201, body)
    (listed,) = (await course.call("GET", "/marks", 200))["marks"]
    assert (listed["id"], listed["text"], listed["mine"]) == (made["mark"], HOSTILE, True)
    assert (listed["category_text"], listed["changed"]) == ("dispute or resistance", False)
    change = body | {"text": "clearer", "reason": "typing error"}
    await course.call("POST", f"/marks/{made['mark']}/changes", 201, change)
    (listed,) = (await course.call("GET", "/marks", 200))["marks"]
    assert (listed["text"], listed["changed"]) == ("clearer", True)
    trail = (await course.call("GET", "/trail?limit=200", 200))["entries"]
    words = [entry["words"] for entry in trail if entry["type"].startswith("mark.")]
    assert "dispute or resistance" in words[0]
    assert "onerror" in words[0], "what was said first stays readable"
    path = f"/marks/{made['mark']}/withdrawal"
    await course.call("POST", path, 201, {"reason": "not this case"})
    assert (await course.call("GET", "/marks", 200))["marks"] == []
    (listed,) = (await course.call("GET", "/marks?withdrawn=true", 200))["marks"]
    assert listed["withdrawn"] is True
    again = await course.call("POST", path, 409, {"reason": "twice"})
    assert again["code"] == "mark-withdrawn"
    assert await last_types(house, since) == ["mark.made", "mark.changed", "mark.withdrawn"]
    kept, rows = await records(house.database), await dump(house.database)
    empty = f"sqlite:///{tmp_path / 'again.db'}"
    database = await Database.open(empty)
    await database.migrate()
    await database.close()
    again_rows, replayed = await brought_back(empty, kept)
    assert replayed.unexplained == ()
    assert again_rows["mark"] == rows["mark"]


async def test_e04_nobody_changes_anothers_mark_and_device_marks_stay_apart(small: House) -> None:
    staff = await settled(small)
    course = await begun(small, await small.client())
    device = {"start": course.at(2), "text": "button pressed", "source": "device"}
    made = await course.call("POST", "/marks", 201, device)
    assert (await course.call("GET", "/marks", 200))["marks"][0]["source"] == "device"
    head = await staff.signed_in(Role.ORGAN_HEAD)
    case = {"people": [await staff.person()], "organ": staff.organ(), "unit": staff.unit()}
    body = {"number": "x1", "title": "x", "kind": "other", **case}
    own = (await call(small, course.client, "POST", "/api/cases", 201, body))["id"]
    mark = {"start": course.at(0), "text": "seen", "source": "device"}
    theirs = await call(small, head, "POST", f"/api/cases/{own}/marks", 201, mark)
    (listed,) = (await call(small, head, "GET", f"/api/cases/{own}/marks", 200))["marks"]
    assert listed["source"] == "person", "a person's mark never passes for a device's"
    officer = await staff.signed_in()
    path = f"/api/cases/{own}/marks/{theirs['mark']}/withdrawal"
    refused = await call(small, officer, "POST", path, 403, {"reason": "mine now"})
    assert refused["code"] == "not-your-mark"
    stranger = await staff.signed_in(organ="county")
    await call(small, stranger, "GET", f"/api/cases/{own}/marks", 403)
    other = f"/api/cases/{own}/marks/{made['mark']}/withdrawal"
    await call(small, course.client, "POST", other, 404, {"reason": "of another case"})


async def test_e04_what_is_no_mark_is_refused_and_leaves_nothing(small: House) -> None:
    course = await begun(small, await small.client())
    since = await size(small)
    backwards = {"start": course.at(5), "end": course.at(1), "text": "x"}
    await course.call("POST", "/marks", 400, backwards)
    unlinked = {"start": course.at(5), "text": "x", "item": "1" * 32}
    await course.call("POST", "/marks", 404, unlinked)
    assert await last_types(small, since) == []


async def test_e04_marks_stand_on_the_time_line_and_at_the_recording_they_name(
    small: House,
) -> None:
    staff = await settled(small)
    course = await begun(small, await small.client())
    item = await small.item()
    link = {"item": item, "reason": "seen in it"}
    await course.call("POST", "/links", 201, link)
    body = {"start": course.at(1), "text": HOSTILE, "item": item}
    assert (await course.call("GET", "/timeline", 200))["marks"] == []
    made = await course.call("POST", "/marks", 201, body)
    await course.call("POST", "/marks", 201, {"start": course.at(2), "text": "of the case alone"})
    first, second = (await course.call("GET", "/timeline", 200))["marks"]
    assert (first["id"], first["text"], first["item"]) == (made["mark"], HOSTILE, item)
    assert second["item"] is None
    path = f"/api/items/{item}/marks"
    (mine,) = (await call(small, course.client, "GET", path, 200))["marks"]
    assert (mine["id"], mine["mine"]) == (made["mark"], True)
    stranger = await staff.signed_in(organ="county")
    await call(small, stranger, "GET", path, 403)
    await course.call("POST", f"/marks/{made['mark']}/withdrawal", 201, {"reason": "wrong"})
    (left,) = (await course.call("GET", "/timeline", 200))["marks"]
    assert left["id"] == second["id"]
    assert (await call(small, course.client, "GET", path, 200))["marks"] == []
