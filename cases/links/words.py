"""Reasons and marks in words, Chinese and English.

Guarantee: every code that this package gives has a sentence in both languages, and a sentence names
only parameters that its code carries.
Not covered: names of persons and cases; a reason carries ids, the page puts the names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from verify.errors import MalformedError

LANGUAGES = ("zh-CN", "en")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was concluded: a stable code and its numbers or ids."""

    code: str
    params: Mapping[str, int | str] = field(default_factory=dict)


# Parameters ending in _ms are said as a length of time.
WORDS: Mapping[str, tuple[str, str]] = {
    # of a proposal
    "number": ("上传时申报的案号与本案一致", "the case number announced with the upload is this case's"),
    "number-elsewhere": (
        "申报的案号与本案一致，但录制时间不在本案任何时段内",
        "the case number announced is this case's, but it was recorded at no time of this case",
    ),
    "other-number": (
        "申报的是另一案号（{number}）",
        "another case number was announced ({number})",
    ),
    "officer-window": (
        "本案执法人员在本案时段内录制，重合 {overlap_ms}",
        "recorded by an officer of this case within its time, {overlap_ms} in common",
    ),
    "officer-near": (
        "本案执法人员录制，距本案时段 {gap_ms}",
        "recorded by an officer of this case, {gap_ms} from its time",
    ),
    "officer-unsure": (
        "本案执法人员录制；录制时间误差可达 {uncertainty_ms}，可能在本案时段内",
        "recorded by an officer of this case; its time may be off by {uncertainty_ms} and lie within",
    ),
    "officer-open": (
        "本案执法人员录制，时间在立卷与结案之间",
        "recorded by an officer of this case while the case was open",
    ),
    "officer-around": (
        "本案执法人员录制，时间在立卷前后或结案前后",
        "recorded by an officer of this case about when it was opened or closed",
    ),
    "officer": ("本案执法人员录制", "recorded by an officer of this case"),
    "other-officer": (
        "领用人以外的人（{person}）为本案执法人员，设备中的用户为该人",
        "the device names another user ({person}), who is an officer of this case",
    ),
    "device": ("录制设备登记于本案", "the device is registered with this case"),
    "device-custody": (
        "录制时设备由本案执法人员领用",
        "at that time the device was issued to an officer of this case",
    ),
    "place": ("录制地点距本案地点 {metres} 米", "recorded {metres} m from the place of the case"),
    "place-far": (
        "录制地点距本案地点 {metres} 米，不相符",
        "recorded {metres} m from the place of the case, which does not fit",
    ),
    "unit": ("与本案同一部门", "of the same unit as the case"),
    "unit-window": (
        "本案部门的设备在本案时段内录制",
        "recorded by a device of the case's unit within its time",
    ),
    # of a time
    "time-from": ("时间取自{source}", "the time is taken from {source}"),
    "time-unreadable": ("{source}的时间无法识读", "the time in {source} cannot be read"),
    "embedded-local": (
        "文件内嵌时间标为协调世界时，实为设备当地时间",
        "the embedded time claims to be UTC but is the device's local time",
    ),
    "times-disagree": (
        "文件名与内嵌时间相差 {difference_ms}",
        "the file's name and its embedded time differ by {difference_ms}",
    ),
    "end-is-mtime": (
        "修改时间为录制结束时间，已减去时长",
        "the file's time is the end of the recording; its length was taken off",
    ),
    "duration-unknown": ("时长未知", "its length is not known"),
    "clock-between": (
        "设备时钟前后两次测量均一致，偏差 {offset_ms}",
        "the device's clock was measured before and after and agrees, {offset_ms} off",
    ),
    "clock-after": (
        "按其后交接时测得的偏差 {offset_ms} 校正",
        "corrected by the {offset_ms} measured when it was handed over afterwards",
    ),
    "clock-before": (
        "其后尚未测量，按此前偏差 {offset_ms} 推算",
        "not measured since; corrected by the earlier {offset_ms}",
    ),
    "clock-set": (
        "两次测量之间时钟被改动（或换了时区）约 {step_ms}，另一可能的时间相差 {other_ms}",
        "between measurements the clock was set by {step_ms}; {other_ms} away is possible too",
    ),
    "clock-after-set": (
        "两次测量之间时钟被改动约 {step_ms}，只有改动后的偏差 {offset_ms} 说得通",
        "between two measurements the clock was set by {step_ms}; only the later {offset_ms} is possible",
    ),
    "clock-before-set": (
        "两次测量之间时钟被改动约 {step_ms}，只有改动前的偏差 {offset_ms} 说得通",
        "between two measurements the clock was set by {step_ms}; only the earlier {offset_ms} is possible",
    ),
    "clock-inconsistent": (
        "没有一次测量能得出说得通的时间，取最接近的",
        "no measurement gives a possible time; the nearest was taken",
    ),
    "clock-unmeasured": ("设备时钟从未测量，按原样使用", "the device's clock was never measured; taken as it is"),
    "other-reading": (
        "两种可能的时间中，只有这一种与领用和值班相符",
        "of two possible times only this one agrees with the ledger and the roster",
    ),
    "mtime-copied": (
        "文件修改时间紧接封存，应为复制时间，未采用",
        "the file's time is just before the sealing, so it is that of a copy, and was not used",
    ),
    # of a person and a device
    "held": ("台账：录制时由该人领用", "by the ledger this person had the device"),
    "code": ("设备中的用户编号 {code} 对应该人", "the device's user code {code} is this person's"),
    "named": ("上传人注明由该人录制", "whoever handed it over named this person"),
    "source-person": ("上传来源登记于该人", "the source of the upload is registered with this person"),
}  # fmt: skip

