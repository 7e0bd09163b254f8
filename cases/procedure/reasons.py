"""Why a procedure was refused, in Chinese: the reasons of `read`, `load`, `refer` and `graph`.

Guarantee: every reason that they give has its sentence here, with the same names and numbers in it
(a test compares).
Not covered: what the reader of TOML itself says; that stays as it is, after a word of ours.
"""

import re
from collections.abc import Callable

_WORDS = {
    "text": "文字", "true or false": "true 或 false", "a whole number": "整数", "an array": "数组",
    "a table": "表", "something else": "其他类型", "stage": "环节", "document": "文书",
    "point": "时间点", "condition": "条件", "transition": "流转", "deadline": "期限",
    "recording": "音像记录", "role": "角色", "characters": "个字符", "claims": "项条件",
    "bytes": "字节", "levels": "层",
}  # fmt: skip
_KIND = "text|true or false|a whole number|an array|a table|something else"
_REASONS = (
    (r"expected the key (\S+), got none", "缺少键 {0}"),
    (rf"expected ({_KIND}), got ({_KIND})", "应为{0}，实为{1}"),
    (r"expected a-z, 0-9 and _ after a letter, got (.+)", "代码应以小写字母开头，只含小写字母、数字和下划线，实为 {0}"),
    (r"expected one of the keys (.+), got (.+)", "没有键 {1}；可用的键：{0}"),
    (r"expected one of stage, document and point, got (\d+)", "应在 stage、document、point 中选一项，实有 {0} 项"),
    (r"expected one of (.+), got (.+)", "应为 {0} 之一，实为 {1}"),
    (r"expected (\d+) to (\d+), got (.+)", "应在 {0} 至 {1} 之间，实为 {2}"),
    (r"expected a label in (\S+), got none", "缺少 {0} 的名称"),
    (r"expected at most (\d+) (characters|claims|bytes|levels), got (\d+)", "最多 {0} {1}，实有 {2}"),
    (r"expected at most (\d+), got (\d+)", "最多 {0} 项，实有 {1} 项"),
    (r"expected each once, got (.+) twice", "{0} 重复"),
    (r"expected a condition or «not» and one, got (.+)", "应为条件，或者 not 加条件，实为 {0}"),
    (r"expected some text, got none", "文字不能为空"),
    (r"expected no control characters, got (.+)", "不应含控制字符 {0}"),
    (r"expected such as 15d, 7wd or 24h, got (.+)", "期限应如 15d、7wd、24h，实为 {0}"),
    (r"expected an amount of (\d+) to (\d+), got (.+)", "期限的数应在 {0} 至 {1} 之间，实为 {2}"),
    (r"expected version (\d+) of the format, got (.+)", "格式版本应为 {0}，实为 {1}"),
    (r"expected mandatory or mandatory_when, got both", "mandatory 与 mandatory_when 只能写一项"),
    (r"expected no stage to go to with exit (\S+), got (\S+)", "出口 {0} 不应有去向环节，实有 {1}"),
    (r"expected at least one (stage|role), got none", "至少应有一个{0}"),
    (r"expected a stage for a mandatory document, got none", "必备文书应写明所属环节"),
    (r"expected the unit of (\S+), got (\S+)", "延长期限的单位应与 {0} 相同，实为 {1}"),
    (r"expected an end point for methods other than photo, got none", "拍照以外的方式应有结束时间点"),
    (r"duplicate code: expected an unused one, got (\S+) of the (\S+) on line (\d+)", "代码 {0} 重复：第 {2} 行的{1}已经使用"),
    (r"unknown (\S+): expected one of this procedure, got (.+)", "本程序没有{0} {1}"),
    (r"cycle without exit: expected a stage before (\S+), got (\S+); .+", "没有出口的循环：应从 {0} 之前的环节流转，实为 {1}；倒回须用出口 returned 或 remade"),
    (r"cycle without exit: from (\S+) no final stage can be reached", "没有出口的循环：从 {0} 到不了归档环节"),
    (r"expected a stage from (\S+) on, got (\S+): (\S+) goes back", "出口 {2} 是倒回，应从 {0} 或其后的环节，实为 {1}"),
    (r"expected category filing of a final stage, got (.+)", "最后环节的类别应为 filing，实为 {0}"),
    (r"no filing stage: .+", "没有归档环节：应有一个类别为 filing 的最后环节"),
    (r"unreachable stage: no way leads from (\S+) to (\S+)", "环节 {1} 到不了：没有从 {0} 通向它的流转"),
    (r"stage with no way out: no transition leads from (\S+)", "环节 {0} 没有出路"),
    (r"mandatory stage: expected no way around (\S+), got one to (\S+)", "必经环节 {0} 可被绕过，直达 {1}"),
    (r"mandatory stage when «(.+)»: expected no way around (\S+), got one to (\S+)", "条件“{0}”成立时必经的环节 {1} 可被绕过，直达 {2}"),
    (r"expected a document of (\S+) or before, got (\S+) of (\S+)", "应为环节 {0} 或其前的文书，实为环节 {2} 的 {1}"),
    (r"cycle: (\S+) needs itself", "循环：{0} 以自身为前提"),
    (r"expected TOML, got: (.+)", "不是 TOML：{0}"),
    (r"expected UTF-8, got byte (\S+)", "不是 UTF-8：字节 {0}"),
)  # fmt: skip
_FULL: tuple[tuple[Callable[[str], re.Match[str] | None], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL).fullmatch, words) for pattern, words in _REASONS
)


def chinese(reason: str) -> str | None:
    """The reason in Chinese; None for one that is not ours."""
    for match, words in _FULL:
        if (found := match(reason)) is not None:
            return words.format(*(_WORDS.get(part, part) for part in found.groups()))
    return None
