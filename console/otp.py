"""One-time codes of an authenticator (TOTP, RFC 6238): made, checked, good once.

Guarantee: a code is good for its half minute and its two neighbours', and once: whoever checks
keeps the counter that `counter_of` returns and hands it in the next time.
Not covered: keeping the secret (`console.people`), and how often one may guess (`console.signin`).
"""

import hmac

import pyotp

STEP_S = 30
NEIGHBOURS = 1
ISSUER = "Liuhen"


def new_secret() -> str:
    """A fresh secret: 160 bits in base32."""
    return pyotp.random_base32(32)


def uri(secret: str, account: str, issuer: str = ISSUER) -> str:
    """What an authenticator reads, typed or as a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def counter_of(secret: str, code: str, *, now_ms: int, last: int | None) -> int | None:
    """The counter that the code belongs to, if it is good now and was not used; else None."""
    digits = "".join(code.split())
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    totp, now = pyotp.TOTP(secret), now_ms // 1000 // STEP_S
    found = None
    for counter in range(now - NEIGHBOURS, now + NEIGHBOURS + 1):
        if hmac.compare_digest(totp.generate_otp(counter), digits) and (
            last is None or counter > last
        ):
            found = counter
    return found
