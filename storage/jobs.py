"""The durable pipeline: one `job` table is the truth (see docs/adr/0005-jobs.md)."""
