"""OSS through its official SDK: what an object is, its tags, and documents that are kept.

Sources: help.aliyun.com, HeadObject, GetObjectTagging, PutObjectTagging, PutObject.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import alibabacloud_oss_v2 as oss

from imm_label_tags.environment import Endpoint
from imm_label_tags.errors import ServiceUnavailable
from imm_label_tags.results.target import ObjectGone, ObjectHead, TagsRefused, TargetObject
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.connections import Answer, Connections, Exchange
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.responses import (
    ErrorResponse,
    Operation,
    ServiceCalls,
    UnreadableAnswer,
    to_error,
)
from imm_label_tags.services.tag_xml import check_tag_set
from imm_label_tags.tags.plan import TagSet

_REFUSED_TAGS = frozenset({"InvalidTag", "InvalidTaggingKey", "InvalidTaggingValue"})
# 409, in the words of a page of OSS's: the object's tags are being changed at the same time.
_CHANGED_MEANWHILE = "StaleFile"
_NO_ERROR_BODY = "BadErrorResponse"
# Every answer of OSS has it (help.aliyun.com, "Common response headers").
_REQUEST_ID = "x-oss-request-id"

_Read = TypeVar("_Read")


class OssObjects(ServiceCalls):
    """Reads, tags and writes objects; each method is one call and one attempt.

    Every method raises AccessDenied, ServiceRejected, Throttled, ServiceUnavailable or AnswerTooLarge, and
    all but ``put`` ObjectGone.
    """

    def __init__(
        self,
        region: str,
        account_id: str,
        endpoint: Endpoint | None,
        credentials: RoleCredentials,
        connections: Connections,
    ) -> None:
        super().__init__(credentials, connections)
        self._account_id = account_id or "*"
        config = oss.config.load_default()
        config.region = region
        config.credentials_provider = _Credentials(credentials)
        config.retryer = oss.retry.NopRetryer()
        config.http_client = _Transport(connections)
        if endpoint is None:
            config.use_internal_endpoint = True
        else:
            config.endpoint = endpoint.url
            config.use_path_style = _is_local(endpoint)
        self._client = oss.Client(config)

    def last_modified(self, target: TargetObject, timeouts: Timeouts) -> datetime:
        """When the object was written, in UTC and whole seconds: HeadObject."""
        return self._head_of(target, timeouts, _last_modified)

    def head(self, target: TargetObject, timeouts: Timeouts) -> ObjectHead:
        """What an object is: HeadObject."""
        return self._head_of(target, timeouts, _head)

    def tags(self, target: TargetObject, timeouts: Timeouts) -> TagSet:
        """The object's tags in OSS's order: GetObjectTagging."""
        request = oss.GetObjectTaggingRequest(bucket=target.bucket, key=target.key)
        call = partial(self._client.get_object_tagging, request)
        return self._ask("GetObjectTagging", target, timeouts, call, _tags)

    def replace_tags(self, target: TargetObject, tags: TagSet, timeouts: Timeouts) -> None:
        """Write the object's whole tag set: PutObjectTagging.

        Raises TagsRefused where OSS does not accept a tag.
        """
        tag_set = oss.TagSet(tags=[oss.Tag(key=key, value=value) for key, value in tags.items()])
        request = oss.PutObjectTaggingRequest(
            bucket=target.bucket, key=target.key, tagging=oss.Tagging(tag_set=tag_set)
        )
        call = partial(self._client.put_object_tagging, request)
        self._ask("PutObjectTagging", target, timeouts, call, lambda result: None)

    def put(self, target: TargetObject, document: bytes, timeouts: Timeouts) -> None:
        """Write a JSON document; an object that is there is replaced: PutObject."""
        request = oss.PutObjectRequest(
            bucket=target.bucket, key=target.key, body=document, content_type="application/json"
        )
        call = partial(self._client.put_object, request)
        self._ask("PutObject", target, timeouts, call, lambda result: None)

    def _head_of(self, target: TargetObject, timeouts: Timeouts, read: Callable[[Any], _Read]) -> _Read:
        request = oss.HeadObjectRequest(bucket=target.bucket, key=target.key)
        return self._ask("HeadObject", target, timeouts, partial(self._client.head_object, request), read)

    def _ask(
        self,
        action: str,
        target: TargetObject,
        timeouts: Timeouts,
        call: Callable[..., Any],
        read: Callable[[Any], _Read],
    ) -> _Read:
        # Reading an object's head needs the permission to read the object.
        permission = "GetObject" if action == "HeadObject" else action
        resource = f"acs:oss:*:{self._account_id}:{target.bucket}/{target.key}"
        operation = Operation("OSS", action, f"oss:{permission}", resource)
        # The SDK hands this option on to the transport as it is.
        return self.attempt(
            operation, target.uri, timeouts, lambda exchange: read(call(readwrite_timeout=exchange))
        )

    def _translate(
        self, error: Exception, answer: Answer, operation: Operation, subject: str
    ) -> Exception | None:
        if not isinstance(error, oss.exceptions.ServiceError):
            return None
        said = self._redact(error.message or "")
        code = "" if error.code == _NO_ERROR_BODY else error.code or ""
        if _gone(error, operation):
            return ObjectGone(subject)
        if code == _CHANGED_MEANWHILE:
            return ServiceUnavailable(
                f"{operation} for {subject} was refused because its tags were being changed by another "
                f"({said or code}). A retry helps."
            )
        if code in _REFUSED_TAGS and operation.action == "PutObjectTagging":
            return TagsRefused(said or code)
        response = ErrorResponse(
            status=error.status_code,
            code=code,
            message=said,
            ec=error.ec or "",
            request_id=error.request_id or "",
            throttled="QpsLimit" in code or code in ("ActiveRequestLimitExceeded", "SlowDown"),
            after_seconds=answer.after_seconds,
        )
        return to_error(operation, response, subject)


class _Transport(oss.HttpClient):  # type: ignore[misc]
    """Our connections as the SDK's transport, with tag sets checked."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def open(self) -> None:
        """They are open."""

    def close(self) -> None:
        """Others use them too."""

    def send(self, request: Any, *, readwrite_timeout: Exchange, **_: Any) -> Answer:
        """Send a request; ``readwrite_timeout`` is what ``OssObjects`` gave for it."""
        # What counts a document's bytes on the way is an iterator.
        body = request.body if isinstance(request.body, bytes) else b"".join(request.body)
        answer = self._connections.send(readwrite_timeout, request, body)
        # To the SDK each of these is a success.
        if 200 <= answer.status_code < 300:
            _check_success(request, answer)
        return answer


