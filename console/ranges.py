"""HTTP byte ranges (RFC 9110, section 14) and what was served of a recording.  Pure.

Guarantee: `asked` answers exactly one range inside the content or says why not; `merged` and
`without` lose no byte and invent none.
Not covered: several ranges in one request: such a request gets the whole content, as section
14.2 allows; no player sends them.

All intervals are half open: [start, end).
"""

import re
from collections.abc import Iterable, Sequence

from console.errors import RangeError

Interval = tuple[int, int]
_ONE = re.compile(r"bytes=(?:([0-9]{1,100})-([0-9]{1,100})?|-([0-9]{1,100}))")


def asked(header: str | None, size: int) -> Interval | None:
    """The interval to send, None for all of it; RangeError if the range lies outside."""
    if header is None:
        return None
    found = _ONE.fullmatch(header.replace(" ", ""))
    if found is None:  # another unit, several ranges, or nonsense: ignored (14.2)
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
        if int(suffix) == 0:
            raise RangeError(f"range {header}: expected at least one byte, got none")
    else:
        start = int(first)
        end = size if last is None else min(size, int(last) + 1)
        if last is not None and int(last) < start:
            return None  # syntactically invalid: ignored
    if start >= size:
        raise RangeError(f"range {header}: expected a start below {size}, got {start}")
    return start, end


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same bytes as the fewest intervals, sorted."""
    result: list[Interval] = []
    for start, end in sorted(i for i in intervals if i[0] < i[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def without(intervals: Sequence[Interval], removed: Sequence[Interval]) -> list[Interval]:
    """What of `intervals` is not in `removed`."""
    result: list[Interval] = []
    for begin, end in merged(intervals):
        start = begin
        for cut_start, cut_end in merged(removed):
            if cut_end <= start or cut_start >= end:
                continue
            if cut_start > start:
                result.append((start, cut_start))
            start = max(start, cut_end)
        if start < end:
            result.append((start, end))
    return result
