"""Indexes for lists among a million: cases by their opening, recordings by time and kind.

Revision 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LONG = sa.text("end_ms - start_ms > 86400000")
_MADE = (
    ("enforcement_case", "opened_index"),
    ("attribution", "start_ms"),
    ("attribution", "kind"),
)


def upgrade() -> None:
    for table, column in _MADE:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_index(
        "ix_attribution_long",
        "attribution",
        ["start_ms"],
        sqlite_where=_LONG,
        postgresql_where=_LONG,
    )


def downgrade() -> None:
    op.drop_index("ix_attribution_long", "attribution")
    for table, column in _MADE:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
