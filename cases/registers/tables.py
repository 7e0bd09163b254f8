"""Rows of a sheet into facts of the registers, or into problems with row and column.

Guarantee: a sheet is read whole: either every row became facts, or there are problems and no facts,
so nothing is half imported.  Columns are known by many names; what no column is called is left.
Not covered: recording the facts (`cases.registers.acts`).

Format: docs/formats/imports.md, version 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cases.recording.problems import Problem
from cases.registers.cells import Cells, problem
from cases.registers.people import AMBIGUOUS, Directory
from cases.registers.rules import (
    MAX_CODE,
    MAX_NAME,
    MAX_SERIAL,
    CodeSaid,
    CustodySaid,
    DeviceSaid,
    OffsetSaid,
    ShiftSaid,
)
from cases.registers.sheet import Line, Sheet

CARRIER_WORDS: Mapping[str, str] = {
    "执法记录仪": "body_camera", "记录仪": "body_camera", "单警执法记录仪": "body_camera",
    "视频监控": "surveillance", "监控": "surveillance", "监控摄像头": "surveillance",
    "摄像头": "surveillance", "录音笔": "recorder", "录音机": "recorder", "录音设备": "recorder",
    "摄像机": "recorder", "照相机": "recorder", "手机": "phone", "移动执法终端": "phone",
    "询问室": "room", "讯问室": "room", "听证室": "room", "采集站": "station",
    "采集工作站": "station", "未知": "unknown", "body_camera": "body_camera",
    "surveillance": "surveillance", "recorder": "recorder", "phone": "phone", "room": "room",
    "station": "station", "unknown": "unknown",
}  # fmt: skip
CUSTODY_WORDS: Mapping[str, str] = {
    "领用": "issued", "领取": "issued", "发放": "issued", "借出": "issued", "借用": "issued",
    "归还": "returned", "交还": "returned", "退还": "returned", "检查": "checked",
    "使用前检查": "checked", "核查": "checked", "维修": "repair", "送修": "repair",
    "报修": "repair", "修复": "repaired", "修回": "repaired", "维修完成": "repaired",
    "遗失": "lost", "丢失": "lost", "挂失": "lost", "找回": "found", "issued": "issued",
    "returned": "returned", "checked": "checked", "repair": "repair", "repaired": "repaired",
    "lost": "lost", "found": "found",
}  # fmt: skip

_PERSON = ("人员", "姓名", "执法人员", "使用人", "责任人", "警员", "name")
_CERTIFICATE = ("执法证号", "证件号", "证件编号", "执法证件号", "账号", "account")
_DEVICE = (
    "设备",
    "设备编号",
    "设备名称",
    "记录仪编号",
    "执法仪编号",
    "执法记录仪编号",
    "产品序号",
    "序列号",
)
_UNIT = ("部门", "使用部门", "所属部门", "科室", "单位", "承办部门", "承办机构")
_ORGAN = ("机关", "执法机关", "所属机关", "执法主体")
_NOTE = ("备注", "说明", "text", "note")

COLUMNS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "devices": {
        "name": ("名称", "设备名称"),
        "serial": ("设备编号", "序列号", "产品序号", "出厂编号", "记录仪编号", "执法仪编号"),
        "maker": ("厂商代码", "制造商代码", "厂家代码", "识别码", "idcode"),
        "model": ("型号", "设备型号", "规格型号"),
        "carrier": ("类型", "设备类型", "载体", "类别"),
        "unit": _UNIT, "organ": _ORGAN, "zone": ("时区",), "ended": ("停用时间", "停用日期", "报废日期"),
    },
    "custody": {
        "device": _DEVICE, "what": ("动作", "事项", "操作", "类型", "状态"),
        "at": ("时间", "发生时间", "登记时间", "日期时间"),
        "issued_at": ("领用时间", "领取时间", "发放时间", "借出时间"),
        "returned_at": ("归还时间", "交还时间", "退还时间"),
        "person": (*_PERSON, "领用人", "领取人", "借用人", "交接人"), "certificate": _CERTIFICATE,
        "battery": ("电量", "电池"), "storage": ("存储", "剩余存储", "存储空间", "剩余空间"),
        "clock": ("时间核对", "时钟", "校时", "系统时间"), "text": _NOTE,
    },
    "device-users": {
        "code": ("用户编号", "设备用户编号", "警号", "用户号", "userno", "设备用户"),
        "person": _PERSON, "certificate": _CERTIFICATE,
        "valid_from": ("生效时间", "生效日期", "起始日期", "开始时间", "开始日期", "起"),
        "valid_until": ("失效时间", "失效日期", "截止日期", "结束时间", "结束日期", "止"),
        "device": _DEVICE,
    },
    "offsets": {
        "device": _DEVICE, "at": ("测量时间", "标准时间", "服务器时间", "校时时间", "时间"),
        "offset_ms": ("偏差毫秒", "时钟偏差毫秒", "偏差(毫秒)", "时钟偏差(毫秒)"),
        "offset_s": ("偏差", "偏差秒", "时钟偏差", "时钟偏差秒", "偏差(秒)", "时钟偏差(秒)"),
        "device_time": ("设备时间", "记录仪时间"),
        "uncertainty_ms": ("误差毫秒", "误差(毫秒)", "不确定度"),
    },
    "rosters": {
        "person": (*_PERSON, "值班人", "值班人员", "带班人"), "certificate": _CERTIFICATE,
        "day": ("日期", "值班日期", "date"),
        "start": ("值班开始", "开始时间", "开始", "上班时间", "起始时间", "值班开始时间"),
        "end": ("值班结束", "结束时间", "结束", "下班时间", "截止时间", "值班结束时间"),
        "remote": ("边远", "异地", "偏远地区", "连续执勤"),
    },
}  # fmt: skip
NEEDED: Mapping[str, Sequence[str]] = {
    "devices": (), "custody": ("device",), "device-users": ("code", "valid_from"),
    "offsets": ("device", "at"), "rosters": ("start", "end"),
}  # fmt: skip
LEAST = 2  # columns that make a row a heading


@dataclass(frozen=True, slots=True)
class Read:
    """What a sheet says: facts, or problems."""

    facts: Sequence[Any]
    problems: Sequence[Problem]


def read(kind: str, sheet: Sheet | None, directory: Directory, zone: str, now_ms: int) -> Read:
    """The facts of a sheet of this kind."""
    if found := framed(sheet, COLUMNS[kind], NEEDED[kind]):
        return Read((), found)
    assert sheet is not None  # noqa: S101  # else it is framed
    cells = Cells(directory, zone, now_ms)
    facts = [fact for line in sheet.lines for fact in _READERS[kind](cells, line)]
    if kind == "devices":
        _twice(cells, sheet)
    return Read((), cells.problems) if cells.problems else Read(facts, ())


def framed(
    sheet: Sheet | None, columns: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> list[Problem]:
    """What is wrong with the sheet as a whole."""
    if sheet is None:
        some = "、".join(names[0] for names in list(columns.values())[:3])
        return [problem(None, "", "no_table", got=some)]
    found = [problem(None, place, "column_twice") for place in sheet.doubled]
    found += [
        problem(None, columns[code][0], "column_missing", got=columns[code][0])
        for code in needed
        if code not in sheet.columns
    ]
    if not found and not sheet.lines:
        found.append(problem(None, "", "no_rows"))
    return found


# --- one line -------------------------------------------------------------------------------


def _device(cells: Cells, line: Line) -> list[tuple[str | None, DeviceSaid]]:
    """A device: a known one by name or serial number is described anew."""
    name, serial = (
        cells.text(line, "name", limit=MAX_NAME),
        cells.text(line, "serial", limit=MAX_SERIAL),
    )
    if name is None and serial is None:
        cells.empty(line, "serial", "name")
        return []
    carrier = cells.word(line, "carrier", CARRIER_WORDS) if line.text("carrier") else "body_camera"
    organ, unit = cells.place(line)
    known = cells.directory.devices.find(name or "") or cells.directory.devices.find(serial or "")
    if known == AMBIGUOUS:
        cells.say(line, "serial" if serial else "name", "device_ambiguous", got=serial or name)
        return []
    if carrier is None:
        return []
    said = DeviceSaid(
        carrier, name=name or serial, serial=serial, maker=cells.text(line, "maker", limit=MAX_SERIAL),
        model=cells.text(line, "model", limit=MAX_NAME), organ=organ, unit=unit,
        zone=cells.zone_of(line, "zone"), ended_ms=cells.time(line, "ended"),
    )  # fmt: skip
    return [(known, said)]


def _twice(cells: Cells, sheet: Sheet) -> None:
    """A device stands in a sheet once."""
    seen: dict[tuple[str, str], int] = {}
    for line in sheet.lines:
        for code in ("name", "serial"):
            key = (code, line.text("maker") + line.text(code))
            if not line.text(code):
                continue
            if key in seen:
                cells.say(line, code, "twice", got=line.text(code), row=seen[key])
            seen.setdefault(key, line.number)


def _custody(cells: Cells, line: Line) -> list[CustodySaid]:
    device = cells.device(line, "device", needed=True)
    person = cells.person(line, ("certificate", "person"))
    text = cells.text(line, "text")
    check: dict[str, int | bool] = {}
    for code in ("battery", "storage"):
        if (share := cells.percent(line, code)) is not None:
            check[code] = share
    if (good := cells.flag(line, "clock")) is not None:
        check["clock"] = good
    both = [("issued", "issued_at"), ("returned", "returned_at")]
    if any(line.text(code) for _, code in both) and not line.text("what"):
        said = [(w, cells.time(line, code)) for w, code in both if line.text(code)]
    else:
        what = cells.word(line, "what", CUSTODY_WORDS, needed=True)
        code = next((c for _, c in both if line.text(c)), "at")
        said = [(what or "", cells.time(line, code, needed=True))]
    given = any(what == "issued" for what, _ in said)
    if given and not (line.text("certificate") or line.text("person")):
        cells.empty(line, "person", "certificate")
    times = [at for _, at in said if at is not None]
    if len(times) == 2 and times[1] <= times[0]:
        cells.say(line, "returned_at", "time_order")
    return [
        CustodySaid(device, what, at, person, check if n == 0 else {}, text)
        for n, (what, at) in enumerate(said)
        if device is not None and at is not None and what
    ]


def _code(cells: Cells, line: Line) -> list[CodeSaid]:
    code = cells.text(line, "code", limit=MAX_CODE, needed=True)
    person = cells.person(line, ("certificate", "person"), needed=True)
    start = cells.time(line, "valid_from", needed=True)
    end = cells.time(line, "valid_until", until=True)
    device = cells.device(line, "device")
    if start is not None and end is not None and end <= start:
        cells.say(line, "valid_until", "time_order")
    if code is None or person is None or start is None:
        return []
    return [CodeSaid(code, person, start, end, device)]


def _offset(cells: Cells, line: Line) -> list[OffsetSaid]:
    """An offset in milliseconds or seconds, or the device's time beside the right one."""
    device = cells.device(line, "device", needed=True)
    at = cells.past(line, "at", cells.now_ms)
    sure = cells.whole(line, "uncertainty_ms")
    if line.text("offset_ms"):
        value, unit_ms = cells.whole(line, "offset_ms"), 1
    elif line.text("device_time"):
        shown = cells.time(line, "device_time")
        value, unit_ms = (None if shown is None or at is None else shown - at), 1000
    else:
        if not line.text("offset_s"):
            cells.empty(line, "offset_s", "offset_ms", "device_time")
        value, unit_ms = cells.whole(line, "offset_s", times=1000), 1000
    if device is None or at is None or value is None:
        return []
    return [OffsetSaid(device, at, value, unit_ms if sure is None else sure, "import")]


def _shifts(cells: Cells, line: Line) -> list[ShiftSaid]:
    people = cells.people(line, ("certificate", "person"), needed=True)
    span = cells.span(line, "day", "start", "end")
    remote = cells.flag(line, "remote")
    return [] if span is None else [ShiftSaid(p, *span, bool(remote)) for p in people]


_READERS: Mapping[str, Callable[[Cells, Line], Sequence[Any]]] = {
    "devices": _device, "custody": _custody, "device-users": _code, "offsets": _offset,
    "rosters": _shifts,
}  # fmt: skip
