"""Signature Version 4 against the worked examples of its specification."""

import hashlib
from datetime import UTC, datetime

from storage.objects.sigv4 import Credentials, encode_query, sign

# "Examples: Signature Calculations" of the Amazon S3 API reference.
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = hashlib.sha256(b"").hexdigest()


def test_get_of_a_range() -> None:
    headers = sign(
        KEYS,
        "GET",
        "/test.txt",
        query=[],
        headers={"Host": HOST, "Range": "bytes=0-9"},
        now=NOW,
        payload=EMPTY,
    )
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        " SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        " Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    assert headers["Range"] == "bytes=0-9"


def test_put_with_a_name_that_must_be_encoded() -> None:
    headers = sign(
        KEYS,
        "PUT",
        "/test$file.text",
        query=[],
        headers={
            "Host": HOST,
            "Date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        now=NOW,
        payload=hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
    )
    assert headers["Authorization"].endswith(
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
        " Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


def test_query_without_a_value() -> None:
    headers = sign(
        KEYS, "GET", "/", query=[("lifecycle", "")], headers={"Host": HOST}, now=NOW, payload=EMPTY
    )
    assert headers["Authorization"].endswith(
        "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )


def test_query_in_any_order() -> None:
    query = [("prefix", "J"), ("max-keys", "2")]
    headers = sign(KEYS, "GET", "/", query=query, headers={"Host": HOST}, now=NOW, payload=EMPTY)
    assert headers["Authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )
    assert encode_query([("b", "/ +ä"), ("a", "")]) == "a=&b=%2F%20%2B%C3%A4"


def test_the_secret_is_not_shown() -> None:
    assert KEYS.secret_key not in repr(KEYS)
