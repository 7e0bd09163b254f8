"""AWS Signature Version 4 for one request, as a pure function.

Guarantee: every header handed in is signed, so that none (a retention least of all) can be
changed or dropped on the way without the server refusing the request.
Not covered: the body, which is sent as UNSIGNED-PAYLOAD: it would have to be hashed before it is
sent.  Small bodies carry Content-MD5, and every recording is read back and compared anyway.

Reference: AWS, "Create a signed AWS API request"; vectors in tests/storage/s3/test_sigv4.py.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


def sign(
    credentials: Credentials,
    method: str,
    path: str,
    *,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    now: datetime,
    payload: str = UNSIGNED,
    service: str = "s3",
) -> dict[str, str]:
    """The headers (with `Host` among them) and what has to be added so that the server accepts."""
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    all_headers = {**headers, "x-amz-date": moment}
    if service == "s3":
        all_headers["x-amz-content-sha256"] = payload
    lower = {name.lower(): " ".join(value.split()) for name, value in all_headers.items()}
    names = ";".join(sorted(lower))
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            encode_query(query),
            *(f"{name}:{lower[name]}" for name in sorted(lower)),
            "",
            names,
            payload,
        ]
    )
    scope = f"{moment[:8]}/{credentials.region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    all_headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return all_headers


def encode_query(query: Sequence[tuple[str, str]]) -> str:
    """The query as it is signed and must be sent: sorted, percent-encoded."""
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in encoded)
