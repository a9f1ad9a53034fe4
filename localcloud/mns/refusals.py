"""The errors that MNS answers, by the codes of its help page "Error codes" (27501)."""

from __future__ import annotations

from localcloud.refusals import RequestRefused


class MissingHeader(RequestRefused):
    """A header without which no request is answered."""

    def __init__(self, code: str, header: str) -> None:
        super().__init__(400, code, f"{header} header is required.")


class InvalidHeader(RequestRefused):
    """A header whose value is not of its form."""

    def __init__(self, code: str, header: str) -> None:
        super().__init__(400, code, f"The {header} header format is invalid.")


class InvalidDigest(RequestRefused):
    """Content-MD5 is not that of the body. MNS spells its code so."""

    def __init__(self) -> None:
        super().__init__(400, "InvalidDegist", "The Content-MD5 you specified is invalid.")


class TimeExpired(RequestRefused):
    """The request was signed more than fifteen minutes ago, or as much ahead."""

    def __init__(self) -> None:
        super().__init__(408, "TimeExpired", "The http request you sent is expired.")


class UnknownAccessKey(RequestRefused):
    """No identity has this access key."""

    def __init__(self) -> None:
        super().__init__(403, "InvalidAccessKeyId", "The AccessKey Id you provided is not exist.")


class InvalidSecurityToken(RequestRefused):
    """The token is not that of the temporary access key."""

    def __init__(self) -> None:
        super().__init__(403, "InvalidSecurityToken", "The security token you provided is invalid.")


class SecurityTokenExpired(RequestRefused):
    """The temporary access key is past its end."""

    def __init__(self) -> None:
        super().__init__(403, "SecurityTokenExpired", "The security token you provided is expired.")


class SignatureDoesNotMatch(RequestRefused):
    """The request is not what was signed, or was signed with another secret."""

    def __init__(self, string_to_sign: str) -> None:
        super().__init__(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            f"Check your key and signing method. The server's string to sign is: {string_to_sign!r}",
        )


class MalformedXml(RequestRefused):
    """The body is not XML."""

    def __init__(self) -> None:
        super().__init__(400, "MalformedXML", "The XML you provided was not well-formed.")


class UnexpectedXml(RequestRefused):
    """The body is XML with an element that is missing, unknown or of a wrong kind."""

    def __init__(self, element: str) -> None:
        super().__init__(
            400,
            "InvalidArgument",
            f"The XML you provided did not validate against our published schema, cause by {element}.",
        )


class OutOfRange(RequestRefused):
    """A value that is too small or too large, in bytes or as a number."""

    def __init__(self, element: str, lowest: int, highest: int) -> None:
        super().__init__(
            400,
            "InvalidArgument",
            f"The value of {element} should between {lowest} and {highest} seconds/bytes.",
        )


class InvalidUrl(RequestRefused):
    """No resource of MNS has such a path."""

    def __init__(self) -> None:
        super().__init__(400, "InvalidRequestURL", "Http request URL format invalid.")


class InvalidQuery(RequestRefused):
    """A query item that the operation does not have."""

    def __init__(self, item: str) -> None:
        super().__init__(
            400, "InvalidQueryString", f'Http request URL contains invalid querystring item "{item}".'
        )


class TopicNameLengthError(RequestRefused):
    """A topic's name is longer than 255 characters."""

    def __init__(self) -> None:
        super().__init__(400, "TopicNameLengthError", "Topic name length should between 1 and 255.")


class TopicNameInvalid(RequestRefused):
    """A topic's name has other characters than letters, digits and '-', or starts with '-'."""

    def __init__(self) -> None:
        super().__init__(
            400,
            "TopicNameInvalid",
            "The topic name you provided is invalid. Topic name should start with letter or digit, "
            "and contain only letters, digits and '-'.",
        )


class TopicAlreadyExists(RequestRefused):
    """There is a topic of this name with other attributes."""

    def __init__(self) -> None:
        super().__init__(
            409, "TopicAlreadyExist", "The topic you want to create is already exist with other attributes."
        )


class TopicNotExist(RequestRefused):
    """There is no topic of this name."""

    def __init__(self, topic: str) -> None:
        super().__init__(404, "TopicNotExist", f"The topic you provided does not exist: {topic!r}.")


class SubscriptionNotExist(RequestRefused):
    """The topic has no subscription of this name."""

    def __init__(self, subscription: str) -> None:
        super().__init__(
            404,
            "SubscriptionNotExist",
            f"The subscription you provided does not exist: {subscription!r}.",
        )


class SubscriptionNameInvalid(RequestRefused):
    """A subscription's name is too long or has other characters than letters, digits and '-'."""

    def __init__(self) -> None:
        super().__init__(400, "SubscriptionNameInvalid", "The subscription name you provided is invalid.")


class SubscriptionAlreadyExists(RequestRefused):
    """The topic has a subscription of this name with other attributes."""

    def __init__(self) -> None:
        super().__init__(
            409,
            "SubscriptionAlreadyExist",
            "The subscription you want to create is already exist with other attributes.",
        )


class EndpointNotServed(RequestRefused):
    """An endpoint that no message of the local cloud can reach."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            405,
            "MethodNotAllowed",
            f"A subscription to {endpoint!r} is not served here: only queues, as "
            "acs:mns:<region>:<account>:queues/<queue>; functions subscribe by their triggers in s.yaml.",
        )


class AccessDenied(RequestRefused):
    """RAM's policies do not let the caller do it. MNS says neither what nor on which resource."""

    def __init__(self) -> None:
        super().__init__(
            403,
            "AccessDenied",
            "The OwnerId that your Access Key Id associated to is forbidden for this operation.",
        )
