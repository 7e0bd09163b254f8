"""What a cell of a sheet means: times, numbers, yes and no, who and which; or why it means nothing.

Guarantee: a cell that may be read two ways is read neither way but told, with row and column, in
Chinese and English.  A time without a zone is local to the organ (`zone`); a date alone is its
first moment, or with `until` the moment after its last.
Not covered: which columns a sheet needs (`cases.registers.tables`).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cases.links.clock import device_ms, zone_of
from cases.recording.problems import Problem
from cases.recording.text import squeeze
from cases.registers.people import AMBIGUOUS, Directory, Names
from cases.registers.people import device as device_named
from cases.registers.sheet import Line
from verify.errors import MalformedError

WORDS: Mapping[str, tuple[str, str]] = {
    "no_table": ("找不到表头：应有一行含 {got} 等列名", "no heading found: expected a row with columns such as {got}"),
    "no_rows": ("表头下没有数据", "there is no row below the heading"),
    "column_missing": ("缺少“{got}”列", "the column {got} is missing"),
    "column_twice": ("该列与前面一列含义相同", "this column means the same as one before it"),
    "empty": ("该单元格为空，此处必填", "the cell is empty; a value is needed here"),
    "formula": ("单元格是公式，不予计算；请粘贴为数值", "the cell is a formula, which is not evaluated: paste it as a value"),
    "cell_error": ("单元格是错误值（{got}）", "the cell holds an error value ({got})"),
    "time": ("时间“{got}”无法识别", "the time “{got}” is not understood"),
    "time_order": ("结束不晚于开始", "the end is not later than the begin"),
    "future": ("时间“{got}”晚于现在", "the time “{got}” is later than now"),
    "zone": ("没有时区“{got}”，应如 Asia/Shanghai", "there is no time zone “{got}”; expected one such as Asia/Shanghai"),
    "number": ("“{got}”不是整数", "“{got}” is not a whole number"),
    "percent": ("“{got}”不是 0 到 100 的百分数", "“{got}” is not a percentage from 0 to 100"),
    "yes_no": ("“{got}”既不是“是”也不是“否”", "“{got}” is neither yes nor no"),
    "word": ("“{got}”无法识别，应为：{known}", "“{got}” is not understood; expected one of {known}"),
    "person_unknown": ("查无此人：“{got}”（按账号、执法证号或姓名）", "nobody is called “{got}” (by account, certificate number or name)"),
    "person_ambiguous": ("有多人可能是“{got}”，请写执法证号或账号", "several people may be “{got}”: write the certificate number or the account"),
    "device_unknown": ("没有登记设备“{got}”", "no device “{got}” is registered"),
    "device_ambiguous": ("有多台设备可能是“{got}”，请写设备名称", "several devices may be “{got}”: write the device's name"),
    "unit_unknown": ("没有部门“{got}”", "there is no unit “{got}”"),
    "unit_ambiguous": ("有多个部门名为“{got}”", "several units are called “{got}”"),
    "organ_unknown": ("没有机关“{got}”", "there is no organ “{got}”"),
    "organ_ambiguous": ("有多个机关名为“{got}”", "several organs are called “{got}”"),
    "twice": ("“{got}”在第 {row} 行已出现", "“{got}” stands in row {row} already"),
    "long": ("文字过长：最多 {limit} 字", "expected at most {limit} characters"),
    "refused": ("{got}", "{got}"),
}  # fmt: skip

_YES = {"是", "有", "√", "✓", "y", "yes", "true", "1", "正常", "准确", "good", "对"}
_NO = {"否", "无", "×", "✗", "x", "n", "no", "false", "0", "异常", "不准", "bad", "错"}
_CHINESE = re.compile(
    r"(\d{4})[年./-](\d{1,2})[月./-](\d{1,2})日?"
    r"(?:[T ]*(\d{1,2})(?:[:时点](\d{1,2})?(?:[:分](\d{1,2}(?:\.\d+)?)?秒?)?分?)?)?"
)
_OF_DAY = re.compile(r"(\d{1,2})[:时点](\d{1,2})?(?:[:分](\d{1,2})?秒?)?分?")
_SERIAL = re.compile(r"([2-7]\d{4})(?:\.(\d+))?")
_SPLIT = re.compile(r"[、,，;；/\n]+")
_EXCEL = datetime(1899, 12, 30, tzinfo=UTC)


def problem(row: int | None, column: str, code: str, /, **said: object) -> Problem:
    """A problem in both languages."""
    short = {key: f"{value!s:.80}" for key, value in said.items()}
    zh, en = (text.format(**short) for text in WORDS[code])
    return Problem(row, column, code, "error", zh, en)


@dataclass(frozen=True, slots=True)
class When:
    """A time, and whether it was a date alone."""

    ms: int
    day: bool


def when(text: str, zone: str) -> When:
    """What people and spreadsheets write as a time; MalformedError."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if found := _SERIAL.fullmatch(plain):
        local = _EXCEL + timedelta(days=float(plain))
        return When(_local(local + timedelta(milliseconds=500), zone), found[2] is None)
    if found := _CHINESE.fullmatch(plain):
        year, month, day, hour, minute, second = found.groups()
        try:
            local = datetime(
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC
            ) + timedelta(seconds=round(float(second or 0)))
        except (ValueError, OverflowError) as exc:
            raise MalformedError(f"time: expected a real date, got {text!r:.60}") from exc
        return When(_local(local, zone), hour is None)
    return When(device_ms(plain, zone), day=False)


