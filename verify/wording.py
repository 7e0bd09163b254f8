"""What the offline verifier says, in Chinese and English.

Guarantee: both languages have every sentence (a test compares); text from outside is shown so that no
control or direction character can act on the screen.
"""

import unicodedata
from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]

ZH: Final[dict[str, str]] = {
    "verdict.good": "结论:完好。文件与回执一致,回执由可信日志签名。",
    "verdict.broken": "结论:不一致。至少一项检查证明内容被改动或回执不实。",
    "verdict.incomplete": "结论:无法判定。没有发现问题,但所给材料不足以下结论。",
    "verdict.malformed": "结论:无法读取。所给文件不符合格式。",
    "verdict.unavailable": "结论:打不开。有文件不存在或无法读取。",
    "outcome.good": "通过",
    "outcome.broken": "不一致",
    "outcome.incomplete": "无法判定",
    "outcome.malformed": "格式错误",
    "outcome.unavailable": "无法读取",
    "step.receipt": "回执可以读取,且为唯一规范形式",
    "step.commitments": "回执所示内容与条目所承诺的一致,必备字段齐全",
    "step.inclusion": "条目在日志树中的位置",
    "step.log-signature": "可信日志密钥对检查点的签名",
    "step.witnesses": "见证人签名达到策略要求",
    "step.file": "文件可以读取并与回执比对",
    "step.file-size": "文件大小(字节)",
    "step.file-sha256": "文件 SHA-256",
    "step.file-root": "文件分块树根(每块 1 MiB)",
    "step.tree": "分块哈希清单与回执的树根一致",
    "checks": "检查:",
    "facts": "回执内容:",
    "not-checked": "未检查:",
    "expected": "应为 {expected},实为 {got}",
    "first-wrong": "首个不同的分块:第 {chunk} 块(从 0 数),字节 {from} 至 {to}(不含)",
    "not.witnesses": "是否有独立见证人看过同一日志(需要带 quorum 的 --policy)",
    "not.time-stamps": "第三方时间戳",
    "not.custody": "入库之前的保管过程,以及各份副本现存何处",
    "not.device-times": "设备所报时间是否属实",
    "not.server-clock": "服务器时钟是否准确",
    "not.content": "画面和声音所示是否属实",
    "not.later-acts": "此后的操作(关联案件、查看、导出、删除字段等)",
    "not.file": "文件本身(回执未通过,不再比对)",
    "not.log-signature": "日志签名",
    "not.where": "改动发生在文件何处(可用 --tree 给出分块哈希清单)",
    "fact.origin": "日志",
    "fact.vkey": "日志密钥",
    "fact.index": "条目序号",
    "fact.tree_size": "日志大小",
    "fact.type": "条目类型",
    "fact.recorded": "记录时间(服务器时钟,UTC)",
    "fact.actor": "操作者",
    "fact.chain": "所属链",
    "fact.seq": "链内序号",
    "fact.withheld": "未出示的字段",
    "fact.witnesses": "见证人",
    "usage": "用法:{prog} 回执 文件 [--key VKEY | --policy 文件] [--tree 清单] [--lang zh|en] [--json]",
    "codes": "退出码:0 完好,1 不一致,2 无法判定,3 格式错误,4 无法读取,64 用法错误",
}

EN: Final[dict[str, str]] = {
    "verdict.good": "Verdict: good. The file is the one in the receipt, and a trusted log signed for it.",
    "verdict.broken": "Verdict: broken. At least one check shows a change, or a receipt that is not true.",
    "verdict.incomplete": "Verdict: incomplete. Nothing is wrong, but what was given is not enough.",
    "verdict.malformed": "Verdict: malformed. Something given cannot be read as what it should be.",
    "verdict.unavailable": "Verdict: unavailable. A file is not there or cannot be opened.",
    "outcome.good": "good",
    "outcome.broken": "BROKEN",
    "outcome.incomplete": "incomplete",
    "outcome.malformed": "malformed",
    "outcome.unavailable": "unavailable",
    "step.receipt": "The receipt can be read and is in its one canonical form",
    "step.commitments": "What it shows is what the entry committed to, and no required field is missing",
    "step.inclusion": "The entry's place in the log's tree",
    "step.log-signature": "The checkpoint's signature by a trusted log key",
    "step.witnesses": "As many witnesses signed as the policy asks for",
    "step.file": "The file can be read and compared with the receipt",
    "step.file-size": "File size in bytes",
    "step.file-sha256": "File SHA-256",
    "step.file-root": "Root over the file's chunks of 1 MiB",
    "step.tree": "The list of chunk hashes leads to the receipt's root",
    "checks": "Checks:",
    "facts": "What the receipt says:",
    "not-checked": "Not checked:",
    "expected": "expected {expected}, got {got}",
    "first-wrong": "First chunk that differs: number {chunk} (from 0), bytes {from} up to {to}",
    "not.witnesses": "whether independent witnesses saw the same log (needs a --policy with a quorum)",
    "not.time-stamps": "time-stamps by third parties",
    "not.custody": "what happened before the server took it in, and where the copies are now",
    "not.device-times": "whether the times the device reported are true",
    "not.server-clock": "whether the server's clock was right",
    "not.content": "whether what is seen and heard is true",
    "not.later-acts": "acts recorded later (links to cases, views, exports, erased fields)",
    "not.file": "the file itself (the receipt did not hold, so nothing was compared)",
    "not.log-signature": "the log's signature",
    "not.where": "where in the file the change is (give the list of chunk hashes with --tree)",
    "fact.origin": "log",
    "fact.vkey": "log key",
    "fact.index": "entry number",
    "fact.tree_size": "size of the log",
    "fact.type": "type of entry",
    "fact.recorded": "recorded (server's clock, UTC)",
    "fact.actor": "actor",
    "fact.chain": "chain",
    "fact.seq": "number in the chain",
    "fact.withheld": "fields not shown",
    "fact.witnesses": "witnesses",
    "usage": "usage: {prog} RECEIPT FILE [--key VKEY | --policy FILE] [--tree LIST] [--lang zh|en] [--json]",
    "codes": "exit codes: 0 good, 1 broken, 2 incomplete, 3 malformed, 4 unavailable, 64 usage",
}

WORDS: Final[dict[Language, dict[str, str]]] = {"zh": ZH, "en": EN}


def language(wanted: str) -> Language:
    """The language of a --lang value or a LANG variable; English unless it says Chinese."""
    return "zh" if wanted.lower().startswith("zh") else "en"


def visible(text: str) -> str:
    """`text` with every control, direction, format and unassigned character written out."""
    return "".join(
        char
        if char == " " or not unicodedata.category(char).startswith(("C", "Z"))
        else f"\\u{{{ord(char):x}}}"
        for char in text
    )
