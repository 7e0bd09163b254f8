"""The registers 台账: devices, who had them, whose user codes they hold, their clocks, duty rosters.

rules     pure decisions: value in, draft entries or named error out
acts      the rules joined to the ledger; a fact lets the items that it touches be looked at again
people    a person, a unit or a device by what people write of them
sheet     CSV and XLSX as rows of cells
tables    rows of cells into facts, or into problems with row and column
queries   what people look at: devices, their ledgers, rosters

What happened is never refused: a device issued twice, a clock that was set, a duty in the past are
recorded as they are said, and marked.
"""
