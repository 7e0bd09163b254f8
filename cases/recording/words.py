"""What the cells of a published list mean: methods, categories, stages, points, 应当/可以.

Guarantee: a cell is read only if all of it is understood, or the rest is named in `left`; each
`…_words` writes a cell that is read as the same value again.
Not covered: columns and rows (`table`), storage terms (`retention`).

Format: docs/formats/rules.md, version 1, sections "Columns" and "Points".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from cases.recording.rules import CARRIERS, CATEGORIES, MAX_MS, METHODS, Point
from cases.recording.text import clean, squeeze

CATEGORY_WORDS = {
    "penalty": "行政处罚", "licence": "行政许可", "coercion": "行政强制",
    "inspection": "行政检查", "levy": "行政征收", "other": "其他",
}  # fmt: skip
STAGE_WORDS = {
    "initiation": "启动", "investigation": "调查取证", "review": "审核", "decision": "决定",
    "service": "送达", "enforcement": "执行", "filing": "归档",
}  # fmt: skip
METHOD_WORDS = {
    "photo": "拍照", "audio": "录音", "video": "录像", "body_camera": "执法记录仪",
    "surveillance": "视频监控",
}  # fmt: skip
CARRIER_WORDS = {
    "body_camera": "执法记录仪", "surveillance": "视频监控", "phone": "手机",
    "recorder": "录音笔", "camera": "照相机", "room": "固定录音录像室",
}  # fmt: skip

_CATEGORIES = {
    "penalty": "行政处罚|处罚", "licence": "行政许可|许可|行政审批", "coercion": "行政强制|强制",
    "inspection": "行政检查|检查|监督检查", "levy": "行政征收|征收|征用", "other": "其他行政执法|其他|其它",
}  # fmt: skip
_ALL = re.compile(r"(全部|所有|各类|不限|通用)(执法)?(类别|类型|行为|事项)?|all")

_METHODS = (
    ("body_camera", "单警执法记录仪|执法记录仪录像|执法记录仪拍摄|执法记录仪|执法仪|记录仪|bodycamera"),
    ("surveillance", "电子技术监控设备|视频监控录像|视频监控|监控录像|监控视频|电子监控|监控|surveillance"),
    ("audio video", "音视频|视音频|音像"),
    ("photo", "拍摄照片|拍照|照相机|照相|照片|相机|摄影|图片|photo"),
    ("audio", "录音笔|录音机|录音|音频|audio"),
    ("video", "摄像机|录像机|录制视频|录像|摄像|录影|视频|video"),
)  # fmt: skip
_METHOD = re.compile("|".join(f"(?P<m{at}>{words})" for at, (_, words) in enumerate(_METHODS)))
# Words around a method that say nothing about which one it is.
_FILLER = re.compile(
    r"全过程|全程|同步|现场|实时|采用|使用|利用|通过|进行|方式|设备|设施|资料|记录|等|的|[、,;/+\\|。.:()·]"
)
_LOOSE = re.compile(r"和|及|与|以及")
_TOGETHER = re.compile(r"且|并|同时")

_CARRIERS = (
    ("body_camera", "单警执法记录仪|执法记录仪|执法仪|记录仪"),
    ("surveillance", "视频监控|电子监控|监控"),
    ("room", "固定录音录像室|询问室|听证室|办案区|固定设备"),
    ("phone", "移动执法终端|执法终端|手机"),
    ("recorder", "录音笔|录音机"),
    ("camera", "照相机|摄像机|录像机|数码相机|相机"),
)
_CARRIER = re.compile("|".join(f"(?P<m{at}>{words})" for at, (_, words) in enumerate(_CARRIERS)))

_PLACE = r"(执法|检查|勘验|勘察|核查|调查|取证|调查取证|违法|案发|作业|被检查(单位|对象))*(的)?(现场|场所|地点)"
_SEIZURE = r"(实施|采取)?(查封|扣押|查封[、(和及或/]?扣押\)?)(措施|财物|物品|场所|设施)?(实施)?"
_HEARING = r"(听证(会)?)(室|会场|现场|场所|场)"
_POINTS = (
    ("arrived", rf"(到达|抵达|进入|到){_PLACE}"),
    ("left", rf"(离开|退出|撤离){_PLACE}"),
    ("hearing_entered", rf"(到达|进入){_HEARING}"),
    ("hearing_left", rf"(离开|退出){_HEARING}"),
    ("hearing_started", r"听证(会)?(正式)?开始|开始听证"),
    ("hearing_ended", r"听证(会)?结束|听证(会)?完毕"),
    ("identity_shown", r"(出示|亮明)(行政)?(执法)?(身份)?证件|亮证|表明身份"),
    ("notice_given", r"(权利义务)?(事先)?告知(完毕|结束|后)?|完成告知|履行告知(义务)?"),
    ("record_started", r"(开始)?(现场)?(制作)?(询问|检查|勘验|现场|现场检查)?笔录(制作)?开始|开始(制作|询问|现场|检查)*笔录(制作)?|制作文书开始|开始制作文书"),
    ("record_ended", r"(制作)?(询问|检查|勘验|现场|现场检查)?笔录(制作)?(结束|完毕|完成)"),
    ("party_signed", r"(当事人|相对人|行政相对人|被询问人|被检查人)(签字|签名|签章)(确认)?(结束|完毕|后|时)?"),
    ("seizure_started", rf"{_SEIZURE}(开始|前)|开始{_SEIZURE}"),
    ("seizure_ended", rf"{_SEIZURE}(结束|完毕|完成)"),
    ("preservation_started", r"(先行)?登记保存(证据|物品)?开始|开始(先行)?登记保存(证据|物品)?"),
    ("preservation_ended", r"(先行)?登记保存(证据|物品)?(结束|完毕|完成)"),
    ("statement_started", r"(口头)?陈述[、和]?申辩开始|开始(口头)?陈述[、和]?申辩"),
    ("statement_ended", r"(口头)?陈述[、和]?申辩(结束|完毕)"),
    ("service_started", r"(开始)?(文书)?送达(文书)?开始|开始送达(文书)?"),
    ("service_ended", r"(文书)?送达(文书)?(结束|完毕|完成)"),
)  # fmt: skip
KNOWN_POINTS = tuple(code for code, _ in _POINTS)
_POINT = tuple((code, re.compile(words)) for code, words in _POINTS)
_NO_POINTS: Mapping[str, str] = MappingProxyType({})
_ACTOR = re.compile(r"^(行政)?(执法|检查|记录|工作)人员")
_NAMED_POINT = re.compile(r"(.+)\[([a-z][a-z0-9_]{0,63})?\]", re.DOTALL)

_STAGES = (
    ("initiation", "启动|立案|受理|申请"),
    ("investigation", "调查|取证|检查|勘验|勘察|核查|询问|抽样|抽查|提取|登记保存|证据保存|踏勘"),
    ("review", "审核|审查|评审|论证"),
    ("decision", "决定"),
    ("service", "送达"),
    ("enforcement", "执行|查封|扣押|强制|拆除|代履行"),
    ("filing", "归档"),
)
_MUST = frozenset(
    {"应当", "应当记录", "必须", "应", "必录", "应录", "必须记录", "是", "必选", "must"}
)
_MAY = frozenset({"可以", "可以记录", "可", "可录", "选录", "可选", "选择记录", "否", "may"})
_TICKED = frozenset("✓✔√☑■●vy1是对")
_UNTICKED = frozenset(("", "-", "—", "——", "/", "×", "x", "✗", "✘", "☐", "□", "0", "n", "否", "无"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of a cell; `left` is what was not understood, `loose` that 和/及/与 joins them."""

    methods: tuple[str, ...]
    together: bool
    left: str
    loose: bool
    mixed: bool  # 且 and 或 in one cell: which binds closer is not said


