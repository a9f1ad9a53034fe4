"""The errors of OSS, with the statuses, codes, messages and EC numbers that the service documents.

Sources: help.aliyun.com, OSS "Error responses" and the page of each EC number. An error whose EC number
is not documented carries none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

# What an element of an error holds: a text, or elements with their texts.
Content = str | Sequence[tuple[str, str]]


class OssError(Exception):
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
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.ec = ec
        self.elements = elements
        self.headers = headers


def access_denied(message: str, ec: str, detail: Mapping[str, str], bucket: str, user: str) -> OssError:
    """RAM's policies do not let the caller do it; ``detail`` is the AccessDeniedDetail."""
    elements: dict[str, Content] = {"AccessDeniedDetail": list(detail.items())}
    if bucket:
        elements["Bucket"] = bucket
    return OssError(403, "AccessDenied", message, ec, {**elements, "User": user})


def no_such_bucket(bucket: str) -> OssError:
    """No bucket has that name."""
    message = "The specified bucket does not exist."
    return OssError(404, "NoSuchBucket", message, "0015-00000101", {"BucketName": bucket})


def invalid_bucket_name(bucket: str) -> OssError:
    """No bucket can have that name."""
    message = "The specified bucket is not valid."
    return OssError(400, "InvalidBucketName", message, "0015-00000001", {"BucketName": bucket})


def bucket_not_empty(bucket: str) -> OssError:
    """The bucket that is to be deleted has objects."""
    message = "The bucket has objects. Please delete them first."
    return OssError(409, "BucketNotEmpty", message, "0015-00000301", {"BucketName": bucket})


def no_such_region(region: str) -> OssError:
    """There is no such region here."""
    return OssError(404, "NoSuchRegion", "The specified region does not exist.", "", {"Region": region})


def no_such_lifecycle(bucket: str) -> OssError:
    """The bucket has no lifecycle rules."""
    message = "No Row found in Lifecycle Table."
    return OssError(404, "NoSuchLifecycle", message, "", {"BucketName": bucket})


def no_such_meta_query(bucket: str) -> OssError:
    """The bucket's data is not indexed."""
    message = "The specified bucket has no metadata index."
    return OssError(400, "MetaQueryNotExist", message, "", {"BucketName": bucket})


def meta_query_exists(bucket: str) -> OssError:
    """The bucket's data is indexed already."""
    message = "The specified bucket already has a metadata index."
    return OssError(400, "MetaQueryAlreadyExist", message, "", {"BucketName": bucket})


def no_such_bucket_policy(bucket: str) -> OssError:
    """The bucket has no policy."""
    message = "The specified bucket policy does not exist."
    return OssError(404, "NoSuchBucketPolicy", message, "0030-00000006", {"BucketName": bucket})


def invalid_policy(detail: str) -> OssError:
    """The document is no policy that a bucket can have."""
    message = f"Invalid policy document: {detail}."
    return OssError(400, "InvalidPolicyDocument", message, "0030-00000005")


def public_access_blocked(what: str) -> OssError:
    """Something would open a bucket that blocks public access."""
    message = f"Put public bucket {what} is not allowed: public access to this bucket is blocked."
    return OssError(403, "AccessDenied", message)


def invalid_object_state(key: str) -> OssError:
    """The object has to be restored before it can be read."""
    message = "The operation is not valid for the object's state"
    return OssError(403, "InvalidObjectState", message, "", {"ObjectName": key})


def no_such_key(key: str) -> OssError:
    """The bucket has no object of that name."""
    message = "The specified key does not exist."
    return OssError(404, "NoSuchKey", message, "0026-00000001", {"Key": key})


def invalid_object_name(message: str, ec: str, key: str) -> OssError:
    """No object can have that name."""
    return OssError(400, "InvalidObjectName", message, ec, {"ObjectName": key})


def file_already_exists(key: str) -> OssError:
    """The object exists and the request forbids to overwrite it."""
    message = "The object you specified already exists and can not be overwritten."
    return OssError(409, "FileAlreadyExists", message, "0026-00000002", {"Key": key})


def precondition_failed(condition: str) -> OssError:
    """A condition that the request makes does not hold."""
    message = "At least one of the pre-conditions you specified did not hold."
    return OssError(412, "PreconditionFailed", message, "", {"Condition": condition})


def no_such_upload(upload_id: str) -> OssError:
    """There is no multipart upload of that ID for the object."""
    message = (
        "The specified upload does not exist. The upload ID may be invalid, "
        "or the upload may have been aborted or completed."
    )
    return OssError(404, "NoSuchUpload", message, "0017-00000244", {"UploadId": upload_id})


def invalid_part(number: int, etag: str, upload_id: str) -> OssError:
    """A part that is to be in the object was not uploaded, or another in its place."""
    message = (
        "One or more of the specified parts could not be found "
        "or the specified entity tag might not have matched the part's entity tag."
    )
    elements = {"ETag": etag, "PartNumber": str(number), "UploadId": upload_id}
    return OssError(400, "InvalidPart", message, "", elements)


