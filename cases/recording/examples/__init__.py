"""Two worked lists in the published shape, as CSV and XLSX: examples 示例, no agency's own.

`lists.toml` is their one source; `python -m cases.recording.examples.make` writes the files.
"""
