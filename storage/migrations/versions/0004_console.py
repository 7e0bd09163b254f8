"""What the pages with script need: marks on the time line, words of cases, saved searches, excerpts.

Revision 0004
"""

import sqlalchemy as sa
from alembic import op

from storage.projections import case_grams

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mark",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=True),
        sa.Column("start_ms", BIG, nullable=False),
        sa.Column("end_ms", BIG, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("made_ms", BIG, nullable=False),
        sa.Column("made_index", BIG, nullable=False),
        sa.Column("text_index", BIG, nullable=False),
        sa.Column("withdrawn_index", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
    )
    op.create_index(op.f("ix_mark_case_start_ms"), "mark", ["case", "start_ms"], unique=False)
    op.create_table(
        "case_gram",
        sa.Column("gram", sa.String(length=2), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("gram", "case", name=op.f("pk_case_gram")),
    )
    op.create_index(op.f("ix_case_gram_case"), "case_gram", ["case"], unique=False)
    case_grams.write_all(op.get_bind())
    op.create_table(
        "saved_search",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("list", sa.String(length=12), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("made_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
        sa.UniqueConstraint(
            "person", "list", "name", name=op.f("uq_saved_search_person_list_name")
        ),
    )
    op.add_column("job", sa.Column("started_ms", BIG, nullable=True))
    op.add_column("view", sa.Column("clip", sa.String(length=32), nullable=True))
    op.create_table(
        "clip",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("asked_from_ms", BIG, nullable=False),
        sa.Column("asked_to_ms", BIG, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("asked_index", BIG, nullable=False),
        sa.Column("asked_ms", BIG, nullable=False),
        sa.Column("from_ms", BIG, nullable=True),
        sa.Column("to_ms", BIG, nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size", BIG, nullable=True),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("tool", sa.Text(), nullable=True),
        sa.Column("arguments", sa.Text(), nullable=True),
        sa.Column("input", sa.String(length=64), nullable=True),
        sa.Column("made_index", BIG, nullable=True),
        sa.Column("made_ms", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clip")),
    )
    op.create_index(op.f("ix_clip_item_asked_index"), "clip", ["item", "asked_index"], unique=False)


def downgrade() -> None:
    op.drop_table("saved_search")
    op.drop_index(op.f("ix_case_gram_case"), table_name="case_gram")
    op.drop_table("case_gram")
    op.drop_index(op.f("ix_clip_item_asked_index"), table_name="clip")
    op.drop_table("clip")
    for table, column in (("view", "clip"), ("job", "started_ms")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
    op.drop_index(op.f("ix_mark_case_start_ms"), table_name="mark")
    op.drop_table("mark")