def _local(wall: datetime, zone: str) -> int:
    """The moment at which clocks of the zone show this."""
    text = wall.replace(microsecond=0, tzinfo=None).isoformat()
    return device_ms(text, zone)


def minutes_of_day(text: str) -> int | None:
    """`8:30`, `08:30:00`, `8时30分` as minutes after midnight; None for anything else."""
    found = _OF_DAY.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    return hour * 60 + minute if (hour < 24 and minute < 60) or (hour, minute) == (24, 0) else None


@dataclass(slots=True)
class Cells:
    """Reads one line after another; what cannot be read is in `problems`."""

    directory: Directory
    zone: str
    now_ms: int
    problems: list[Problem] = field(default_factory=list)

    def say(self, line: Line, code: str, why: str, **said: object) -> None:
        self.problems.append(problem(line.number, line.place(code), why, **said))

    def empty(self, line: Line, *codes: str) -> None:
        """None of these cells is filled, and one has to be."""
        self.problems.append(problem(line.number, line.place(*codes), "empty"))

    def text(self, line: Line, code: str, *, limit: int = 2000, needed: bool = False) -> str | None:
        """The text of a cell; None where it is empty or cannot be read."""
        cell = line.cells.get(code)
        if cell is None or not cell.text:
            if needed:
                self.say(line, code, "empty")
            return None
        if cell.unread in ("formula", "cell_error"):
            self.say(line, code, cell.unread, got=cell.text)
            return None
        if len(cell.text) > limit:
            self.say(line, code, "long", limit=limit)
            return None
        return cell.text

    def time(
        self, line: Line, code: str, *, needed: bool = False, until: bool = False
    ) -> int | None:
        text = self.text(line, code, needed=needed)
        if text is None:
            return None
        try:
            found = when(text, self.zone)
        except MalformedError:
            self.say(line, code, "time", got=text)
            return None
        return self._next_day(found.ms) if until and found.day else found.ms

    def past(self, line: Line, code: str, now_ms: int) -> int | None:
        """A time that has come, for what can only have happened."""
        at = self.time(line, code, needed=True)
        if at is not None and at > now_ms:
            self.say(line, code, "future", got=line.text(code))
            return None
        return at

    def zone_of(self, line: Line, code: str) -> str | None:
        """The name of a time zone."""
        text = self.text(line, code, limit=64)
        if text is None:
            return None
        try:
            zone_of(text)
        except MalformedError:
            self.say(line, code, "zone", got=text)
            return None
        return text

    def _next_day(self, ms: int) -> int:
        zone = zone_of(self.zone)
        wall = datetime.fromtimestamp(ms / 1000, zone).replace(tzinfo=None) + timedelta(days=1)
        return device_ms(wall.isoformat(timespec="seconds"), self.zone)

    def span(self, line: Line, day: str, start: str, end: str) -> tuple[int, int] | None:
        """A duty: two times, or a day and two times of day, the second perhaps of the next day."""
        first, last = self.text(line, start, needed=True), self.text(line, end, needed=True)
        if first is None or last is None:
            return None
        low, high = minutes_of_day(first), minutes_of_day(last)
        if low is not None or high is not None:
            return self._of_day(line, day, (start, low), (end, high))
        begin, over = self.time(line, start), self.time(line, end, until=True)
        if begin is None or over is None:
            return None
        if over <= begin:
            self.say(line, end, "time_order")
            return None
        return begin, over

    def _of_day(
        self, line: Line, day: str, start: tuple[str, int | None], end: tuple[str, int | None]
    ) -> tuple[int, int] | None:
        midnight, found = self.time(line, day, needed=True), []
        for code, minutes in (start, end):
            if minutes is None:
                self.say(line, code, "time", got=line.text(code))
            else:
                found.append(minutes * 60_000)
        if midnight is None or len(found) < 2:
            return None
        low, high = found
        if low == high:
            self.say(line, end[0], "time_order")
            return None
        return midnight + low, midnight + (high if high > low else high + 24 * 3_600_000)

    def whole(self, line: Line, code: str, *, needed: bool = False, times: int = 1) -> int | None:
        """A whole number; `times` turns its unit into ours, then decimals may be there."""
        text = self.text(line, code, needed=needed)
        if text is None:
            return None
        plain = unicodedata.normalize("NFKC", text).replace(",", "").replace("−", "-")
        found = re.fullmatch(r"([+-]?)(\d{1,15})(?:\.(\d{1,9}))?", plain.strip())
        if found is None or (found[3] and times == 1 and int(found[3])):
            self.say(line, code, "number", got=text)
            return None
        part = int((found[3] or "0").ljust(9, "0")) * times
        value = int(found[2]) * times + (part + 500_000_000) // 1_000_000_000
        return -value if found[1] == "-" else value

    def percent(self, line: Line, code: str) -> int | None:
        """`90`, `90%`, or a share such as 0.9, which is how spreadsheets keep 90 %."""
        text = self.text(line, code)
        if text is None:
            return None
        plain = unicodedata.normalize("NFKC", text).strip()
        found = re.fullmatch(r"(\d{1,3})(?:\.\d+)?%?", plain)
        share = re.fullmatch(r"0\.\d+", plain)
        value = round(float(plain) * 100) if share else int(found[1]) if found else -1
        if not 0 <= value <= 100:
            self.say(line, code, "percent", got=text)
            return None
        return value

    def flag(self, line: Line, code: str) -> bool | None:
        text = self.text(line, code)
        if text is None:
            return None
        plain = squeeze(text)
        if plain in _YES or plain in _NO:
            return plain in _YES
        self.say(line, code, "yes_no", got=text)
        return None

    def word(
        self, line: Line, code: str, words: Mapping[str, str], *, needed: bool = False
    ) -> str | None:
        """One of a list of words, as its code."""
        text = self.text(line, code, needed=needed)
        if text is None:
            return None
        found = words.get(squeeze(text)) or next(
            (value for value in words.values() if value == squeeze(text)), None
        )
        if found is None:
            self.say(line, code, "word", got=text, known="、".join(list(words)[:8]))
        return found

    def person(self, line: Line, codes: Sequence[str], *, needed: bool = False) -> str | None:
        """The person of the first of these cells that is filled."""
        found = self.people(line, codes, needed=needed, several=False)
        return found[0] if found else None

    def people(
        self, line: Line, codes: Sequence[str], *, needed: bool = False, several: bool = True
    ) -> list[str]:
        """The people of the first of these cells that is filled; several are kept apart by 、"""
        code = next((c for c in codes if line.text(c)), None)
        if code is None:
            if needed:
                self.empty(line, *reversed(codes))
            return []
        text = self.text(line, code)
        words = [] if text is None else _SPLIT.split(text) if several else [text]
        found = []
        for word in words:
            if word.strip():
                id_ = self.meant(line, code, "person", self.directory.people, word.strip())
                found += [] if id_ is None else [id_]
        return list(dict.fromkeys(found))

    def device(self, line: Line, code: str, *, needed: bool = False) -> str | None:
        text = self.text(line, code, needed=needed)
        if text is None:
            return None
        found = device_named(self.directory.devices, text)
        if found is None or found == AMBIGUOUS:
            self.say(line, code, f"device_{'unknown' if found is None else AMBIGUOUS}", got=text)
            return None
        return found

    def place(self, line: Line) -> tuple[str | None, str | None]:
        """Organ and unit."""
        organ = self._named(line, "organ", self.directory.organs)
        unit = self._named(line, "unit", self.directory.units)
        if unit is not None and organ is None:
            organ = self.directory.units.organ_of.get(unit)
        return organ, unit

    def _named(self, line: Line, code: str, names: Names) -> str | None:
        text = self.text(line, code)
        return None if text is None else self.meant(line, code, code, names, text)

    def meant(self, line: Line, code: str, kind: str, names: Names, text: str) -> str | None:
        found = names.find(text)
        if found is None or found == AMBIGUOUS:
            why = f"{kind}_{'unknown' if found is None else AMBIGUOUS}"
            self.say(line, code, why, got=text)
            return None
        return found