def read_methods(cell: str) -> Methods:
    """Which methods a cell allows.  Several are alternatives, unless 且 or 并 joins them."""
    text = squeeze(cell)
    found: set[str] = set()

    def take(match: re.Match[str]) -> str:
        found.update(_METHODS[int((match.lastgroup or "m0")[1:])][0].split())
        return "、"

    rest = _METHOD.sub(take, text)
    together, either, loose = (bool(re.search(joint, rest)) for joint in (_TOGETHER, "或", _LOOSE))
    for noise in (_TOGETHER, re.compile("或者?"), _LOOSE, _FILLER):
        rest = noise.sub("、", rest)
    listed = bool(re.search(r"[、,;/]", re.sub(r"[且并]|同时", "", text)))
    methods = tuple(method for method in METHODS if method in found)
    return Methods(
        methods,
        together and len(methods) > 1,
        rest.strip("、").replace("、", " ").strip(),
        loose and len(methods) > 1,
        together and (either or listed) and len(methods) > 2,
    )


def methods_words(methods: tuple[str, ...], *, together: bool) -> str:
    """A cell with just these methods."""
    return ("且" if together else "、").join(METHOD_WORDS[method] for method in methods)


def read_carriers(cell: str) -> tuple[tuple[str, ...], str]:
    """The carriers of a cell and what of it was not understood; none means any."""
    text = squeeze(cell)
    if text in _UNTICKED or _ALL.fullmatch(text):
        return (), ""
    found: set[str] = set()

    def take(match: re.Match[str]) -> str:
        found.add(_CARRIERS[int((match.lastgroup or "m0")[1:])][0])
        return "、"

    rest = re.sub(r"和|及|与|或者?", "、", _FILLER.sub("、", _CARRIER.sub(take, text)))
    return tuple(c for c in CARRIERS if c in found), rest.strip("、").replace("、", " ").strip()