def invalid_part_order() -> OssError:
    """The parts are not listed in the order of their numbers."""
    message = (
        "The list of parts was not in ascending order. Parts list must specified in order by part number."
    )
    return OssError(400, "InvalidPartOrder", message, "0042-00000209")


def part_not_sequential(number: int, upload_id: str) -> OssError:
    """A part of an upload whose parts have to come one after the other comes out of turn."""
    message = "The part is not the next one of a sequential upload."
    elements = {"PartNumber": str(number), "UploadId": upload_id}
    return OssError(400, "PartNotSequential", message, "", elements)


def entity_too_small(size: int, least: int, part: int | None = None) -> OssError:
    """A part that is not the last is shorter than parts have to be, or a file than its form has it."""
    message = "Your proposed upload smaller than the minimum allowed size."
    elements = {"MinSizeAllowed": str(least), "ProposedSize": str(size)}
    if part is None:
        return OssError(400, "EntityTooSmall", message, "", elements)
    return OssError(400, "EntityTooSmall", message, "0042-00000213", {**elements, "PartNumber": str(part)})


def not_appendable(key: str) -> OssError:
    """The object was not made by AppendObject."""
    message = "The object is not appendable"
    return OssError(409, "ObjectNotAppendable", message, "", {"Key": key})


def position_not_length(position: int, size: int) -> OssError:
    """Something is to be appended elsewhere than at the object's end."""
    message = "Position is not equal to file length"
    elements = {"PositionProvided": str(position), "ActualObjectLength": str(size)}
    headers = {"x-oss-next-append-position": str(size)}
    return OssError(409, "PositionNotEqualToLength", message, "", elements, headers)


def not_supported(key: str) -> OssError:
    """Appendable objects cannot be copied elsewhere, and only archived ones restored."""
    message = "The operation is not supported for this resource"
    return OssError(400, "OperationNotSupported", message, "", {"Key": key})


def invalid_range(requested: str, size: int) -> OssError:
    """The range lies outside the object."""
    elements = {"ActualObjectSize": str(size), "RangeRequested": requested}
    return OssError(416, "InvalidRange", "The requested range cannot be satisfied.", "", elements)


def invalid_argument(name: str, value: str, message: str, ec: str = "") -> OssError:
    """A parameter or header has a value that OSS does not know."""
    elements = {"ArgumentName": name, "ArgumentValue": value}
    return OssError(400, "InvalidArgument", message, ec, elements)


def invalid_digest(content_md5: str) -> OssError:
    """Content-MD5 is not base64 of a digest, or not the digest of the body: OSS says the same of both."""
    message = "The Content-MD5 you specified was invalid."
    return OssError(400, "InvalidDigest", message, "0017-00000503", {"Content-MD5": content_md5})


def malformed_xml(detail: str, ec: str = "") -> OssError:
    """The body is not the XML that the operation takes."""
    message = "The XML you provided was not well-formed or did not validate against our published schema."
    return OssError(400, "MalformedXML", message, ec, {"ErrorDetail": detail})


def missing_content_length() -> OssError:
    """An upload says neither how long it is nor that it is chunked."""
    return OssError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def entity_too_large(limit: int) -> OssError:
    """The body is longer than the operation takes."""
    message = "Your proposed upload exceeds the maximum allowed size."
    return OssError(400, "EntityTooLarge", message, "", {"MaxSizeAllowed": str(limit)})


def metadata_too_large(limit: int) -> OssError:
    """The user metadata is longer than OSS keeps."""
    message = "Your metadata headers exceed the maximum allowed metadata size."
    return OssError(400, "MetadataTooLarge", message, "", {"MaxSizeAllowed": str(limit)})


def condition_not_implemented(header: str) -> OssError:
    """OSS itself has no conditional writes."""
    message = "A header you provided implies functionality that is not implemented."
    return OssError(400, "NotImplemented", message, "0017-00000245", {"Header": header})


def not_implemented_here(what: str) -> OssError:
    """OSS can do it and the local cloud cannot."""
    message = f"The local cloud does not implement {what} of OSS."
    return OssError(501, "NotImplemented", message, "", {"NotImplementedLocally": what})


def method_not_allowed(method: str, resource_type: str) -> OssError:
    """OSS has no operation of that method."""
    message = "The specified method is not allowed against this resource."
    elements = {"Method": method, "ResourceType": resource_type}
    return OssError(405, "MethodNotAllowed", message, "0017-00000001", elements)


# What a test may order by its code alone.
EC_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        "AccessDenied": "0003-00000001",
        "FileAlreadyExists": "0026-00000002",
        "InvalidAccessKeyId": "0002-00000902",
        "InvalidSecurityToken": "0002-00000006",
        "NoSuchBucket": "0015-00000101",
        "NoSuchKey": "0026-00000001",
        "PartitionQpsLimitted": "0026-00000028",
        "RequestTimeTooSkewed": "0002-00000504",
        "SecurityTokenExpired": "0002-00000007",
        "SignatureDoesNotMatch": "0002-00000201",
        "StaleFile": "0026-00000004",
        "TotalQpsLimitExceeded": "0004-00000302",
    }
)
