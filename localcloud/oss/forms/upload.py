"""PostObject: an upload by a form, as browsers send it, that its own policy limits.

Sources: help.aliyun.com, PostObject, "POST V4 signature" and the pages of the EC numbers 0002-000007xx.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote, urlencode

from starlette.responses import Response
from starlette.types import Receive

from localcloud.accounts import Accounts, Identity
from localcloud.oss.access.claims import LONGEST_URL_LIFETIME, SCHEME, TERMINATOR, read_credential, read_time
from localcloud.oss.access.signature import MAX_SKEW, identified, mismatch, sign
from localcloud.oss.forms.policy import PostPolicy, read_post_policy
from localcloud.oss.forms.reader import Form, Take
from localcloud.oss.operations.drafts import Drafts, check_length
from localcloud.oss.operations.objects import checksum_headers
from localcloud.oss.operations.table import refuse_left_out
from localcloud.oss.permissions import Permissions
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.bodies import receive_body
from localcloud.oss.protocol.errors import OssError, invalid_argument, not_implemented_here
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.body_files import IncomingBody
from localcloud.oss.storage.checksums import Checksums, check_content_md5
from localcloud.oss.storage.object_names import check_object_name
from localcloud.oss.storage.objects import Draft, ObjectInfo, ObjectStore
from localcloud.oss.storage.tags import HEADER
from localcloud.ram.conditions import Context

_OPERATION = "PutObject"


@dataclass
class _Upload:
    """What a form has brought so far."""

    fields: Mapping[str, str] = field(default_factory=dict)
    policy: PostPolicy | None = None
    draft: Draft | None = None
    incoming: IncomingBody | None = None


class PostOperations:
    """Answers PostObject."""

    def __init__(
        self, store: ObjectStore, drafts: Drafts, permissions: Permissions, accounts: Accounts, region: str
    ) -> None:
        self._store = store
        self._drafts = drafts
        self._permissions = permissions
        self._accounts = accounts
        self._region = region

    async def post(
        self, request: OssRequest, receive: Receive, context: Context, now: datetime
    ) -> tuple[Response, ObjectInfo]:
        """The answer, and the object that was written; ``now`` is the real time."""
        check_length(request)
        sums, upload = Checksums(), _Upload()
        with ExitStack() as stack:

            def begin(fields: Mapping[str, str], headers: Mapping[str, str]) -> Take:
                upload.fields = dict(fields)
                upload.policy, identity = self._signed(request, fields, now)
                written = _as_put(request, fields, headers)
                check_object_name(written.raw_key, written.key)
                refuse_left_out(written, _OPERATION, {_OPERATION})
                if "callback" in fields:
                    raise not_implemented_here("the field callback of PostObject")
                self._permissions.check(identity, written, _OPERATION, context)
                upload.draft = self._drafts.read(written)
                self._store.check(upload.draft)
                upload.incoming = stack.enter_context(self._store.receive())
                return upload.incoming.write

            form = Form(request.header("content-type") or "", begin)

            def take(chunk: bytes) -> None:
                sums.update(chunk)
                form.feed(chunk)

            await receive_body(receive, take)
            form.finish()
            # It is of the form as a whole.
            check_content_md5(request.header("content-md5"), sums.md5)
            assert upload.incoming is not None and upload.draft is not None, "the form had a file"
            if upload.policy is not None:
                upload.policy.check_size(upload.incoming.checksums.size)
            info = self._store.put(upload.draft, upload.incoming)
        return _answer(upload.fields, info, request), info

    def _signed(
        self, request: OssRequest, fields: Mapping[str, str], now: datetime
    ) -> tuple[PostPolicy | None, Identity | None]:
        """Who signed a form, and its policy; a form that nobody signed has neither."""
        version, old = fields.get("x-oss-signature-version"), "ossaccesskeyid"
        if not (version or any(name in fields for name in (old, "policy", "signature", "x-oss-signature"))):
            return None, None
        signature_field = "x-oss-signature" if version else "signature"
        needed = ("policy", signature_field, *(("x-oss-credential", "x-oss-date") if version else (old,)))
        for name in needed:
            if not fields.get(name):
                message = f"Bucket POST must contain a field named '{name}'."
                raise invalid_argument(name, "", message, _EC_OF_MISSING.get(name, ""))
        encoded, token = fields["policy"], fields.get("x-oss-security-token")
        if version:
            identity, expected = self._version_4(request, fields, encoded, token, now)
        else:
            identity = identified(fields[old], token, self._accounts)
            digest = hmac.new(identity.access_key_secret.encode(), encoded.encode(), hashlib.sha1).digest()
            expected = base64.b64encode(digest).decode()
        if not hmac.compare_digest(expected.encode(), fields[signature_field].encode()):
            raise mismatch(identity.access_key_id, fields[signature_field], encoded.encode())
        policy = read_post_policy(encoded)
        policy.check({**fields, "bucket": request.bucket}, now)
        return policy, identity

    def _version_4(
        self, request: OssRequest, fields: Mapping[str, str], encoded: str, token: str | None, now: datetime
    ) -> tuple[Identity, str]:
        if fields["x-oss-signature-version"] != SCHEME:
            message = "The x-oss-signature-version must be " + SCHEME
            raise invalid_argument("x-oss-signature-version", fields["x-oss-signature-version"], message)
        access_key_id, date, region, product = read_credential(fields["x-oss-credential"], request)
        time = read_time(fields["x-oss-date"])
        if (date, region, product) != (time.strftime("%Y%m%d"), self._region, "oss"):
            message = f"The x-oss-credential must be <id>/<date>/{self._region}/oss/{TERMINATOR}."
            raise invalid_argument("x-oss-credential", fields["x-oss-credential"], message)
        if not time - MAX_SKEW <= now <= time + LONGEST_URL_LIFETIME:
            raise OssError(403, "AccessDenied", "Request has expired.", "0002-00000069")
        identity = identified(access_key_id, token, self._accounts)
        return identity, sign(identity.access_key_secret, date, region, product, encoded.encode())


_EC_OF_MISSING = {"policy": "0002-00000702", "signature": "0002-00000703", "x-oss-signature": "0002-00000703"}


def _as_put(request: OssRequest, fields: Mapping[str, str], file: Mapping[str, str]) -> OssRequest:
    """The PutObject that a form stands for: its fields are the headers, which cannot have tags."""
    key = fields.get("key")
    if not key:
        message = (
            "Bucket POST must contain a field named 'key'. "
            "If it is specified, please check the order of the fields."
        )
        raise invalid_argument("key", "", message)
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
        return responses.empty(
            303, {**headers, "location": f"{address}{'&' if '?' in address else '?'}{told}"}
        )
    status = fields.get("success_action_status")
    if status != "201":
        return responses.empty(200 if status == "200" else 204, headers)
    host = (request.header("host") or "").removeprefix(f"{info.bucket}.")
    location = f"http://{info.bucket}.{host}/{quote(info.key)}"
    nodes: list[documents.Node] = [
        ("Bucket", info.bucket),
        ("Location", location),
        ("Key", info.key),
        ("ETag", f'"{info.etag}"'),
    ]
    answer = responses.document(documents.write("PostResponse", nodes), {**headers, "location": location})
    answer.status_code = 201
    return answer
