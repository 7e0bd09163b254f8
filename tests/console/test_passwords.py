"""Which passwords are good enough, how they are kept, when an account is locked, codes used once."""

import time

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import otp
from console.passwords import Cost, Lockout, Passwords, WeakPasswordError, check, one_time

CHEAP = Passwords(Cost(memory_kib=64))


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("short", "short"),
        ("x" * 201, "long"),
        ("aaaaaaaaaaaa", "repeats"),
        ("abcabcabcabc", "repeats"),
        ("lolalolalola-lola", "repeats"),
        ("123456789012", "common"),
        ("20261123084512", "common"),
        ("password12345", "common"),
        ("Pass-Word!2026", "common"),
        ("qwertyuiop[]12", "common"),
        ("zyxwvutsrqpon", "common"),
        ("司法局123456789", "common"),
        ("the-yuan-lin-of-tea", "account"),
        ("王小明爱喝龙井茶叶", "name"),
        ("ｐａｓｓｗｏｒｄ１２３４５", "common"),
    ],
)
def test_a_weak_password_is_refused_and_the_rule_is_named(password: str, rule: str) -> None:
    with pytest.raises(WeakPasswordError) as refused:
        check(password, account="yuan-lin", name="王小明")
    assert refused.value.rule == rule


@pytest.mark.parametrize(
    "password", ["correct horse battery", "我们走在大路上", "2026年春天的小雨", "mK4-vv9_Qz8!"]
)
def test_a_long_one_or_a_short_chinese_sentence_is_good(password: str) -> None:
    check(password, account="yuan-lin", name="王小明")


def test_one_time_passwords_are_good_different_and_easy_to_read_out() -> None:
    made = {one_time() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        check(password, account="yuan-lin", name="王小明")
        assert not set(password) & set("0o1il")


async def test_what_is_kept_is_argon2id_and_the_same_password_is_kept_differently() -> None:
    one, two = await CHEAP.hash("correct horse"), await CHEAP.hash("correct horse")
    assert one.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert one != two
    assert await CHEAP.fits(one, "correct horse")
    assert not await CHEAP.fits(one, "correct house")
    assert await CHEAP.fits(await CHEAP.hash("ｃａｆé"), "cafe\u0301")  # other keyboards, same word


async def test_nothing_fits_nobody_nor_a_hash_that_cannot_be_read() -> None:
    assert not await CHEAP.fits(None, "")
    assert not await CHEAP.fits("", "")
    assert not await CHEAP.fits("$argon2id$broken", "x")


async def test_an_account_that_is_not_there_takes_the_same_work() -> None:
    passwords = Passwords(Cost(memory_kib=16_384))
    kept = await passwords.hash("correct horse")

    async def least(hashed: str | None) -> float:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            await passwords.fits(hashed, "wrong")
            times.append(time.perf_counter() - begun)
        return min(times)

    known, unknown = await least(kept), await least(None)
    assert 0.3 < known / unknown < 3.0


async def test_a_hash_of_another_cost_is_outdated() -> None:
    assert not CHEAP.is_outdated(await CHEAP.hash("x"))
    assert Passwords(Cost(memory_kib=128)).is_outdated(await CHEAP.hash("x"))


def test_each_further_failure_doubles_the_lock_up_to_a_limit() -> None:
    lockout = Lockout(failures=3, first_ms=1000, longest_ms=5000)
    ends = [lockout.until(failed, 0) for failed in range(1, 8)]
    assert ends == [None, None, 1000, 2000, 4000, 5000, 5000]
    assert lockout.until(10**6, 0) == 5000


@given(now_ms=st.integers(10**12, 2 * 10**12), step=st.integers(-5, 5))
def test_a_code_is_good_for_its_half_minute_and_its_neighbours(now_ms: int, step: int) -> None:
    secret = otp.new_secret()
    code = pyotp.TOTP(secret).at(now_ms // 1000 + 30 * step)
    counter = otp.counter_of(secret, code, now_ms=now_ms, last=None)
    if abs(step) <= 1:
        assert counter is not None
        assert otp.counter_of(secret, f" {code[:3]} {code[3:]}", now_ms=now_ms, last=None)
        assert otp.counter_of(secret, code, now_ms=now_ms, last=counter) is None  # used
    else:
        assert counter is None or code in {
            pyotp.TOTP(secret).at(now_ms // 1000 + 30 * n) for n in (-1, 0, 1)
        }


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "٠١٢٣٤٥"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert otp.counter_of(otp.new_secret(), code, now_ms=10**12, last=None) is None
