"""Whether the kernel holds its clock to be synchronised: what a time service told it last.

Guarantee: nothing is set; one read of `adjtimex(2)`.
Not covered: whether the time service itself is right, and machines whose clock their host sets
without telling the kernel: there the answer is «not synchronised» though the clock may be good.
"""

import ctypes
from dataclasses import dataclass

_STA_UNSYNC = 0x0040
_ROOM = 512  # of struct timex and what later kernels add to it


class _Timex(ctypes.Structure):
    """The head of struct timex, as <sys/timex.h> has it."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * _ROOM),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What the kernel says of its clock."""

    good: bool
    at_most_ms: int  # by how much it may be wrong, as the kernel reckons


def synchronised() -> Synchronised | None:
    """None where the kernel does not tell (a cage that forbids the call)."""
    told = _Timex()  # modes 0: only read
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told)) < 0:
        return None
    return Synchronised(not told.status & _STA_UNSYNC, -(-told.maxerror // 1000))
