"""Rights, roles and scopes, by name.  Loads nothing, so that a command's help need not either."""

from enum import StrEnum


class Right(StrEnum):
    """What a program's token may do; least by default, none includes another."""

    UPLOAD = "upload"  # hand over recordings of its own source, see their state and receipts
    READ = "read"  # see cases and items, view recordings (each view an entry)
    CASE = "case"  # open cases, link and unlink, decide about interrupted uploads
    LOG = "log"  # read entry bundles
    ADMIN = "admin"  # jobs, metrics, state of the server; not a right to see evidence


class Role(StrEnum):
    """What a person is here; what that lets him do is `console/matrix.toml`."""

    OFFICER = "officer"  # 执法人员
    STATION_KEEPER = "station_keeper"  # 采集站管理员
    REVIEWER = "reviewer"  # 法制审核员
    UNIT_HEAD = "unit_head"  # 部门负责人
    ORGAN_HEAD = "organ_head"  # 机关负责人
    ARCHIVIST = "archivist"  # 档案管理员
    SUPERVISOR = "supervisor"  # 监督人员
    SYSTEM_ADMIN = "system_admin"  # 系统管理员
    SECURITY_ADMIN = "security_admin"  # 安全管理员
    AUDIT_ADMIN = "audit_admin"  # 审计管理员
    PARTY = "party"  # 当事人/代理人, from outside
    WITNESS = "witness"  # 见证节点


ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
"""三员: three different persons, none of whom has anything else to do here."""


class Scope(StrEnum):
    """How near an object is to a caller; the nearest that fits counts."""

    OWN = "own"  # his own: his recording, a case that he handles, himself
    UNIT = "unit"  # of his unit or one below it
    ORGAN = "organ"  # of another unit of his organ
    SUPERVISED = "supervised"  # of an organ that his organ supervises
    OUTSIDE = "outside"  # of any other organ


__all__ = ["ADMINISTRATORS", "Right", "Role", "Scope"]
