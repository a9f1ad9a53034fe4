"""The settings of ``keep_failed``, read once from environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imm_label_tags.environment import LOG_LEVELS, Endpoint, Variables, read_endpoint
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.target import BUCKET

VARIABLE = "FAILED_EVENTS"
ALLOWED = (
    "oss://bucket/prefix, with a prefix of at most 512 bytes without white space, control characters, "
    "empty, '.' or '..' segments, and any of \\ * ? $ \""
)

# The prefix stands in a policy's resource, too, where some of these have a meaning of their own.
_FORBIDDEN = frozenset('\\*?$"')
_PREFIX_BYTES = 512


@dataclass(frozen=True)
class FailedEvents:
    """Where failed events are kept: a bucket, and a prefix without slashes around it."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """The place as it is set."""
        return f"oss://{self.bucket}/{self.prefix}"

    @classmethod
    def from_uri(cls, uri: str) -> FailedEvents:
        """Read ``oss://bucket/prefix``, with or without a slash at the end.

        Raises InvalidSetting.
        """
        scheme, _, rest = uri.partition("://")
        bucket, _, prefix = rest.partition("/")
        prefix = prefix.strip("/")
        if scheme != "oss" or not BUCKET.fullmatch(bucket) or not _usable(prefix):
            raise InvalidSetting(VARIABLE, uri, ALLOWED)
        return cls(bucket, prefix)


@dataclass(frozen=True)
class FailedSettings:
    """Every setting of ``keep_failed``, checked; the endpoint is None where unset."""

    failed_events: FailedEvents
    oss_endpoint: Endpoint | None
    log_level: str


def read_failed_settings(environment: Mapping[str, str]) -> FailedSettings:
    """Read and check all settings; an empty variable counts as unset.

    Raises InvalidSetting.
    """
    variables = Variables(environment)
    return FailedSettings(
        failed_events=FailedEvents.from_uri(variables.text(VARIABLE)),
        oss_endpoint=read_endpoint(variables, "OSS_ENDPOINT"),
        log_level=variables.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
    )


def _usable(prefix: str) -> bool:
    if any(segment in ("", ".", "..") for segment in prefix.split("/")) or " " in prefix:
        return False
    if not prefix.isprintable() or _FORBIDDEN.intersection(prefix):
        return False
    return len(prefix.encode("utf-8", "surrogatepass")) <= _PREFIX_BYTES
