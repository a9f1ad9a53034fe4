"""Requests to OSS that no SDK would send, signed by the official signer and sent byte for byte."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import quote
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
from alibabacloud_oss_v2.signer import SignerV4
from alibabacloud_oss_v2.types import HttpRequest, SigningContext

from localcloud.accounts import Identity

REGION = "cn-hangzhou"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def error(self) -> dict[str, str]:
        """The elements of an error's XML."""
        root = ElementTree.fromstring(self.body)
        assert root.tag == "Error"
        return {child.tag: child.text or "" for child in root}


@dataclass(frozen=True)
class Signed:
    """A request that is ready to be sent; a test may change it after it was signed."""

    method: str
    path: str
    headers: dict[str, str]


def sign(
    identity: Identity,
    method: str,
    bucket: str | None = None,
    key: str | None = None,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    path: str | None = None,
    region: str = REGION,
    product: str = "oss",
    at: datetime | None = None,
    additional_headers: Iterable[str] = (),
    in_query: bool = False,
    expires_at: datetime | None = None,
) -> Signed:
    """Sign a request; ``path`` is sent in the place of the one that is signed."""
    resource = quote(f"/{bucket}/{key or ''}" if bucket else "/", safe="/")
    request = HttpRequest(method, f"http://host{resource}" + (f"?{query}" if query else ""))
    request.headers.update(headers or {})
    context = SigningContext(
        product=product,
        region=region,
        bucket=bucket,
        key=key,
        request=request,
        credentials=oss.credentials.Credentials(
            identity.access_key_id, identity.access_key_secret, identity.security_token
        ),
        signing_time=at,
        additional_headers=set(additional_headers),
    )
    context.auth_method_query = in_query
    context.expiration_time = expires_at
    SignerV4().sign(context)
    signed_path, _, signed_query = request.url.removeprefix("http://host").partition("?")
    target = (path or signed_path) + (f"?{signed_query}" if signed_query else "")
    return Signed(method, target, {name: str(value) for name, value in request.headers.items()})


def by_hand(identity: Identity, at: datetime, to_sign: bytes, region: str = REGION) -> tuple[str, str]:
    """The scope and the signature of what is signed at a time, from the words of the documentation."""
    scope = f"{at:%Y%m%d}/{region}/oss/aliyun_v4_request"
    key = f"aliyun_v4{identity.access_key_secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return scope, hmac.digest(key, to_sign, "sha256").hex()


def sign_text(
    identity: Identity, canonical_request: str, at: datetime, *, time: str = "", additional: str = ""
) -> dict[str, str]:
    """The headers of a request whose canonical form a test wrote by hand, without the SDK's signer.

    ``time`` is how the request writes the time if it is in its Date header, ``additional`` the headers that
    are signed beside the usual ones.
    """
    scope, _ = by_hand(identity, at, b"")
    dated = {"Date": time} if time else {"x-oss-date": f"{at:%Y%m%dT%H%M%SZ}"}
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    text = f"OSS4-HMAC-SHA256\n{time or dated['x-oss-date']}\n{scope}\n{digest}"
    _, signature = by_hand(identity, at, text.encode())
    fields = [f"Credential={identity.access_key_id}/{scope}"]
    fields += [f"AdditionalHeaders={additional}"] if additional else []
    authorization = f"OSS4-HMAC-SHA256 {', '.join([*fields, f'Signature={signature}'])}"
    return {**dated, "x-oss-content-sha256": "UNSIGNED-PAYLOAD", "Authorization": authorization}


def sign_form(
    identity: Identity,
    policy: Mapping[str, object],
    *,
    at: datetime | None = None,
    region: str = REGION,
    named: bool = True,
) -> dict[str, str]:
    """The fields of a form with its policy and a signature of version 4, which the policy has to name."""
    time = at or datetime.now(timezone.utc)
    scope, _ = by_hand(identity, time, b"", region)
    fields = {
        "x-oss-signature-version": "OSS4-HMAC-SHA256",
        "x-oss-credential": f"{identity.access_key_id}/{scope}",
        "x-oss-date": f"{time:%Y%m%dT%H%M%SZ}",
    }
    if identity.security_token:
        fields["x-oss-security-token"] = identity.security_token
    conditions = policy.get("conditions")
    if named and isinstance(conditions, list):
        policy = {**policy, "conditions": [*conditions, *({name: value} for name, value in fields.items())]}
    encoded = base64.b64encode(json.dumps(policy).encode())
    _, signature = by_hand(identity, time, encoded, region)
    return {**fields, "policy": encoded.decode(), "x-oss-signature": signature}


def send(address: str, request: Signed, body: bytes | None = b"") -> Answer:
    """Send a request as it stands; ``body`` None leaves Content-Length out."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.putrequest(request.method, request.path, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value.encode("utf-8"))
        if body is not None and not any(name.lower() == "content-length" for name in request.headers):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
    finally:
        connection.close()
