"""The S3 control plane through the `minio` package: buckets, versions, retention, legal holds.

Guarantee: plain S3 calls that every server with Object Lock knows, each with time-outs; the
package's errors become the ones of the port.  All functions block: run them in a thread.
Not covered: bytes of objects (`storage.objects.s3_wire`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.retention import Retention
from minio.versioningconfig import VersioningConfig
from urllib3.exceptions import HTTPError

from storage.objects.port import Stored
from storage.objects.s3_wire import error_of
from storage.objects.sigv4 import Credentials
from verify.errors import NotFoundError, UnavailableError, VerificationError

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing."""

    key: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Locked:
    """One version as the server reports it, its kind of retention included."""

    stored: Stored
    mode: str | None


class Control:
    """Blocking calls to one endpoint."""

    def __init__(
        self, endpoint: str, credentials: Credentials, *, secure: bool, name: str, patience: float
    ) -> None:
        self._name = name
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=min(5.0, patience), read=patience),
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[502, 503, 504]),
            maxsize=16,
        )
        self._client = Minio(
            endpoint=endpoint,
            access_key=credentials.access_key,
            secret_key=credentials.secret_key,
            region=credentials.region,
            secure=secure,
            http_client=self._pool,
        )

    def make_bucket(self, bucket: str, *, lock: bool) -> None:
        """Create it unless it is there; with Object Lock and versions if `lock`."""
        with self._answers(bucket):
            if self._client.bucket_exists(bucket_name=bucket):
                return
            self._client.make_bucket(bucket_name=bucket, object_lock=lock)
            if lock:
                # Object Lock implies versions on most servers; saying it costs nothing.
                self._client.set_bucket_versioning(
                    bucket_name=bucket, config=VersioningConfig(ENABLED)
                )

    def check_versions(self, bucket: str, *, wanted: bool) -> None:
        """VerificationError unless the bucket is there and keeps versions, or keeps none."""
        with self._answers(bucket):
            if not self._client.bucket_exists(bucket_name=bucket):
                raise VerificationError(f"{self._name} {bucket}: expected a bucket, got none")
            status = self._client.get_bucket_versioning(bucket_name=bucket).status
            if (status == ENABLED) != wanted:
                expected = "versions" if wanted else "no versions"
                raise VerificationError(f"{self._name} {bucket}: expected {expected}, got {status}")

    def stat(self, bucket: str, key: str, version: str | None) -> Locked:
        """What HEAD says of one version; the retention in the answer's headers."""
        with self._answers(f"{bucket}/{key}", version=version):
            found = self._client.stat_object(
                bucket_name=bucket, object_name=key, version_id=version
            )
        headers = found.metadata or {}
        until = headers.get("x-amz-object-lock-retain-until-date")
        return Locked(
            Stored(
                key=key,
                size=found.size or 0,
                version=version,
                retain_until=None if until is None else datetime.fromisoformat(until),
                hold=headers.get("x-amz-object-lock-legal-hold", "").upper() == "ON",
            ),
            mode=headers.get("x-amz-object-lock-mode"),
        )

    def versions(self, bucket: str, key: str) -> list[str]:
        """The version ids under exactly this key, oldest first; delete markers left out."""
        found = []
        with self._answers(f"{bucket}/{key}"):
            for entry in self._client.list_objects(
                bucket_name=bucket, prefix=key, recursive=True, include_version=True
            ):
                if entry.object_name != key:
                    if (entry.object_name or "") > key:
                        break  # sorted by key: the next ones only begin alike
                    continue
                if not entry.is_delete_marker and entry.version_id:
                    found.append(entry.version_id)
        return found[::-1]

    def pages(self, bucket: str, prefix: str, *, versions: bool) -> Callable[[], list[Listed]]:
        """A function that gives the next page of keys, and an empty one at the end."""
        entries = self._client.list_objects(
            bucket_name=bucket, prefix=prefix, recursive=True, include_version=versions
        )

        def page() -> list[Listed]:
            with self._answers(f"{bucket}/{prefix}"):
                return [
                    Listed(entry.object_name or "", entry.version_id)
                    for entry in islice(entries, _PAGE)
                    if not entry.is_dir
                ]

        return page

    def retain(self, bucket: str, key: str, version: str, mode: str, until: datetime) -> None:
        with self._answers(f"{bucket}/{key}"):
            self._client.set_object_retention(
                bucket_name=bucket,
                object_name=key,
                config=Retention(mode, until.astimezone(UTC)),
                version_id=version,
            )

    def hold(self, bucket: str, key: str, version: str, *, on: bool) -> None:
        client = self._client
        change = client.enable_object_legal_hold if on else client.disable_object_legal_hold
        with self._answers(f"{bucket}/{key}"):
            change(bucket_name=bucket, object_name=key, version_id=version)

    def close(self) -> None:
        self._pool.clear()

    @contextmanager
    def _answers(self, what: str, *, version: str | None = None) -> Iterator[None]:
        what = f"{self._name} {what}"
        try:
            yield
        except S3Error as error:
            if version is not None and error.response.status == 400:
                # Not even the form of a version id of this server; HEAD has no room to say so.
                raise NotFoundError(f"{what}: expected version {version}, got none") from error
            raise error_of(what, error.response.status, error.code or "") from error
        except (ServerError, InvalidResponseError, HTTPError, OSError) as error:
            raise UnavailableError(f"{what}: expected an answer, got {error}") from error
        except (MinioException, ValueError, ParseError) as error:
            raise UnavailableError(f"{what}: expected an S3 answer, got {error}") from error
