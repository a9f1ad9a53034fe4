"""OSS through its official SDK: when an object was written, and its tags.

Sources: help.aliyun.com, HeadObject, GetObjectTagging, PutObjectTagging.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import alibabacloud_oss_v2 as oss
import requests
from alibabacloud_oss_v2.transport import RequestsHttpClient
from requests.adapters import HTTPAdapter

from imm_label_tags.credentials import Keys, RoleCredentials
from imm_label_tags.errors import ServiceUnavailable
from imm_label_tags.objects import ObjectGone, TagsRefused, TargetObject
from imm_label_tags.remote import (
    ATTEMPTS,
    CONNECT_SECONDS,
    MAX_PAUSE_SECONDS,
    READ_SECONDS,
    Operation,
    Refusal,
    error_of,
    unreadable,
)
from imm_label_tags.settings import Endpoint
from imm_label_tags.tag_plan import TagSet
from imm_label_tags.tagging_xml import UnreadableTagSet, check_tag_set

KEPT_CONNECTIONS = 64

_REFUSED_TAGS = frozenset({"InvalidTag", "InvalidTaggingKey", "InvalidTaggingValue"})
_NO_ERROR_BODY = "BadErrorResponse"

_Answer = TypeVar("_Answer")


class OssObjects:
    """Reads and tags objects of one region."""

    def __init__(
        self, region: str, account_id: str, endpoint: Endpoint | None, credentials: RoleCredentials
    ) -> None:
        credentials.as_oss = _oss_credentials
        self._redact = credentials.redact
        self._account_id = account_id or "*"
        config = oss.config.load_default()
        config.region = region
        config.credentials_provider = credentials
        config.retryer = oss.retry.StandardRetryer(max_attempts=ATTEMPTS, max_backoff=MAX_PAUSE_SECONDS)
        config.http_client = _CheckedHttpClient()
        if endpoint is None:
            config.use_internal_endpoint = True
        else:
            config.endpoint = endpoint.url
            config.use_path_style = _is_local(endpoint)
        self._client = oss.Client(config)

    def last_modified(self, target: TargetObject) -> datetime:
        """When the object was written, in UTC and whole seconds: HeadObject.

        Raises ObjectGone, AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        return self._ask(
            # Reading an object's head needs the permission to read the object.
            self._operation("HeadObject", "oss:GetObject", target),
            target,
            lambda: self._client.head_object(oss.HeadObjectRequest(bucket=target.bucket, key=target.key)),
            _last_modified,
        )

    def tags(self, target: TargetObject) -> TagSet:
        """The object's tags in OSS's order: GetObjectTagging. Raises as ``last_modified`` does."""
        request = oss.GetObjectTaggingRequest(bucket=target.bucket, key=target.key)
        return self._ask(
            self._operation("GetObjectTagging", "oss:GetObjectTagging", target),
            target,
            lambda: self._client.get_object_tagging(request),
            _tags,
        )

    def replace_tags(self, target: TargetObject, tags: TagSet) -> None:
        """Write the object's whole tag set: PutObjectTagging.

        Raises TagsRefused where OSS does not accept a tag, else as ``last_modified`` does.
        """
        tag_set = oss.TagSet(tags=[oss.Tag(key=key, value=value) for key, value in tags.items()])
        request = oss.PutObjectTaggingRequest(
            bucket=target.bucket, key=target.key, tagging=oss.Tagging(tag_set=tag_set)
        )
        self._ask(
            self._operation("PutObjectTagging", "oss:PutObjectTagging", target),
            target,
            lambda: self._client.put_object_tagging(request),
            lambda result: None,
        )

    def _operation(self, action: str, permission: str, target: TargetObject) -> Operation:
        resource = f"acs:oss:*:{self._account_id}:{target.bucket}/{target.key}"
        return Operation("OSS", action, permission, resource)

    def _ask(
        self,
        operation: Operation,
        target: TargetObject,
        call: Callable[[], Any],
        read: Callable[[Any], _Answer],
    ) -> _Answer:
        failure: Exception
        try:
            return read(call())
        except Exception as error:
            failure = self._translate(error, operation, target)
        # Not inside the handler above: the SDK's error holds the signed request with its token.
        raise failure

    def _translate(self, error: Exception, operation: Operation, target: TargetObject) -> Exception:
        inner = error
        while isinstance(inner, (oss.exceptions.OperationError, oss.exceptions.ResponseError)):
            inner = inner.unwrap()
        if isinstance(inner, UnreadableTagSet):
            return unreadable(operation, target.uri, str(inner))
        if not isinstance(inner, oss.exceptions.ServiceError):
            said = self._redact(str(inner)) or type(inner).__name__
            return ServiceUnavailable(
                f"{operation} for {target.uri} got no usable answer: {said}. A retry may help."
            )
        if _gone(inner, operation):
            return ObjectGone(target.uri)
        if inner.code in _REFUSED_TAGS:
            return TagsRefused(self._redact(inner.message or inner.code))
        return error_of(operation, self._refusal(inner), target.uri)

    def _refusal(self, error: Any) -> Refusal:
        code = "" if error.code == _NO_ERROR_BODY else error.code or ""
        return Refusal(
            status=error.status_code,
            code=code,
            message=self._redact(error.message or ""),
            ec=error.ec or "",
            request_id=error.request_id or "",
            throttled="QpsLimit" in code or code in ("ActiveRequestLimitExceeded", "SlowDown"),
        )


class _CheckedHttpClient(RequestsHttpClient):  # type: ignore[misc]
    """The SDK's transport without the environment's proxies and .netrc, and with tag sets checked."""

    def __init__(self) -> None:
        session = requests.Session()
        session.trust_env = False
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=KEPT_CONNECTIONS)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        super().__init__(session=session, connect_timeout=CONNECT_SECONDS, readwrite_timeout=READ_SECONDS)

    def send(self, request: Any, **options: Any) -> Any:
        response = super().send(request, **options)
        query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
        if request.method == "GET" and response.status_code == 200 and "tagging" in query:
            try:
                check_tag_set(response.content)
            except UnreadableTagSet as error:
                # In the SDK's words, so that it tries again.
                raise oss.exceptions.ResponseError(error=error) from None
        return response


def _tags(result: Any) -> TagSet:
    # The SDK has None for a set without tags, and None for a value that is empty.
    tags = (result.tag_set.tags if result.tag_set else None) or []
    return {tag.key: tag.value or "" for tag in tags}


def _last_modified(result: Any) -> datetime:
    moment = result.last_modified
    if not isinstance(moment, datetime):
        raise UnreadableTagSet("no Last-Modified")
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)


def _gone(error: Any, operation: Operation) -> bool:
    if error.status_code != 404:
        return False
    if error.code == "NoSuchKey" or (error.headers or {}).get("x-oss-delete-marker") == "true":
        return True
    # A HEAD has no body; where OSS does not send x-oss-err either, the status is all there is.
    return bool(operation.action == "HeadObject" and error.code == _NO_ERROR_BODY and not error.snapshot)


def _is_local(endpoint: Endpoint) -> bool:
    host = endpoint.host.partition(":")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _oss_credentials(keys: Keys) -> Any:
    return oss.credentials.Credentials(
        keys.access_key_id, keys.access_key_secret, keys.security_token or None
    )
