"""What an S3-compatible store answers: its lists, and a code for every refusal. Names: Amazon S3 API Reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from xml.etree import ElementTree as ET

import requests
import urllib3

from connectors.plan import SyncError

_LONGEST_ANSWER = 16 * 1024 * 1024
_CODES = {
    "InvalidAccessKeyId": "invalid_credentials",
    "SignatureDoesNotMatch": "invalid_credentials",
    "AccessDenied": "insufficient_permissions",
    "AccountProblem": "account_locked",
    "ExpiredToken": "token_expired",
    "NoSuchBucket": "misconfigured",
    "InvalidBucketName": "misconfigured",
    "PermanentRedirect": "misconfigured",
    "AuthorizationHeaderMalformed": "misconfigured",
    "RequestTimeTooSkewed": "misconfigured",
    "NoSuchKey": "source_object_missing",
    "PreconditionFailed": "file_changed",
    "SlowDown": "provider_unavailable",
    "ServiceUnavailable": "provider_unavailable",
    "QuotaExceeded": "destination_full",
}
_STATUSES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "invalid_credentials",
    HTTPStatus.FORBIDDEN: "insufficient_permissions",
    HTTPStatus.NOT_FOUND: "source_object_missing",
    HTTPStatus.PRECONDITION_FAILED: "file_changed",
    HTTPStatus.TOO_MANY_REQUESTS: "provider_unavailable",
    HTTPStatus.BAD_GATEWAY: "provider_unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE: "provider_unavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "provider_unavailable",
    HTTPStatus.INSUFFICIENT_STORAGE: "destination_full",
}


@contextmanager
def whole(key: str) -> Iterator[None]:
    """Turn an answer that breaks off into a `SyncError`."""
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        is_late = isinstance(error, urllib3.exceptions.TimeoutError)
        raise SyncError("connection_timeout" if is_late else "provider_error", f"{key} broke off.") from None


def body_of(answer: requests.Response) -> bytes:
    """Read an answer that is no object. Raises `SyncError` for one without end."""
    try:
        read: bytes = answer.raw.read(_LONGEST_ANSWER + 1, decode_content=True)
    except urllib3.exceptions.HTTPError as error:
        raise SyncError("provider_error", f"The answer broke off: {type(error).__name__}.") from None
    if len(read) > _LONGEST_ANSWER:
        raise SyncError("bad_record", "The store's answer is too long.")
    return read


def tree_of(body: bytes) -> ET.Element:
    """Return the answer's XML without namespaces. Raises `SyncError("bad_record")`."""
    # No store declares entities, which is how a short text becomes an endless one.
    if b"<!" in body:
        raise SyncError("bad_record", "The answer is no list of objects.")
    try:
        tree = ET.fromstring(body)  # noqa: S314 - without entities, see above
    except ET.ParseError:
        raise SyncError("bad_record", "The answer is no list of objects.") from None
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    return tree


def refusal_of(answer: requests.Response, bucket: str) -> SyncError:
    """Return what an answer means that is not the one asked for."""
    status = answer.status_code
    try:
        told = tree_of(body_of(answer))
        said, words = told.findtext("Code", ""), " ".join(told.findtext("Message", "").split())[:300]
    except SyncError:
        said, words = "", str(answer.reason or "")
    if said == "NoSuchBucket":
        words = f"There is no bucket “{bucket}”."
    elif HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        said, words = "PermanentRedirect", "The bucket is in another region, or at another address."
    return SyncError(_CODES.get(said) or _STATUSES.get(status, "provider_error"), f"{status} {said}: {words}")
