"""The words of a flowchart that are not the procedure's own, in both languages.

Guarantee: every word has both languages.  A procedure without enforcement powers is drawn with
words that claim none.
Not covered: everything else that the console says (`console/locales`).
"""

from cases.procedure.model import Label

CATEGORY = {
    "initiation": Label("启动", "Initiation"),
    "investigation": Label("调查取证", "Investigation"),
    "review": Label("审核", "Review"),
    "decision": Label("决定", "Decision"),
    "service": Label("送达", "Service"),
    "enforcement": Label("执行", "Enforcement"),
    "filing": Label("归档", "Filing"),
}
WITHOUT_POWERS = CATEGORY | {
    "investigation": Label("了解情况", "Fact-finding"),
    "review": Label("办理", "Handling"),
    "decision": Label("结果", "Result"),
    "service": Label("交付", "Handing over"),
    "enforcement": Label("履行", "Carrying out"),
}
EXIT = {
    "not_filed": Label("不予立案", "not filed"),
    "withdrawn": Label("撤案", "withdrawn"),
    "terminated": Label("终止", "terminated"),
    "suspended": Label("中止", "suspended"),
    "resumed": Label("恢复", "resumed"),
    "transferred": Label("移送", "transferred"),
    "returned": Label("退回补充调查", "returned"),
    "merged": Label("并案", "merged"),
    "split": Label("分案", "split"),
    "remade": Label("撤销后重作", "remade"),
}
EXIT_WITHOUT_POWERS = EXIT | {
    "not_filed": Label("不予受理", "not accepted"),
    "withdrawn": Label("撤回", "withdrawn"),
    "returned": Label("退回补充", "returned"),
}
ROLE = {
    "officer": Label("执法人员", "officer"),
    "station_keeper": Label("采集站管理员", "keeper of the station"),
    "reviewer": Label("法制审核员", "legal reviewer"),
    "unit_head": Label("部门负责人", "head of the unit"),
    "organ_head": Label("机关负责人", "head of the organ"),
    "archivist": Label("档案管理员", "archivist"),
    "supervisor": Label("监督人员", "supervisor"),
}
BY = Label("由{}办理", "by: {}")
STATUS = {
    "current": Label("当前环节", "current"),
    "suspended": Label("当前环节，已中止", "current, suspended"),
    "done": Label("已完成", "done"),
    "skipped": Label("未经过", "skipped"),
    "missing": Label("应经过而未经过", "left out, though mandatory"),
    "again": Label("须重新进行", "to be done again"),
    "open": Label("未开始", "not begun"),
    "filed": Label("已归档", "filed"),
}
VERDICT = {
    "complete": Label("音像齐全", "recordings complete"),
    "partial": Label("音像部分缺失", "recordings partial"),
    "missing": Label("音像缺失", "recordings missing"),
    "exempt": Label("免予记录", "exempt from recording"),
    "unjudgeable": Label("音像无法判定", "recordings cannot be judged"),
}
MANDATORY = Label("必经", "mandatory")
CONDITIONAL = Label("符合条件时必经", "mandatory on conditions")
OPTIONAL = Label("可选", "optional")
MARKS = Label("标记 {} 项", "marks: {}")
EXITS = Label("出口", "Exits")
FROM = Label("自：", "From: ")
ANYWHERE_TO = Label("至：", "To: ")
STAYS = Label("环节不变", "The stage stays")
OTHER_PAPERS = Label("不属于任何环节的文书：", "Documents of no stage: ")
TAKEN = Label("已发生", "has happened")
NONE_HERE = Label("（本程序无此类环节）", "(no such stage in this procedure)")
VERSION = Label("第 {} 版", "version {}")
NO_POWERS = Label("本程序不属于行政执法", "Not an enforcement procedure")
LEGEND = Label(
    "方框：文书　圆圈：时间点（实心：已有）　* 应当具备　(*) 符合条件时应当具备　"
    "实线：流转　虚线：退回或者重作　字母：出口，见下",
    "Square: document. Circle: time point. Filled: there. *: mandatory. (*): mandatory on "
    "conditions. Solid line: transition. Dashed line: going back. Letters: exits, listed below",
)
STAGES = Label("环节：", "Stages: ")
STANDS = Label("当前：", "Stands at: ")
JOIN = Label("、", ", ")
STOP = Label("。", ". ")