def carriers_words(carriers: tuple[str, ...]) -> str:
    return "、".join(CARRIER_WORDS[carrier] for carrier in carriers)


def read_categories(cell: str) -> tuple[str, ...] | None:
    """The kinds of enforcement of a cell, () for all, None if a part is not understood."""
    text = squeeze(cell)
    if _ALL.fullmatch(text):
        return ()
    found = set()
    for part in re.split(r"[、,;/和及与|+]+", re.sub(r"(类|行为)(?=$|[、,;/和及与|+])", "", text)):
        known = [c for c, words in _CATEGORIES.items() if re.fullmatch(words, part)]
        if not known:
            return None
        found.update(known)
    return tuple(category for category in CATEGORIES if category in found)


def categories_words(categories: tuple[str, ...]) -> str:
    return "、".join(CATEGORY_WORDS[c] for c in categories) or "全部"


def read_stage(*cells: str) -> str | None:
    """Which of the seven the first telling cell names; None if none or several are named."""
    for cell in cells:
        text = squeeze(cell)
        exact = [stage for stage, word in STAGE_WORDS.items() if text in (word, f"{word}环节")]
        named = exact or [stage for stage, words in _STAGES if re.search(words, text)]
        if "service" in named:
            return "service"  # 送达检查文书, 决定书送达: what is served is only named
        if len(named) == 1:
            return named[0]
    return None


def read_stage_category(cell: str) -> str | None:
    """The exact word of one of the seven; None for anything else."""
    text = squeeze(cell)
    return next((stage for stage, word in STAGE_WORDS.items() if text == word), None)


def read_point(cell: str, known: Mapping[str, str] = _NO_POINTS) -> Point | None:
    """The point a cell means: by «words[code]», by the caller's words, by ours, or the list's own.

    `known` maps squeezed words to codes: the labels of the points of an agency's procedures.
    """
    text = clean(cell).replace("\n", "")  # a case notes the point under these words
    if squeeze(text) in ("", "-", "—", "/", "无"):
        return None
    if named := _NAMED_POINT.fullmatch(text):
        return Point(named[1].strip(), named[2])
    short = re.sub(r"[时,。]+$", "", squeeze(text))
    for phrase in (short, _ACTOR.sub("", short)):
        if phrase in known:
            return Point(text, known[phrase])
        for code, words in _POINT:
            if words.fullmatch(phrase):
                return Point(text, code)
    return Point(text)


def point_words(point: Point | None) -> str:
    """A cell for the point; its code stands behind it only where the words alone say another."""
    if point is None:
        return ""
    return point.text if read_point(point.text) == point else f"{point.text}[{point.code or ''}]"


def read_must(cell: str) -> bool | None:
    """应当 as True, 可以 as False, anything else as None."""
    text = squeeze(cell)
    return True if text in _MUST else False if text in _MAY else None


def read_tick(cell: str) -> bool | None:
    """A tick as True, an empty or crossed box as False, anything else as None."""
    text = squeeze(cell)
    if text in _TICKED or read_must(cell):
        return True
    return False if text in _UNTICKED else None


def read_seconds(cell: str, unit_ms: int) -> int | None:
    """A number of seconds (or of another unit) as whole milliseconds; None if it is not one."""
    text = re.sub(r"(秒|s)$", "", squeeze(cell))
    try:
        value = Decimal(text) * unit_ms
    except InvalidOperation:
        return None
    if not value.is_finite() or value != value.to_integral_value() or not 0 <= value <= MAX_MS:
        return None
    return int(value)


def seconds_words(value_ms: int | None) -> str:
    if value_ms is None:
        return ""
    whole, rest = divmod(value_ms, 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".") if rest else str(whole)
