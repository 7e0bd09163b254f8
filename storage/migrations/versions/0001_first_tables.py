"""The first tables.

Revision 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "copy",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("store", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("encoding", sa.String(length=16), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("item", "store", "what", "key", name=op.f("pk_copy")),
    )
    op.create_table(
        "denial",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("object", sa.String(length=36), nullable=False),
        sa.Column("minute", BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("person", "object", "minute", name=op.f("pk_denial")),
    )
    op.create_table(
        "derived",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("input", sa.String(length=64), nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("item", "what", name=op.f("pk_derived")),
    )
    op.create_table(
        "disclosure",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("disclosed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_disclosure")),
    )
    op.create_table(
        "enforcement_case",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("officers", sa.Text(), nullable=False),
        sa.Column("opened_index", BIG, nullable=False),
        sa.Column("opened_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enforcement_case")),
        sa.UniqueConstraint("number", name=op.f("uq_enforcement_case_number")),
    )
    op.create_table(
        "entry",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("chain", sa.String(length=36), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_entry")),
        sa.UniqueConstraint("chain", "seq", name=op.f("uq_entry_chain_seq")),
    )
    op.create_index(op.f("ix_entry_leaf"), "entry", ["leaf"], unique=False)
    op.create_index(op.f("ix_entry_type_index"), "entry", ["type", "index"], unique=False)
    op.create_table(
        "erasure",
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("by_index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("index", "name", name=op.f("pk_erasure")),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.Column("last_ms", BIG, nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("boot_base_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head")),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("upload", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_raw", sa.Text(), nullable=True),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("device_times", sa.Text(), nullable=False),
        sa.Column("clock_offset", sa.Text(), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=True),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("announced", sa.Text(), nullable=True),
        sa.Column("retain_until", sa.Text(), nullable=False),
        sa.Column("sealed_index", BIG, nullable=False),
        sa.Column("sealed_leaf", sa.String(length=64), nullable=False),
        sa.Column("sealed_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("upload", name=op.f("uq_item_upload")),
    )
    op.create_index(op.f("ix_item_sealed_index"), "item", ["sealed_index"], unique=False)
    op.create_index(op.f("ix_item_source_sha256"), "item", ["source", "sha256"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("run_at_ms", BIG, nullable=False),
        sa.Column("updated_ms", BIG, nullable=False),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("key", name=op.f("uq_job_key")),
    )
    op.create_index(
        op.f("ix_job_state_lane_run_at_ms"), "job", ["state", "lane", "run_at_ms"], unique=False
    )
    op.create_table(
        "link",
        sa.Column("linked_index", BIG, autoincrement=False, nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("linked_leaf", sa.String(length=64), nullable=False),
        sa.Column("unlinked_index", BIG, nullable=True),
        sa.Column("unlink_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("linked_index", name=op.f("pk_link")),
    )
    op.create_index(op.f("ix_link_case"), "link", ["case"], unique=False)
    op.create_index(op.f("ix_link_item"), "link", ["item"], unique=False)
    op.create_table(
        "media",
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("probe", sa.Text(), nullable=False),
        sa.Column("duration_ms", BIG, nullable=True),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_media")),
    )
    op.create_table(
        "mention",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("index", BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", "index", name=op.f("pk_mention")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operation",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("first", BIG, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
    )
    op.create_table(
        "published",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published")),
    )
    op.create_table(
        "session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("enrolled_index", BIG, nullable=False),
        sa.Column("revoked_index", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("name", name=op.f("uq_source_name")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=True),
        sa.Column("issued_index", BIG, nullable=False),
        sa.Column("issued_ms", BIG, nullable=False),
        sa.Column("revoked_index", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
    )
    op.create_table(
        "token_secret",
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_token_secret")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_secret_digest")),
    )
    op.create_table(
        "transfer",
        sa.Column("upload", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("length", BIG, nullable=True),
        sa.Column("offset", BIG, nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("object_key", sa.String(length=200), nullable=False),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.Column("touched_ms", BIG, nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("upload", name=op.f("pk_transfer")),
    )
    op.create_index(
        op.f("ix_transfer_state_touched_ms"), "transfer", ["state", "touched_ms"], unique=False
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_raw", sa.Text(), nullable=True),
        sa.Column("size", BIG, nullable=True),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("client_key", sa.Text(), nullable=True),
        sa.Column("case_number", sa.Text(), nullable=True),
        sa.Column("device_times", sa.Text(), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=True),
        sa.Column("opened_index", BIG, nullable=False),
        sa.Column("opened_ms", BIG, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=True),
        sa.Column("closed_index", BIG, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("source", "client_key", name=op.f("uq_upload_source_client_key")),
    )
    op.create_index(
        op.f("ix_upload_state_opened_ms"), "upload", ["state", "opened_ms"], unique=False
    )
    op.create_table(
        "view",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=True),
        sa.Column("granted_index", BIG, nullable=False),
        sa.Column("granted_ms", BIG, nullable=False),
        sa.Column("until_ms", BIG, nullable=False),
        sa.Column("closed_index", BIG, nullable=True),
        sa.Column("served", sa.Text(), nullable=True),
        sa.Column("unconfirmed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_view")),
    )
    op.create_index(
        op.f("ix_view_closed_index_until_ms"), "view", ["closed_index", "until_ms"], unique=False
    )
    op.create_index(op.f("ix_view_item"), "view", ["item"], unique=False)
    op.create_table(
        "view_range",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("view", sa.String(length=32), nullable=False),
        sa.Column("start", BIG, nullable=False),
        sa.Column("requested_end", BIG, nullable=False),
        sa.Column("served_end", BIG, nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_view_range")),
    )
    op.create_index(op.f("ix_view_range_view"), "view_range", ["view"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_view_range_view"), table_name="view_range")
    op.drop_table("view_range")
    op.drop_index(op.f("ix_view_item"), table_name="view")
    op.drop_index(op.f("ix_view_closed_index_until_ms"), table_name="view")
    op.drop_table("view")
    op.drop_index(op.f("ix_upload_state_opened_ms"), table_name="upload")
    op.drop_table("upload")
    op.drop_index(op.f("ix_transfer_state_touched_ms"), table_name="transfer")
    op.drop_table("transfer")
    op.drop_table("token_secret")
    op.drop_table("token")
    op.drop_table("source")
    op.drop_table("session")
    op.drop_table("published")
    op.drop_table("operation")
    op.drop_table("mention")
    op.drop_table("media")
    op.drop_index(op.f("ix_link_item"), table_name="link")
    op.drop_index(op.f("ix_link_case"), table_name="link")
    op.drop_table("link")
    op.drop_index(op.f("ix_job_state_lane_run_at_ms"), table_name="job")
    op.drop_table("job")
    op.drop_index(op.f("ix_item_source_sha256"), table_name="item")
    op.drop_index(op.f("ix_item_sealed_index"), table_name="item")
    op.drop_table("item")
    op.drop_table("head")
    op.drop_table("erasure")
    op.drop_index(op.f("ix_entry_type_index"), table_name="entry")
    op.drop_index(op.f("ix_entry_leaf"), table_name="entry")
    op.drop_table("entry")
    op.drop_table("enforcement_case")
    op.drop_table("disclosure")
    op.drop_table("derived")
    op.drop_table("denial")
    op.drop_table("copy")
