"""What a caller may do, by name.  Loads nothing, so that a command's help need not either."""

from enum import StrEnum


class Right(StrEnum):
    """What a token or a person may do; least by default, none includes another."""

    UPLOAD = "upload"  # hand over recordings of its own source, see their state and receipts
    READ = "read"  # see cases and items, view recordings (each view an entry)
    CASE = "case"  # open cases, link and unlink, decide about interrupted uploads
    LOG = "log"  # read entry bundles
    ADMIN = "admin"  # jobs, metrics, state of the server; not a right to see evidence
