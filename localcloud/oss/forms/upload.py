"""PostObject: an upload by a form, as browsers send it, that its own policy limits.

Sources: help.aliyun.com, PostObject, "POST V4 signature" and the pages of the EC numbers 0002-000007xx.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import Response

from localcloud.accounts import Identity
from localcloud.oss.access import signature_v1
from localcloud.oss.access.signature import (
    LONGEST_URL_LIFETIME,
    MAX_SKEW,
    SCHEME,
    TERMINATOR,
    identified,
    mismatch,
    read_credential,
    read_time,
    sign,
)
from localcloud.oss.forms.policy import PostPolicy, read_post_policy
from localcloud.oss.forms.reader import Form, Take
from localcloud.oss.operations.reading import checksum_headers
from localcloud.oss.operations.table import PUT_OBJECT, refuse_left_out
from localcloud.oss.operations.writing import check_length, read_draft
from localcloud.oss.permissions import Permissions
from localcloud.oss.protocol import errors, responses
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.bodies import IncomingBody
from localcloud.oss.storage.checksums import Checksums, check_content_md5
from localcloud.oss.storage.objects import Draft, ObjectInfo, check_object_name
from localcloud.oss.storage.storage import Storage
from localcloud.oss.storage.tags import HEADER
from localcloud.ram.conditions import Context
from localcloud.signatures_v1 import same
from localcloud.tenant import Tenant

_EC_OF_MISSING = {"policy": "0002-00000702", "signature": "0002-00000703", "x-oss-signature": "0002-00000703"}


@dataclass
class _Upload:
    """What a form has brought so far."""

    fields: Mapping[str, str] = field(default_factory=dict)
    policy: PostPolicy | None = None
    draft: Draft | None = None
    incoming: IncomingBody | None = None


async def post_object(
    storage: Storage, permissions: Permissions, request: OssRequest, context: Context, now: datetime
) -> tuple[Response, ObjectInfo]:
    """PostObject: the answer, and the object that was written; ``now`` is the real time."""
    check_length(request)
    sums, upload = Checksums(), _Upload()
    with ExitStack() as stack:

        def begin(fields: Mapping[str, str], headers: Mapping[str, str]) -> Take:
            upload.fields = dict(fields)
            upload.policy, identity = _signed(storage.tenant, request, fields, now)
            written = _as_put(request, fields, headers)
            check_object_name(written.raw_key)
            refuse_left_out(written, PUT_OBJECT)
            if "callback" in fields:
                raise errors.not_implemented_here("the field callback of PostObject")
            permissions.check(identity, written, PUT_OBJECT, context)
            upload.draft = read_draft(storage, written)
            storage.objects.check(upload.draft)
            upload.incoming = stack.enter_context(storage.objects.receive())
            return upload.incoming.write

        form = Form(request.header("content-type"), begin)

        def take(chunk: bytes) -> None:
            sums.update(chunk)
            form.feed(chunk)

        await request.stream(take)
        form.finish()
        # It is of the form as a whole.
        check_content_md5(request, sums.md5)
        assert upload.incoming is not None and upload.draft is not None, "the form had a file"
        if upload.policy is not None:
            upload.policy.check_size(upload.incoming.checksums.size)
        info = storage.objects.put(upload.draft, upload.incoming.keep())
    return _answer(upload.fields, info, request), info


def _signed(
    tenant: Tenant, request: OssRequest, fields: Mapping[str, str], now: datetime
) -> tuple[PostPolicy | None, Identity | None]:
    """The policy of a form and who signed it; one that nobody signed has neither. Raises OssError."""
    version, old = fields.get("x-oss-signature-version"), "ossaccesskeyid"
    if not (version or any(name in fields for name in (old, "policy", "signature", "x-oss-signature"))):
        return None, None
    signature_field = "x-oss-signature" if version else "signature"
    needed = ("policy", signature_field, *(("x-oss-credential", "x-oss-date") if version else (old,)))
    for name in needed:
        if not fields.get(name):
            message = f"Bucket POST must contain a field named '{name}'."
            raise errors.invalid_argument(name, "", message, _EC_OF_MISSING.get(name, ""))
    encoded, token = fields["policy"], fields.get("x-oss-security-token")
    if version:
        access_key_id, scope = _scope(tenant, request, fields, now)
        identity = identified(access_key_id, token, tenant.accounts)
        expected = sign(identity.access_key_secret, scope, encoded.encode())
    else:
        identity = identified(fields[old], token, tenant.accounts)
        expected = signature_v1.sign(identity.access_key_secret, encoded.encode())
    if not same(expected, fields[signature_field]):
        raise mismatch(identity.access_key_id, fields[signature_field], encoded.encode())
    policy = read_post_policy(encoded)
    policy.check({**fields, "bucket": request.bucket}, now)
    return policy, identity


def _scope(tenant: Tenant, request: OssRequest, fields: Mapping[str, str], now: datetime) -> tuple[str, str]:
    """The access key and the scope of a form that is signed by version 4; raises OssError."""
    version, credential = fields["x-oss-signature-version"], fields["x-oss-credential"]
    if version != SCHEME:
        message = "The x-oss-signature-version must be " + SCHEME
        raise errors.invalid_argument("x-oss-signature-version", version, message)
    access_key_id, *scope = read_credential(credential, request)
    time = read_time(fields["x-oss-date"])
    if scope != [time.strftime("%Y%m%d"), tenant.region, "oss"]:
        message = f"The x-oss-credential must be <id>/<date>/{tenant.region}/oss/{TERMINATOR}."
        raise errors.invalid_argument("x-oss-credential", credential, message)
    if not time - MAX_SKEW <= now <= time + LONGEST_URL_LIFETIME:
        raise errors.OssError(403, "AccessDenied", "Request has expired.", "0002-00000069")
    return access_key_id, "/".join([*scope, TERMINATOR])


def _as_put(request: OssRequest, fields: Mapping[str, str], file: Mapping[str, str]) -> OssRequest:
    """The PutObject that a form stands for: its fields are the headers, which cannot have tags."""
    key = fields.get("key")
    if not key:
        message = (
            "Bucket POST must contain a field named 'key'. "
            "If it is specified, please check the order of the fields."
        )
        raise errors.invalid_argument("key", "", message)
    key = key.replace("${filename}", file["filename"].rpartition("/")[2].rpartition("\\")[2])
    content_type = fields.get("x-oss-content-type") or fields.get("content-type") or file.get("content-type")
    headers = {name: value for name, value in fields.items() if name not in ("key", HEADER, "content-type")}
    if content_type:
        headers["content-type"] = content_type
    encoded = tuple(
        (name, responses.header_value(name, value).encode("latin-1")) for name, value in headers.items()
    )
    return replace(request, raw_key=key.encode(), headers=encoded)


def _answer(fields: Mapping[str, str], info: ObjectInfo, request: OssRequest) -> Response:
    headers = checksum_headers(info)
    redirect = fields.get("success_action_redirect")
    if redirect:
        address = responses.header_value("success_action_redirect", redirect)
        told = urlencode({"bucket": info.bucket, "key": info.key, "etag": f'"{info.etag}"'})
        location = f"{address}{'&' if '?' in address else '?'}{told}"
        return responses.empty(303, {**headers, "location": location})
    status = fields.get("success_action_status")
    if status != "201":
        return responses.empty(200 if status == "200" else 204, headers)
    location = request.url_of(info.key)
    nodes = [
        ("Bucket", info.bucket),
        ("Location", location),
        ("Key", info.key),
        ("ETag", f'"{info.etag}"'),
    ]
    answer = responses.document("PostResponse", nodes, {**headers, "location": location})
    answer.status_code = 201
    return answer