def _check_success(request: Any, answer: Answer) -> None:
    if answer.status_code != 200:
        raise UnreadableAnswer(f"HTTP {answer.status_code}, which is no answer of OSS's to this call")
    if request.method == "PUT" and not answer.headers.get(_REQUEST_ID):
        # A write has no other answer than its status, and any server between here and OSS can send that.
        raise UnreadableAnswer("HTTP 200 by something that is not OSS: it has no request id")
    if request.method == "GET" and "tagging" in parse_qs(urlsplit(request.url).query, keep_blank_values=True):
        check_tag_set(answer.content)


def _tags(result: Any) -> TagSet:
    # The SDK has None for a set without tags, and None for a value that is empty.
    tags = (result.tag_set.tags if result.tag_set else None) or []
    return {tag.key: tag.value or "" for tag in tags}


def _last_modified(result: Any) -> datetime:
    if not isinstance(result.last_modified, datetime):
        raise UnreadableAnswer("no Last-Modified")
    return _utc(result.last_modified)


def _head(result: Any) -> ObjectHead:
    written, size = result.last_modified, result.content_length
    if not isinstance(written, datetime) or not result.etag or not isinstance(size, int):
        raise UnreadableAnswer("no Last-Modified, ETag or Content-Length")
    return ObjectHead(
        etag=result.etag,
        size=size,
        written=_utc(written),
        storage_class=result.storage_class or "Standard",
        restore=result.restore or "",
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)


def _gone(error: Any, operation: Operation) -> bool:
    # An object that is being written need not be there, whoever says that it is not.
    if error.status_code != 404 or operation.action == "PutObject":
        return False
    if error.code == "NoSuchKey" or (error.headers or {}).get("x-oss-delete-marker") == "true":
        return True
    # A HEAD has no body; where OSS does not send x-oss-err either, the status is all there is. Any other
    # server would say the same, but without a request id.
    return bool(
        operation.action == "HeadObject"
        and error.code == _NO_ERROR_BODY
        and not error.snapshot
        and (error.headers or {}).get(_REQUEST_ID)
    )


def _is_local(endpoint: Endpoint) -> bool:
    host = endpoint.host.partition(":")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


class _Credentials:
    """The keys as the OSS SDK asks for them."""

    def __init__(self, credentials: RoleCredentials) -> None:
        self._credentials = credentials

    def get_credentials(self) -> Any:
        keys = self._credentials.keys()
        return oss.credentials.Credentials(
            keys.access_key_id, keys.access_key_secret, keys.security_token or None
        )
