"""Whose a recording is (M08, M09): names, ledger, user codes, and where its time is taken from."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.links.attribution import MARKS, Attribution, AttributionPolicy, attribute, readings
from cases.links.clock import Measurement
from cases.links.custody import CustodyRow, UserCode, held_at, holders, ledger
from cases.links.facts import Device, ItemFacts, Shift, Source
from cases.links.names import Named, named
from cases.links.register import register
from cases.links.times import TimePolicy
from cases.links.words import LANGUAGES, say, say_mark

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
DAY = 24 * HOUR
NINE = int(datetime(2026, 11, 23, 1, tzinfo=UTC).timestamp()) * 1000  # nine o'clock in Shanghai
STATION, ONE, TWO, NEW = "station", "officer-1", "officer-2", "officer-3"
CAMERA = Device("cam", "0012345", "unit-1", "organ", "body_camera", "Asia/Shanghai", maker="DSJL9")
POLICY = AttributionPolicy(
    TimePolicy(
        zone="Asia/Shanghai", limit_ms_per_day=3000, unmeasured_ms=5 * MINUTE, set_from_ms=MINUTE,
        agree_ms=5000, copied_ms=10 * MINUTE,
        uncertainty_ms={
            "manifest": 1000, "embedded": 1000, "file-name": 1000, "file-mtime": 3000, "dock": DAY,
        },
    ),
    blank_codes=frozenset({"000000"}),
)  # fmt: skip
DAY_DUTY = [
    CustodyRow("cam", "issued", NINE - HOUR, ONE),
    CustodyRow("cam", "returned", NINE + 8 * HOUR),
    CustodyRow("cam", "issued", NINE + 23 * HOUR, TWO),
]


@dataclass(frozen=True)
class Office:
    """What the ledgers of a small office hold; a test changes what it is about."""

    devices: Sequence[Device] = (CAMERA,)
    custody: Sequence[CustodyRow] = tuple(DAY_DUTY)
    codes: Sequence[UserCode] = (UserCode("000111", ONE, 0), UserCode("000222", TWO, 0))
    offsets: Mapping[str, Sequence[Measurement]] = field(
        default_factory=lambda: {"cam": [Measurement(NINE + 9 * HOUR, 0, 500)]}
    )
    shifts: Sequence[Shift] = ()

    def whose(
        self, name: str = "0012345_000111_20261123090000_0001.mp4", **more: Any
    ) -> Attribution:
        values: dict[str, Any] = {
            "item": "item", "source": Source(STATION, unit="unit-1"), "name": name,
            "mime": "video/mp4", "sealed_ms": NINE + 10 * HOUR, "duration_ms": 10 * MINUTE,
        }  # fmt: skip
        known = register(
            self.devices, custody=self.custody, codes=self.codes, offsets=self.offsets,
            shifts=self.shifts, units={ONE: ("unit-1", "organ"), TWO: ("unit-2", "organ")},
        )  # fmt: skip
        found = attribute(ItemFacts(**{**values, **more}), known, POLICY)
        assert set(found.marks) <= set(MARKS)
        for language in LANGUAGES:
            assert all(say(reason, language) for reason in found.reasons)
            assert all(say_mark(mark, language) for mark in found.marks)
        return found


def codes_of(found: Attribution) -> set[str]:
    return {reason.code for reason in found.reasons}


def test_m09_the_ledger_says_whose_a_recording_is() -> None:
    found = Office().whose()
    assert (found.person, found.device, found.unit) == (ONE, "cam", "unit-1")
    assert (found.start_ms, found.end_ms) == (NINE, NINE + 10 * MINUTE)
    assert found.marks == ()
    assert {"held", "code", "time-from"} <= codes_of(found)


def test_m09_a_recording_between_return_and_next_issue_is_flagged_and_nobodys_by_the_ledger() -> (
    None
):
    office = Office(codes=())
    found = office.whose("0012345_000000_20261123180000_0001.mp4")
    assert "no-custody" in found.marks
    assert found.person is None


def test_m09_without_custody_the_user_code_still_tells_who_and_the_flag_stays() -> None:
    found = Office().whose("0012345_000111_20261123180000_0001.mp4")
    assert (found.person, "no-custody" in found.marks) == (ONE, True)


@pytest.mark.parametrize(("event", "mark"), [("repair", "in-repair"), ("lost", "while-lost")])
def test_m09_a_recording_in_repair_or_after_a_loss_is_flagged(event: Any, mark: str) -> None:
    rows = [CustodyRow("cam", "issued", NINE - DAY, ONE), CustodyRow("cam", event, NINE - HOUR)]
    assert mark in Office(custody=rows).whose().marks


def test_m09_a_device_passed_on_without_a_return_is_lent_and_his_who_got_it() -> None:
    rows = [
        CustodyRow("cam", "issued", NINE - 2 * HOUR, ONE),
        CustodyRow("cam", "issued", NINE - HOUR, TWO),
    ]
    found = Office(custody=rows).whose()
    assert (found.person, found.others) == (TWO, (ONE,))
    assert set(found.marks) == {"lent", "user-differs"}


def test_m09_whom_the_uploader_names_counts_after_the_ledger_and_before_the_code() -> None:
    named = {"person": TWO}
    found = Office(custody=()).whose(manifest=named)
    assert (found.person, found.others) == (TWO, (ONE,))
    assert "named" in codes_of(found)
    assert found.marks == ("named-differs",), "the code means another"
    found = Office().whose(manifest=named)
    assert (found.person, found.others) == (ONE, (TWO,))
    assert found.marks == ("named-differs",)
    assert Office().whose(manifest={"person": "nobody"}).marks == ()
    elsewhere = (replace(CAMERA, organ="another"),)
    found = Office(devices=elsewhere, custody=()).whose(manifest=named)
    assert (found.person, found.others) == (ONE, (TWO,)), "no recording is given to another organ"
    assert (found.organ, found.marks) == ("organ", ("named-differs",))
    assert Office().whose(manifest={"person": 7}).marks == ()


def test_m09_a_pre_use_check_changes_no_custody() -> None:
    rows = [*DAY_DUTY, CustodyRow("cam", "checked", NINE - MINUTE)]
    assert Office(custody=rows).whose().person == ONE


def test_m09_a_device_that_changes_hands_while_it_records_says_so() -> None:
    rows = [DAY_DUTY[0], CustodyRow("cam", "issued", NINE + 5 * MINUTE, TWO)]
    found = Office(custody=rows).whose()
    assert (found.person, "custody-changed" in found.marks) == (ONE, True)


def test_m09_a_holder_only_within_the_uncertainty_of_the_clock_is_marked() -> None:
    found = Office(offsets={}).whose("0012345_000000_20261123075800_0001.mp4", duration_ms=0)
    assert (found.person, "custody-unsure" in found.marks) == (ONE, True)


@given(st.lists(st.tuples(
    st.sampled_from(["issued", "returned", "repair", "repaired", "lost", "found", "checked"]),
    st.integers(0, 1000), st.sampled_from([ONE, TWO]),
)), st.integers(-10, 1010))  # fmt: skip
def test_m09_every_time_is_in_exactly_one_span_of_a_ledger(rows: list[Any], when: int) -> None:
    spans = ledger(CustodyRow("cam", event, at, person) for event, at, person in rows)
    for before, after in itertools.pairwise(spans):
        assert before.until_ms == after.from_ms
    held = held_at(spans, when)
    assert (held.state == "no-ledger") == (not spans)
    if held.state == "issued":
        assert held in holders(spans, when, when)


def test_m08_a_user_number_that_means_nobody_is_kept_to_be_claimed() -> None:
    found = Office(custody=()).whose("0012345_999999_20261123090000_0001.mp4")
    assert found.person is None
    assert {"unknown-user", "no-person"} <= set(found.marks)
    assert (found.device, found.start_ms) == ("cam", NINE)


def test_m08_a_user_number_counts_only_while_it_is_valid() -> None:
    codes = [UserCode("000111", TWO, 0, NINE), UserCode("000111", NEW, NINE)]
    assert Office(custody=(), codes=codes).whose().person == NEW
    early = Office(custody=(), codes=codes).whose("0012345_000111_20261123085959_0001.mp4")
    assert early.person == TWO


def test_m08_a_row_for_this_very_device_comes_before_one_for_any() -> None:
    codes = [UserCode("000111", TWO, 0), UserCode("111", NEW, 0, device="cam")]
    assert Office(custody=(), codes=codes).whose().person == NEW


def test_m08_a_user_number_of_two_persons_means_nobody() -> None:
    codes = [UserCode("000111", ONE, 0), UserCode("000111", TWO, 0)]
    assert "unknown-user" in Office(custody=(), codes=codes).whose().marks


def test_m08_a_blank_user_number_says_nothing() -> None:
    found = Office().whose("0012345_000000_20261123090000_0001.mp4")
    assert (found.person, found.marks) == (ONE, ())


def test_m08_one_serial_of_two_makers_is_told_apart_by_the_maker() -> None:
    twin = Device("twin", "0012345", "unit-2", "organ", "body_camera", maker="DSJX1")
    office = Office(devices=(CAMERA, twin))
    assert office.whose("DSJX10012345@000111_20261123_090000.mp4").device == "twin"
    unclear = office.whose()
    assert (unclear.device, "unknown-device" in unclear.marks) == (None, True)


def test_m08_a_file_of_another_device_than_its_source_says_so() -> None:
    other = Device("other", "7654321", "unit-1", "organ", "body_camera")
    found = Office(devices=(CAMERA, other)).whose(source=Source("s", device="other"))
    assert (found.device, "device-differs" in found.marks) == ("cam", True)


def test_a_phone_is_its_registered_persons() -> None:
    phone = Device("phone", "x", "unit-2", "organ", "phone")
    found = Office(devices=(phone,), offsets={}).whose(
        "IMG_1.jpg", mime="image/jpeg", duration_ms=None,
        source=Source("s", device="phone", person=TWO),
        device_times=[{"source": "exif", "time": "2026:11:23 09:00:00"}],
    )  # fmt: skip
    assert (found.person, found.kind, found.sound, found.carrier) == (TWO, "photo", False, "phone")
    assert found.start_ms == found.end_ms == NINE
    assert found.marks == ("clock-unmeasured",)


def test_a_fixed_recorder_of_a_room_misses_nobody() -> None:
    room = Device("room", "R1", "unit-1", "organ", "room", fixed=True)
    found = Office(devices=(room,), custody=()).whose(
        "20261123_090000_0001.MP4", source=Source("s", "room")
    )
    assert (found.person, "no-person" in found.marks) == (None, False)


def test_m10_the_manifest_comes_first_and_the_time_of_receipt_last() -> None:
    times = [
        {"source": "file-mtime", "time": "2026-11-23T01:50:00Z"},
        {"source": "creation_time", "time": "2026-11-23T01:30:00Z"},
    ]
    manifest = {"start": "2026-11-23T09:00:00", "end": "2026-11-23T09:20:00"}
    office, name = Office(), "0012345_000000_20261123092000_0001.mp4"
    found = office.whose(name, device_times=times, manifest=manifest)
    assert (found.time_source, found.start_ms, found.end_ms) == (
        "manifest",
        NINE,
        NINE + 20 * MINUTE,
    )
    found = office.whose(name, device_times=times)
    assert (found.time_source, found.start_ms) == ("embedded", NINE + 30 * MINUTE)
    found = office.whose(name, device_times=times[:1])
    assert (found.time_source, found.start_ms) == ("file-name", NINE + 20 * MINUTE)
    doubts = [
        office.whose("a.mp4", device_times=t, source=Source("s", "cam")) for t in (times[:1], [])
    ]
    assert [found.time_source for found in doubts] == ["file-mtime", "dock"]
    assert doubts[0].uncertainty_ms < doubts[1].uncertainty_ms == DAY
    assert "no-time" in doubts[1].marks


def test_m10_a_files_own_time_is_the_end_of_its_recording() -> None:
    times = [{"source": "file-mtime", "time": "2026-11-23T01:10:00Z"}]
    found = Office().whose("a.mp4", device_times=times, source=Source("s", "cam"))
    assert (found.start_ms, found.end_ms) == (NINE, NINE + 10 * MINUTE)
    assert "end-is-mtime" in codes_of(found)


def test_m10_a_files_own_time_right_before_sealing_is_that_of_a_copy() -> None:
    times = [{"source": "file-mtime", "time": "2026-11-23T10:59:30Z"}]
    found = Office().whose("a.mp4", device_times=times, source=Source("s", "cam"))
    assert (found.time_source, "mtime-copied" in codes_of(found)) == ("dock", True)


def test_m10_local_time_in_a_field_for_utc_is_found_out_by_the_name() -> None:
    times = [{"source": "creation_time", "time": "2026-11-23T09:00:01.000000Z"}]
    found = Office().whose(device_times=times)
    assert (found.start_ms, found.marks) == (NINE + SECOND, ())
    assert "embedded-local" in codes_of(found)


def test_m10_name_and_embedded_time_that_disagree_are_marked_and_unsure() -> None:
    times = [{"source": "creation_time", "time": "2026-11-23T03:00:00Z"}]
    found = Office().whose(device_times=times)
    assert "times-disagree" in found.marks
    assert found.other_start_ms == NINE - 6 * HOUR
    assert found.uncertainty_ms > 8 * HOUR
    assert len(readings(found)) == 2


def test_m10_the_device_time_is_corrected_and_both_are_kept() -> None:
    slow = {"cam": [Measurement(NINE + 9 * HOUR, -90 * SECOND, 500)]}
    found = Office(offsets=slow).whose()
    assert (found.start_ms, found.offset_ms) == (NINE + 90 * SECOND, -90 * SECOND)


def test_m10_a_set_clock_is_read_the_way_the_ledger_allows() -> None:
    """An hour fast from noon on: ten past eight on this clock is not ten past seven, unissued."""
    offsets = {
        "cam": [Measurement(NINE - 9 * HOUR, 0, 500), Measurement(NINE + 9 * HOUR, HOUR, 500)]
    }
    found = Office(offsets=offsets).whose("0012345_000000_20261123081000_0001.mp4")
    assert (found.start_ms, found.person) == (NINE - 50 * MINUTE, ONE)
    assert "clock-set" in found.marks
    assert "other-reading" in codes_of(found)
    both = Office(offsets=offsets).whose()
    assert (both.start_ms, both.other_start_ms) == (NINE - HOUR, NINE)


def test_m10_a_drift_beyond_the_limit_is_marked() -> None:
    offsets = {"cam": [Measurement(NINE - DAY, 0, 500), Measurement(NINE + DAY, 30 * SECOND, 500)]}
    assert "clock-drift" in Office(offsets=offsets).whose(sealed_ms=NINE + 2 * DAY).marks


def test_a_time_after_the_sealing_is_marked() -> None:
    found = Office(offsets={}).whose("0012345_000111_20261125090000_0001.mp4")
    assert "after-sealed" in found.marks


def test_off_duty_is_marked_only_for_who_has_a_roster() -> None:
    late = Shift(ONE, NINE + 5 * HOUR, NINE + 9 * HOUR)
    assert "off-duty" in Office(shifts=[late]).whose().marks
    assert "off-duty" not in Office(shifts=[Shift(TWO, 0, 1)]).whose().marks


def test_a_place_without_a_fix_is_none() -> None:
    for place, expected in (
        ({"lat_e7": 397000000, "lon_e7": 1162000000}, (397000000, 1162000000)),
        ({"lat_e7": 0, "lon_e7": 0}, None), ({"lat_e7": True, "lon_e7": 1}, None),
        ({"lat_e7": 10**10, "lon_e7": 1}, None), ("here", None),
    ):  # fmt: skip
        assert Office().whose(manifest={"place": place}).place == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(["device", "serial", "user", "start", "end", "place"])
SOURCES = st.sampled_from(["manifest", "embedded", "creation_time", "file-mtime", "exif", "x"])


@given(
    st.text(max_size=60),
    st.dictionaries(KEYS, JSON, max_size=4) | st.none(),
    st.lists(JSON | st.fixed_dictionaries({"source": SOURCES, "time": JSON}), max_size=3),
    st.none() | st.integers(0, DAY),
)
def test_m08_every_item_gets_an_attribution_whatever_it_says(
    name: str, manifest: Any, times: list[Any], duration: int | None
) -> None:
    found = Office().whose(name, manifest=manifest, device_times=times, duration_ms=duration)
    assert found.start_ms is not None
    assert found.uncertainty_ms >= 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("0012345_000111_20261123090000_0001.mp4", ("0012345", "000111", "20261123090000", False)),
        ("0012345_000111_20261123090000_0001_IMP.MP4", ("0012345", "000111", "20261123090000", True)),
        ("0012345_000111_20261123090000_0001.jpg", ("0012345", "000111", "20261123090000", False)),
        ("DSJL90012345@000111_20261123_090000.mp4", ("0012345", "000111", "20261123090000", False)),
        ("DSJL90012345@A1_20261123_090000_IMP.ts", ("0012345", "A1", "20261123090000", True)),
        ("20261123_090000_0001.MP4", (None, None, "20261123090000", False)),
        ("DCIM/100MEDIA/20261123_090000_0001.MP4", (None, None, "20261123090000", False)),
        ("DCIM\\20261123_090000_0001.avi", (None, None, "20261123090000", False)),
        ("20261123T010000Z_5F3A.mkv", (None, None, "20261123T010000Z", False)),
        ("20261123T010000_5F3A-1.mp4", (None, None, "20261123T010000Z", False)),
        ("u7_B8A44F00_20261123T005900Z/20261123T010000Z_5F3A.mkv", ("B8A44F00", "u7", "20261123T010000Z", False)),
    ],
)  # fmt: skip
def test_m08_names_of_known_shapes_say_device_user_start_and_mark(name: str, said: Any) -> None:
    found = named(name)
    assert found is not None
    assert (found.serial, found.user, found.start, found.important) == said


@pytest.mark.parametrize(
    "name",
    [
        "", "现场.mp4", "IMG_0001.JPG", "0012345_000111_2026112309000_0001.mp4", "a/b/c", "....",
        "001234_000111_20261123090000_0001.mp4", "20261123_090000.MP4", "DSJL9@000111.mp4",
        "0012345_000111_20261123090000_0001.mp4.exe.part",
    ],
)  # fmt: skip
def test_m08_a_name_of_no_known_shape_says_nothing(name: str) -> None:
    assert named(name) is None


def test_m08_a_name_with_an_impossible_date_is_read_and_its_time_passed_over() -> None:
    found = Office().whose("0012345_000111_20261399999999_0001.mp4")
    assert found.time_source == "dock"
    assert {"time-unreadable", "code"} <= codes_of(found)
    assert isinstance(named("0012345_000111_20261399999999_0001.mp4"), Named)
