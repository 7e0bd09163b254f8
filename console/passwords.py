"""Passwords: which are good enough, how they are kept, one-time passwords, and lock-out.

Guarantee: only an argon2id hash is ever kept; verifying takes the same work whether there is an
account or not (`Passwords.verify` with no hash works on one that nothing fits); hashing runs in
threads, a few at a time, so that neither the loop nor the memory is at a guesser's mercy.
Not covered: who may set whose password (`console.people`), second factors (`console.otp`).

Cost: RFC 9106, 4; the numbers are OWASP's for argon2id (46 MiB, one pass, one lane).
"""

import asyncio
import base64
import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import ClassVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from verify.errors import MalformedError


@dataclass(frozen=True, slots=True)
class Cost:
    """What one verification takes.  Raised ones come into force as people sign in."""

    passes: int = 1
    memory_kib: int = 47_104
    lanes: int = 1
    at_once: int = 2


@dataclass(frozen=True, slots=True)
class Strength:
    """What a password must be; an ideograph counts for two, so a short phrase will do."""

    weight: int = 12
    longest: int = 200
    different: int = 5


@dataclass(frozen=True, slots=True)
class Lockout:
    """After `failures` in a row the account is locked, each time twice as long."""

    failures: int = 5
    first_ms: int = 60_000
    longest_ms: int = 3_600_000

    def until(self, failed: int, now_ms: int) -> int | None:
        """Until when, after so many failures in a row; None: not yet."""
        if failed < self.failures:
            return None
        doublings = min(failed - self.failures, 30)
        return now_ms + min(self.first_ms << doublings, self.longest_ms)


class WeakPasswordError(MalformedError):
    """The password is not good enough; `rule` names which rule it breaks."""

    code = "weak-password"
    RULES: ClassVar[tuple[str, ...]] = (
        "short",
        "long",
        "repeats",
        "common",
        "account",
        "name",
        "same",
    )

    def __init__(self, rule: str, expected: str) -> None:
        super().__init__(f"password: expected {expected}, got another")
        self.rule = rule


COMMON = frozenset(
    """
    password passw0rd letmein welcome admin administrator root qwerty qwertyuiop asdfgh asdfghjkl
    zxcvbnm 1q2w3e4r 1qaz2wsx qazwsx qazwsxedc abc abcd abcdef abcdefg iloveyou woaini woaini1314
    5201314 1314520 changeme secret default test testtest user login liuhen zhifa jilu sifaju
    sifa mima monkey dragon master hello superman football baseball
    密码 我爱你 执法 执法记录 司法局 管理员 留痕 中国 你好 生日快乐 一二三四五六七八九十
    """.split()  # noqa: SIM905
)
"""Beginnings of what is tried first: a password that is one of them and digits is one of them."""

_RUNS = ("0123456789012345678901234567890", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
         "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/")  # fmt: skip
_IDEOGRAPH = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read for another


def normal(text: str) -> str:
    """The one form of a password or an account's name, whatever keyboard it came from."""
    return unicodedata.normalize("NFKC", text)


def check(password: str, *, account: str, name: str, strength: Strength = Strength()) -> None:
    """Raise WeakPasswordError unless the password is good enough for this account."""
    text = normal(password)
    weight = len(text) + len(_IDEOGRAPH.findall(text))
    if weight < strength.weight:
        raise WeakPasswordError("short", f"at least {strength.weight} characters")
    if len(text) > strength.longest:
        raise WeakPasswordError("long", f"at most {strength.longest} characters")
    plain = text.casefold()
    bare = re.sub(r"[\W_]+", "", plain)
    if len(set(plain)) < strength.different or _repeats(bare):
        raise WeakPasswordError("repeats", f"{strength.different} different characters at least")
    if bare in _RUNS or any(bare in run or bare in run[::-1] for run in _RUNS) or _common(bare):
        raise WeakPasswordError("common", "one that is not tried first")
    if len(account) > 1 and normal(account).casefold() in plain:
        raise WeakPasswordError("account", "one without the account's name")
    if len(name) > 1 and normal(name).casefold() in plain:
        raise WeakPasswordError("name", "one without the person's name")


def _common(bare: str) -> bool:
    without = bare.strip("0123456789")
    return bare in COMMON or not without or without in COMMON or _repeats(without)


def _repeats(text: str) -> bool:
    """One short piece over and over."""
    return any(
        len(text) > size and text == (text[:size] * (len(text) // size + 1))[: len(text)]
        for size in range(1, min(6, len(text) // 2) + 1)
    )


def one_time() -> str:
    """A password to be told once and changed at the first sign-in: 80 bits, easy to read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


class Passwords:
    """Hashes and verifies, in threads."""

    def __init__(self, cost: Cost = Cost()) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes, type=Type.ID
        )
        self._nobody = _unfitting(cost)
        self._slots = asyncio.Semaphore(cost.at_once)

    async def hash(self, password: str) -> str:
        """What is kept of the password."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, normal(password))

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether the password fits; without a hash the same work is done for nothing."""
        async with self._slots:
            return await asyncio.to_thread(self._fits, kept or self._nobody, normal(password))

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed at another cost than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _fits(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def _unfitting(cost: Cost) -> str:
    """A hash of this cost that no password is known to give."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32)
    )
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"
