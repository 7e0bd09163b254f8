"""People, procedures, rules, coverage, links: the tables of the case.

Revision 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEW = (
    "approval",
    "attribution",
    "case_person",
    "case_point",
    "case_stage",
    "credential",
    "custody",
    "device",
    "device_offset",
    "device_user",
    "document",
    "filing",
    "flag",
    "judgement",
    "late",
    "organ",
    "person",
    "policy",
    "procedure",
    "refusal",
    "roster",
    "rule_list",
    "shift",
    "unit",
    "waiting",
)
CASE_ADDED = (
    "changed_index", "procedure", "procedure_digest", "organ", "unit", "people", "parties", "place",
    "private", "viewers", "external_system", "external_key", "closed_index",
)  # fmt: skip
UNIQUE = "uq_enforcement_case_external_system_external_key"


def upgrade() -> None:
    new_tables()
    with op.batch_alter_table("enforcement_case") as case:
        case.add_column(sa.Column("changed_index", BIG, nullable=True))
        for name in ("procedure", "people", "parties", "place", "viewers"):
            case.add_column(sa.Column(name, sa.Text(), nullable=True))
        for name in ("external_system", "external_key"):
            case.add_column(sa.Column(name, sa.Text(), nullable=True))
        case.add_column(sa.Column("procedure_digest", sa.String(length=64), nullable=True))
        for name in ("organ", "unit"):
            case.add_column(sa.Column(name, sa.String(length=32), nullable=True))
        case.add_column(sa.Column("private", sa.Boolean(), nullable=True))
        case.add_column(sa.Column("closed_index", BIG, nullable=True))
    op.execute(
        "UPDATE enforcement_case SET changed_index = opened_index, people = '[]', "
        "parties = '[]', viewers = '[]', private = false"
    )
    with op.batch_alter_table("enforcement_case") as case:
        case.alter_column("changed_index", existing_type=BIG, nullable=False)
        for name in ("people", "parties", "viewers"):
            case.alter_column(name, existing_type=sa.Text(), nullable=False)
        case.alter_column("private", existing_type=sa.Boolean(), nullable=False)
        case.create_unique_constraint(UNIQUE, ["external_system", "external_key"])
    for name in ("organ", "unit"):
        op.create_index(
            op.f(f"ix_enforcement_case_{name}_opened_index"), "enforcement_case",
            [name, "opened_index"],
        )  # fmt: skip
    op.add_column("link", sa.Column("proposal", sa.Text(), nullable=True))
    op.add_column("token", sa.Column("person", sa.String(length=32), nullable=True))
    op.add_column("token", sa.Column("organ", sa.String(length=32), nullable=True))
    op.drop_table("session")  # whoever was signed in signs in again
    op.create_table(
        "session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("person", sa.String(length=32), nullable=True),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_ms", BIG, nullable=False),
        sa.Column("seen_ms", BIG, nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_person"), "session", ["person"])
    op.execute(
        "INSERT INTO waiting (item, sealed_index, sealed_ms) SELECT i.id, i.sealed_index, "
        "i.sealed_ms FROM item i WHERE NOT EXISTS (SELECT 1 FROM link k WHERE k.item = i.id "
        "AND k.unlinked_index IS NULL)"
    )


def new_tables() -> None:  # noqa: PLR0915  # one statement per table and index
    op.create_table(
        "approval",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=True),
        sa.Column("item", sa.String(length=32), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("occasion", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("start_ms", BIG, nullable=True),
        sa.Column("end_ms", BIG, nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_index", BIG, nullable=False),
        sa.Column("asked_ms", BIG, nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_index", BIG, nullable=True),
        sa.Column("decided_ms", BIG, nullable=True),
        sa.Column("decided_reason", sa.Text(), nullable=True),
        sa.Column("until_ms", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_case"), "approval", ["case"], unique=False)
    op.create_index(op.f("ix_approval_item"), "approval", ["item"], unique=False)
    op.create_index(
        op.f("ix_approval_kind_decision"), "approval", ["kind", "decision"], unique=False
    )
    op.create_table(
        "attribution",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=True),
        sa.Column("person", sa.String(length=32), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=True),
        sa.Column("organ", sa.String(length=32), nullable=True),
        sa.Column("start_ms", BIG, nullable=True),
        sa.Column("end_ms", BIG, nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("carrier", sa.String(length=16), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.Column("time_source", sa.Text(), nullable=True),
        sa.Column("offset_ms", BIG, nullable=True),
        sa.Column("uncertainty_ms", BIG, nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("due_ms", BIG, nullable=True),
        sa.Column("due_basis", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_attribution")),
    )
    op.create_index(
        op.f("ix_attribution_device_start_ms"), "attribution", ["device", "start_ms"], unique=False
    )
    op.create_index(
        op.f("ix_attribution_person_start_ms"), "attribution", ["person", "start_ms"], unique=False
    )
    op.create_table(
        "case_person",
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("case", "person", name=op.f("pk_case_person")),
    )
    op.create_index(op.f("ix_case_person_person"), "case_person", ["person"], unique=False)
    op.create_table(
        "case_point",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("uncertainty_ms", BIG, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("replaces", BIG, nullable=True),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_case_point")),
    )
    op.create_index(op.f("ix_case_point_case"), "case_point", ["case"], unique=False)
    op.create_table(
        "case_stage",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("transition", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("exit", sa.Text(), nullable=True),
        sa.Column("how", sa.String(length=4), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("stated", sa.Text(), nullable=False),
        sa.Column("other", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_case_stage")),
    )
    op.create_index(op.f("ix_case_stage_case"), "case_stage", ["case"], unique=False)
    op.create_table(
        "credential",
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("totp", sa.Text(), nullable=True),
        sa.Column("totp_last", BIG, nullable=True),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until_ms", BIG, nullable=True),
        sa.Column("changed_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_credential")),
    )
    op.create_table(
        "custody",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=12), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("person", sa.String(length=32), nullable=True),
        sa.Column("check", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_custody")),
    )
    op.create_index(op.f("ix_custody_device_at_ms"), "custody", ["device", "at_ms"], unique=False)
    op.create_index(op.f("ix_custody_person_at_ms"), "custody", ["person", "at_ms"], unique=False)
    op.create_table(
        "device",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("carrier", sa.String(length=16), nullable=False),
        sa.Column("organ", sa.String(length=32), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("ended_ms", BIG, nullable=True),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
    )
    op.create_index(op.f("ix_device_serial"), "device", ["serial"], unique=False)
    op.create_table(
        "device_offset",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("offset_ms", BIG, nullable=False),
        sa.Column("uncertainty_ms", BIG, nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_device_offset")),
    )
    op.create_index(
        op.f("ix_device_offset_device_at_ms"), "device_offset", ["device", "at_ms"], unique=False
    )
    op.create_table(
        "device_user",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("device", sa.String(length=32), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("valid_from_ms", BIG, nullable=False),
        sa.Column("valid_until_ms", BIG, nullable=True),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_device_user")),
    )
    op.create_index(op.f("ix_device_user_code"), "device_user", ["code"], unique=False)
    op.create_table(
        "document",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("how", sa.String(length=4), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("item", sa.String(length=32), nullable=True),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_index(op.f("ix_document_case"), "document", ["case"], unique=False)
    op.create_index(op.f("ix_document_number"), "document", ["number"], unique=False)
    op.create_table(
        "filing",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.Column("defects", sa.Text(), nullable=False),
        sa.Column("leader", sa.String(length=32), nullable=True),
        sa.Column("leader_name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_filing")),
    )
    op.create_index(op.f("ix_filing_case"), "filing", ["case"], unique=False)
    op.create_table(
        "flag",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("viewers", sa.Text(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_flag")),
    )
    op.create_table(
        "judgement",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_judgement")),
    )
    op.create_index(op.f("ix_judgement_case"), "judgement", ["case"], unique=False)
    op.create_table(
        "late",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("ended_ms", BIG, nullable=False),
        sa.Column("due_ms", BIG, nullable=False),
        sa.Column("sealed_ms", BIG, nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_late")),
    )
    op.create_table(
        "organ",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("parent", sa.String(length=32), nullable=True),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organ")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organ", sa.String(length=32), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=True),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("certificate_from_ms", BIG, nullable=True),
        sa.Column("certificate_until_ms", BIG, nullable=True),
        sa.Column("ended_ms", BIG, nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("account", name=op.f("uq_person_account")),
        sa.UniqueConstraint("subject", name=op.f("uq_person_subject")),
    )
    op.create_index(op.f("ix_person_certificate"), "person", ["certificate"], unique=False)
    op.create_index(op.f("ix_person_organ"), "person", ["organ"], unique=False)
    op.create_index(op.f("ix_person_unit"), "person", ["unit"], unique=False)
    op.create_table(
        "policy",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("valid_from_ms", BIG, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy")),
    )
    op.create_table(
        "procedure",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("organ", sa.String(length=32), nullable=True),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_procedure")),
    )
    op.create_table(
        "refusal",
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("case", "item", name=op.f("pk_refusal")),
    )
    op.create_index(op.f("ix_refusal_item"), "refusal", ["item"], unique=False)
    op.create_table(
        "roster",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organ", sa.String(length=32), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("set_index", BIG, nullable=False),
        sa.Column("withdrawn_index", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster")),
    )
    op.create_table(
        "rule_list",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("organ", sa.String(length=32), nullable=True),
        sa.Column("valid_from_ms", BIG, nullable=False),
        sa.Column("valid_until_ms", BIG, nullable=True),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_list")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_rule_list_name_version")),
    )
    op.create_table(
        "shift",
        sa.Column("roster", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("start_ms", BIG, nullable=False),
        sa.Column("end_ms", BIG, nullable=False),
        sa.Column("remote", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("roster", "position", name=op.f("pk_shift")),
    )
    op.create_index(op.f("ix_shift_person_start_ms"), "shift", ["person", "start_ms"], unique=False)
    op.create_table(
        "unit",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organ", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.String(length=32), nullable=True),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
    )
    op.create_index(op.f("ix_unit_organ"), "unit", ["organ"], unique=False)
    op.create_table(
        "waiting",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=True),
        sa.Column("organ", sa.String(length=32), nullable=True),
        sa.Column("sealed_index", BIG, nullable=False),
        sa.Column("sealed_ms", BIG, nullable=False),
        sa.Column("due_ms", BIG, nullable=True),
        sa.Column("doubted", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_waiting")),
    )
    op.create_index(
        op.f("ix_waiting_organ_sealed_index"), "waiting", ["organ", "sealed_index"], unique=False
    )
    op.create_index(
        op.f("ix_waiting_person_sealed_index"), "waiting", ["person", "sealed_index"], unique=False
    )
    op.create_index(
        op.f("ix_waiting_unit_sealed_index"), "waiting", ["unit", "sealed_index"], unique=False
    )
    unclaimed = "person IS NULL"
    for name, columns, some in (
        ("all", ["sealed_index"], "sealed_ms >= 0"),
        ("unclaimed", ["sealed_index"], f"{unclaimed} AND sealed_ms >= 0"),
        ("organ_unclaimed", ["organ", "sealed_index"], unclaimed),
        ("unit_unclaimed", ["unit", "sealed_index"], unclaimed),
        ("doubted", ["sealed_index"], "doubted IS NOT NULL AND sealed_ms >= 0"),
        ("unowned", ["sealed_index"], f"{unclaimed} AND unit IS NULL AND organ IS NULL"),
    ):
        op.create_index(
            f"ix_waiting_{name}", "waiting", columns, unique=False,
            sqlite_where=sa.text(some), postgresql_where=sa.text(some),
        )  # fmt: skip


def downgrade() -> None:
    op.drop_index(op.f("ix_session_person"), table_name="session")
    op.drop_table("session")
    op.create_table(
        "session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    with op.batch_alter_table("token") as token:
        token.drop_column("organ")
        token.drop_column("person")
    with op.batch_alter_table("link") as link:
        link.drop_column("proposal")
    for name in ("organ", "unit"):
        op.drop_index(
            op.f(f"ix_enforcement_case_{name}_opened_index"), table_name="enforcement_case"
        )
    with op.batch_alter_table("enforcement_case") as case:
        case.drop_constraint(UNIQUE, type_="unique")
        for name in CASE_ADDED:
            case.drop_column(name)
    for table in reversed(NEW):
        op.drop_table(table)
