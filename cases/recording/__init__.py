"""Recording rules 音像记录事项清单 and coverage 全程覆盖: what must be recorded, and was it?

rules       a list as a value, and its canonical JSON
text        how cells are cleaned before anybody reads them
retention   storage terms: reading one, and which of several wins
words       what a cell of a published list means
grid        sheets as rows of cells, with the numbers a person sees
heading     which column is what, and what stands above a table
table       which rows are rules, and what they take over from the row above
cells       from the texts of a row to a rule
problems    what is said of a sheet: row, column, reason in two languages
csvfile     CSV in and out
workbook    XLSX in and out
sheets      the door: read_list and write_list for CSV, XLSX, JSON
spans       unions of recordings, made once for all rules
verdicts    what coverage is judged from and says, and what filing asks of it
coverage    the judging: rules, points, recordings in; verdicts to the millisecond out

Everything here is pure: no database, clock, or setting is read.
Format: docs/formats/rules.md, version 1.
"""
