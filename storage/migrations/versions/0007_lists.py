"""Indexes for lists among a million: cases by their opening, recordings by time and kind.
Cases that were taken up again after their filing are open.

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
    op.execute(
        "UPDATE enforcement_case SET closed_index = NULL WHERE closed_index IS NOT NULL AND EXISTS "
        '(SELECT 1 FROM case_stage s JOIN filing f ON f."index" = enforcement_case.closed_index '
        'WHERE s."case" = enforcement_case.id AND s."index" > f."index" AND s.at_ms >= f.at_ms '
        "AND s.exit IN ('returned', 'remade', 'resumed'))"
    )


def downgrade() -> None:
    op.drop_index("ix_attribution_long", "attribution")
    for table, column in _MADE:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