# What stands out about an item, for good.
MARK_WORDS: Mapping[str, tuple[str, str]] = {
    "no-custody": ("无领用：设备归还后、再次领用前录制", "not issued: recorded between a return and the next issue"),
    "in-repair": ("录制时设备在维修", "the device was in repair at that time"),
    "while-lost": ("录制时设备已报遗失", "the device had been reported lost at that time"),
    "custody-unsure": (
        "录制时间误差范围内设备才有领用",
        "only within the uncertainty of its time was the device issued",
    ),
    "custody-changed": ("录制期间设备换了领用人", "the device changed hands during the recording"),
    "lent": ("设备未归还即转交他人", "the device was passed on without a return"),
    "unknown-user": ("设备用户编号未对应到人，待认领", "nobody is known by the device's user code; to be claimed"),
    "user-differs": ("设备用户与台账领用人不一致", "the device's user and the ledger differ"),
    "named-differs": ("上传人注明的录制人与台账领用人不一致", "the uploader named another person than the ledger"),
    "no-person": ("无法确定由谁录制，待认领", "it is not known who recorded it; to be claimed"),
    "unknown-device": ("设备未登记", "the device is not registered"),
    "device-differs": ("文件所载设备与上传来源不一致", "the file names another device than the source"),
    "off-duty": ("该人当时不在值班时段", "the person was not on duty at that time"),
    "no-time": ("没有可用的录制时间，以接收时间代替", "no time of recording is known; the time of receipt stands in"),
    "clock-drift": ("时钟走时误差超过限值", "the clock drifts beyond the limit"),
    "after-sealed": ("校正后的时间晚于封存时间", "the corrected time is later than the sealing"),
    "clock-unmeasured": ("设备时钟从未测量", "the device's clock was never measured"),
    "clock-set": ("两次测量之间时钟被改动", "the clock was set between two measurements"),
    "times-disagree": ("文件中的几个时间不一致", "the times in the file disagree"),
}  # fmt: skip

TIME_SOURCES: Mapping[str, tuple[str, str]] = {
    "manifest": ("设备申报", "the device's manifest"),
    "embedded": ("文件内嵌时间", "the time embedded in the file"),
    "file-name": ("文件名", "the file's name"),
    "file-mtime": ("文件修改时间", "the file's modification time"),
    "dock": ("接收时间", "the time of receipt"),
}


def say(reason: Reason, language: str) -> str:
    """The sentence of a reason; MalformedError for a code or language without words."""
    if language not in LANGUAGES:
        raise MalformedError(f"language: expected {' or '.join(LANGUAGES)}, got {language!r:.20}")
    if reason.code not in WORDS:
        raise MalformedError(f"reason: expected a known code, got {reason.code!r:.60}")
    which = LANGUAGES.index(language)
    values = {key: _value(key, value, which) for key, value in reason.params.items()}
    return WORDS[reason.code][which].format(**values)


def say_mark(mark: str, language: str) -> str:
    """The sentence of a mark; MalformedError for a mark or language without words."""
    if language not in LANGUAGES:
        raise MalformedError(f"language: expected {' or '.join(LANGUAGES)}, got {language!r:.20}")
    if mark not in MARK_WORDS:
        raise MalformedError(f"mark: expected a known one, got {mark!r:.60}")
    return MARK_WORDS[mark][LANGUAGES.index(language)]


def length(ms: int, language: str) -> str:
    """A length of time in at most two units, rounded to the smaller; signed."""
    return _length(ms, LANGUAGES.index(language))


def _value(key: str, value: int | str, which: int) -> str:
    if key == "source":
        return TIME_SOURCES[str(value)][which]
    if key.endswith("_ms") and isinstance(value, int):
        return _length(value, which)
    return str(value)


_UNITS = (
    (86_400_000, "天", "d"),
    (3_600_000, "小时", "h"),
    (60_000, "分", "min"),
    (1000, "秒", "s"),
)


def _length(ms: int, which: int) -> str:
    sign, rest = ("-" if ms < 0 else ""), abs(ms)
    if rest < 1000:
        return f"{sign}{rest} {('毫秒', 'ms')[which]}"
    largest = next(i for i, unit in enumerate(_UNITS) if rest >= unit[0])
    small = _UNITS[min(largest + 1, len(_UNITS) - 1)][0]
    rest = (rest + small // 2) // small * small
    parts = []
    for size, *names in _UNITS[max(largest - 1, 0) : largest + 2]:
        if count := rest // size:
            parts.append(f"{count} {names[which]}")
            rest -= count * size
    return sign + " ".join(parts[:2])
