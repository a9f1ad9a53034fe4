"""OSS through its official SDK: its errors in our classes; when an object was written, and its tags.

Sources: help.aliyun.com, HeadObject, GetObjectTagging, PutObjectTagging.
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
from imm_label_tags.results.target import ObjectGone, TagsRefused, TargetObject
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.answer_room import NoRoom, TooLarge
from imm_label_tags.services.connections import Answer, Connections, Exchange
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.responses import (
    ErrorResponse,
    Operation,
    UnreadableAnswer,
    malformed_response,
    to_error,
    without_room,
)
from imm_label_tags.services.tag_xml import check_tag_set
from imm_label_tags.tags.plan import TagSet

_REFUSED_TAGS = frozenset({"InvalidTag", "InvalidTaggingKey", "InvalidTaggingValue"})
# 409, in the words of a page of OSS's: the object's tags are being changed at the same time.
_CHANGED_MEANWHILE = "StaleFile"
_NO_ERROR_BODY = "BadErrorResponse"
# Every answer of OSS has it (help.aliyun.com, "Common response headers").
_REQUEST_ID = "x-oss-request-id"

_Answer = TypeVar("_Answer")


class OssCalls:
    """Makes calls about objects of one region, one attempt each."""

    def __init__(
        self,
        region: str,
        account_id: str,
        endpoint: Endpoint | None,
        credentials: RoleCredentials,
        connections: Connections,
    ) -> None:
        self._connections = connections
        self._redact = credentials.redact
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
        self.client = oss.Client(config)

    def operation(self, action: str, permission: str, target: TargetObject) -> Operation:
        """A call about an object, with the permission that it needs."""
        resource = f"acs:oss:*:{self._account_id}:{target.bucket}/{target.key}"
        return Operation("OSS", action, permission, resource)

    def ask(
        self,
        operation: Operation,
        target: TargetObject,
        timeouts: Timeouts,
        call: Callable[..., Any],
        read: Callable[[Any], _Answer],
    ) -> _Answer:
        """Make a call, which takes the options that it is given to the SDK, and read its result.

        Raises ObjectGone, TagsRefused, AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        failure: Exception
        with self._connections.exchange(timeouts) as exchange:
            try:
                # The SDK hands this option on to the transport as it is.
                return read(call(readwrite_timeout=exchange))
            except Exception as error:
                failure = self._translate(error, operation, target, exchange.answer)
        # Not inside the handler above: the SDK's error holds the signed request with its token.
        raise failure

    def head_of(self, target: TargetObject, timeouts: Timeouts, read: Callable[[Any], _Answer]) -> _Answer:
        """What ``read`` makes of an object's head: HeadObject. Raises as ``ask`` does."""
        # Reading an object's head needs the permission to read the object.
        operation = self.operation("HeadObject", "oss:GetObject", target)
        request = oss.HeadObjectRequest(bucket=target.bucket, key=target.key)
        return self.ask(operation, target, timeouts, partial(self.client.head_object, request), read)

    def _translate(
        self, error: Exception, operation: Operation, target: TargetObject, answer: Answer | None
    ) -> Exception:
        inner = error
        while isinstance(inner, (oss.exceptions.OperationError, oss.exceptions.ResponseError)):
            inner = inner.unwrap()
        if isinstance(inner, (TooLarge, NoRoom)):
            return without_room(operation, target.uri, inner)
        if isinstance(inner, UnreadableAnswer):
            return malformed_response(operation, target.uri, str(inner))
        if not isinstance(inner, oss.exceptions.ServiceError):
            said = self._redact(str(inner)).rstrip(".") or type(inner).__name__
            if answer is not None:
                return malformed_response(operation, target.uri, f"a body that cannot be read ({said})")
            self._connections.drop()
            return ServiceUnavailable(
                f"{operation} for {target.uri} got no answer: {said}. A retry may help."
            )
        if _gone(inner, operation):
            return ObjectGone(target.uri)
        if inner.code == _CHANGED_MEANWHILE:
            return ServiceUnavailable(
                f"{operation} for {target.uri} was refused because its tags were being changed by another "
                f"({self._redact(inner.message or inner.code)}). A retry helps."
            )
        if inner.code in _REFUSED_TAGS and operation.action == "PutObjectTagging":
            return TagsRefused(self._redact(inner.message or inner.code))
        return to_error(operation, self._error_response(inner, answer), target.uri)

    def _error_response(self, error: Any, answer: Answer | None) -> ErrorResponse:
        code = "" if error.code == _NO_ERROR_BODY else error.code or ""
        return ErrorResponse(
            status=error.status_code,
            code=code,
            message=self._redact(error.message or ""),
            ec=error.ec or "",
            request_id=error.request_id or "",
            throttled="QpsLimit" in code or code in ("ActiveRequestLimitExceeded", "SlowDown"),
            after_seconds=answer.after_seconds if answer else 0.0,
        )


class OssObjects(OssCalls):
    """Reads and tags objects; each method is one call and one attempt."""

    def last_modified(self, target: TargetObject, timeouts: Timeouts) -> datetime:
        """When the object was written, in UTC and whole seconds: HeadObject.

        Raises ObjectGone, AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        return self.head_of(target, timeouts, _last_modified)

    def tags(self, target: TargetObject, timeouts: Timeouts) -> TagSet:
        """The object's tags in OSS's order: GetObjectTagging. Raises as ``last_modified`` does."""
        request = oss.GetObjectTaggingRequest(bucket=target.bucket, key=target.key)
        return self.ask(
            self.operation("GetObjectTagging", "oss:GetObjectTagging", target),
            target,
            timeouts,
            partial(self.client.get_object_tagging, request),
            _tags,
        )

    def replace_tags(self, target: TargetObject, tags: TagSet, timeouts: Timeouts) -> None:
        """Write the object's whole tag set: PutObjectTagging.

        Raises TagsRefused where OSS does not accept a tag, else as ``last_modified`` does.
        """
        tag_set = oss.TagSet(tags=[oss.Tag(key=key, value=value) for key, value in tags.items()])
        request = oss.PutObjectTaggingRequest(
            bucket=target.bucket, key=target.key, tagging=oss.Tagging(tag_set=tag_set)
        )
        self.ask(
            self.operation("PutObjectTagging", "oss:PutObjectTagging", target),
            target,
            timeouts,
            partial(self.client.put_object_tagging, request),
            lambda result: None,
        )


class _Transport(oss.HttpClient):  # type: ignore[misc]
    """Our connections as the SDK's transport, with tag sets checked."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def open(self) -> None:
        """They are open."""

    def close(self) -> None:
        """Others use them too."""

    def send(self, request: Any, *, readwrite_timeout: Exchange, **_: Any) -> Answer:
        """Send a request; ``readwrite_timeout`` is what ``OssCalls.ask`` gave for it."""
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
    moment = result.last_modified
    if not isinstance(moment, datetime):
        raise UnreadableAnswer("no Last-Modified")
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
