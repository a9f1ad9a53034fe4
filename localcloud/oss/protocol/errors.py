"""The errors of OSS, with the statuses, codes, messages and EC numbers that the service documents.

Sources: help.aliyun.com, OSS "Error responses" and the page of each EC number. An error whose EC number
is not documented carries none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from localcloud.refusals import RequestRefused

# What an element of an error holds: a text, or elements with their texts.
Content = str | Sequence[tuple[str, str]]


class OssError(RequestRefused):
    """A refusal, as OSS words it; ``elements`` and ``headers`` are those beside the usual ones."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        ec: str = "",
        elements: Mapping[str, Content] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(status, code, message)
        self.ec = ec
        self.elements = elements
        self.headers = headers


class ErrorKind(NamedTuple):
    """An error that is always told in the same words."""

    status: int
    code: str
    message: str
    ec: str = ""

    def __call__(self, **elements: str | int) -> OssError:
        """The error of a case, of which the elements tell more."""
        told = {name: str(value) for name, value in elements.items()}
        return OssError(self.status, self.code, self.message, self.ec, told)


NO_SUCH_BUCKET = ErrorKind(404, "NoSuchBucket", "The specified bucket does not exist.", "0015-00000101")
INVALID_BUCKET_NAME = ErrorKind(
    400, "InvalidBucketName", "The specified bucket is not valid.", "0015-00000001"
)
BUCKET_NOT_EMPTY = ErrorKind(
    409, "BucketNotEmpty", "The bucket has objects. Please delete them first.", "0015-00000301"
)
NO_SUCH_REGION = ErrorKind(404, "NoSuchRegion", "The specified region does not exist.")
NO_SUCH_LIFECYCLE = ErrorKind(404, "NoSuchLifecycle", "No Row found in Lifecycle Table.")
NO_SUCH_META_QUERY = ErrorKind(400, "MetaQueryNotExist", "The specified bucket has no metadata index.")
META_QUERY_EXISTS = ErrorKind(
    400, "MetaQueryAlreadyExist", "The specified bucket already has a metadata index."
)
NO_SUCH_BUCKET_POLICY = ErrorKind(
    404, "NoSuchBucketPolicy", "The specified bucket policy does not exist.", "0030-00000006"
)
# The object has to be restored before it can be read.
INVALID_OBJECT_STATE = ErrorKind(
    403, "InvalidObjectState", "The operation is not valid for the object's state"
)
NO_SUCH_KEY = ErrorKind(404, "NoSuchKey", "The specified key does not exist.", "0026-00000001")
FILE_ALREADY_EXISTS = ErrorKind(
    409,
    "FileAlreadyExists",
    "The object you specified already exists and can not be overwritten.",
    "0026-00000002",
)
PRECONDITION_FAILED = ErrorKind(
    412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold."
)
NO_SUCH_UPLOAD = ErrorKind(
    404,
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, "
    "or the upload may have been aborted or completed.",
    "0017-00000244",
)
# A part that is to be in the object was not uploaded, or another in its place.
INVALID_PART = ErrorKind(
    400,
    "InvalidPart",
    "One or more of the specified parts could not be found "
    "or the specified entity tag might not have matched the part's entity tag.",
)
INVALID_PART_ORDER = ErrorKind(
    400,
    "InvalidPartOrder",
    "The list of parts was not in ascending order. Parts list must specified in order by part number.",
    "0042-00000209",
)
PART_NOT_SEQUENTIAL = ErrorKind(
    400, "PartNotSequential", "The part is not the next one of a sequential upload."
)
_TOO_SMALL = "Your proposed upload smaller than the minimum allowed size."
PART_TOO_SMALL = ErrorKind(400, "EntityTooSmall", _TOO_SMALL, "0042-00000213")
FORM_TOO_SMALL = ErrorKind(400, "EntityTooSmall", _TOO_SMALL)
ENTITY_TOO_LARGE = ErrorKind(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
METADATA_TOO_LARGE = ErrorKind(
    400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size."
)
NOT_APPENDABLE = ErrorKind(409, "ObjectNotAppendable", "The object is not appendable")
# Appendable objects cannot be copied elsewhere, and only archived ones restored.
NOT_SUPPORTED = ErrorKind(400, "OperationNotSupported", "The operation is not supported for this resource")
INVALID_RANGE = ErrorKind(416, "InvalidRange", "The requested range cannot be satisfied.")
# Content-MD5 is not base64 of a digest, or not the digest of the body: OSS says the same of both.
INVALID_DIGEST = ErrorKind(
    400, "InvalidDigest", "The Content-MD5 you specified was invalid.", "0017-00000503"
)
MISSING_CONTENT_LENGTH = ErrorKind(
    411, "MissingContentLength", "You must provide the Content-Length HTTP header."
)
# OSS itself has no conditional writes.
CONDITION_NOT_IMPLEMENTED = ErrorKind(
    400,
    "NotImplemented",
    "A header you provided implies functionality that is not implemented.",
    "0017-00000245",
)
METHOD_NOT_ALLOWED = ErrorKind(
    405, "MethodNotAllowed", "The specified method is not allowed against this resource.", "0017-00000001"
)


def invalid_argument(name: str, value: str, message: str, ec: str = "") -> OssError:
    """A parameter or header has a value that OSS does not know."""
    elements = {"ArgumentName": name, "ArgumentValue": value}
    return OssError(400, "InvalidArgument", message, ec, elements)


def malformed_xml(detail: str, ec: str = "") -> OssError:
    """The body is not the XML that the operation takes."""
    message = "The XML you provided was not well-formed or did not validate against our published schema."
    return OssError(400, "MalformedXML", message, ec, {"ErrorDetail": detail})


def public_access_blocked(what: str) -> OssError:
    """Something would open a bucket that blocks public access."""
    message = f"Put public bucket {what} is not allowed: public access to this bucket is blocked."
    return OssError(403, "AccessDenied", message)


def not_implemented_here(what: str) -> OssError:
    """OSS can do it and the local cloud cannot."""
    message = f"The local cloud does not implement {what} of OSS."
    return OssError(501, "NotImplemented", message, "", {"NotImplementedLocally": what})


# What a test may order by its code alone.
EC_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        "AccessDenied": "0003-00000001",
        "FileAlreadyExists": FILE_ALREADY_EXISTS.ec,
        "InvalidAccessKeyId": "0002-00000902",
        "InvalidSecurityToken": "0002-00000006",
        "NoSuchBucket": NO_SUCH_BUCKET.ec,
        "NoSuchKey": NO_SUCH_KEY.ec,
        "PartitionQpsLimitted": "0026-00000028",
        "RequestTimeTooSkewed": "0002-00000504",
        "SecurityTokenExpired": "0002-00000007",
        "SignatureDoesNotMatch": "0002-00000201",
        "StaleFile": "0026-00000004",
        "TotalQpsLimitExceeded": "0004-00000302",
    }
)
