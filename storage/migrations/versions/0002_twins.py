"""An index by which an upload's twin is found: the same bytes of the same source.

Sealing looks for it under the log's lock; without the index it reads every item of the source.

Revision 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_item_source_root"), "item", ["source", "root"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_item_source_root"), table_name="item")
