"""What the layer leaves out because the function never imports it: a reviewed list, each with its reason.

Both SDKs need all of it for features that the function does not use.
``imm_label_tags.services.deferred_imports`` has them imported without; whatever uses one of these features
after all is told what is missing. Whoever adds a call to the function may have to take a line from here:
``layers.rehearsal`` finds out when the layer is built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_ASYNCHRONOUS = "asynchronous calls: part of the HTTP client that the function does not use"

DISTRIBUTIONS: Mapping[str, str] = {
    "aiofiles": "asynchronous calls: reads files of the credentials package",
    "aiohappyeyeballs": _ASYNCHRONOUS,
    "aiohttp": "asynchronous calls: the HTTP client; the function calls through urllib3",
    "aiosignal": _ASYNCHRONOUS,
    "alibabacloud-credentials-api": "other ways to find keys: Function Compute hands the function its keys",
    "alibabacloud-tea-util": "nothing imports it any more, the SDKs only require it",
    "apscheduler": "other ways to find keys: renews keys in the background",
    "async-timeout": _ASYNCHRONOUS,
    "attrs": _ASYNCHRONOUS,
    "cffi": "signatures with RSA keys: part of cryptography",
    "cryptography": "signatures with RSA keys, and encrypted private keys: the function signs with HMAC",
    "frozenlist": _ASYNCHRONOUS,
    "multidict": _ASYNCHRONOUS,
    "propcache": _ASYNCHRONOUS,
    "pycparser": "signatures with RSA keys: part of cffi",
    "pycryptodome": "encryption of objects on the client's side",
    "pypinyin": "its data is in the table of pronunciations, which is read without it",
    "typing-extensions": "what the packages above need on older versions of Python",
    "tzlocal": "other ways to find keys: part of apscheduler",
    "websocket-client": "calls over web sockets",
    "yarl": _ASYNCHRONOUS,
}


@dataclass(frozen=True)
class Portion:
    """Of a package that stays: a module, or all of a folder but some of its modules."""

    path: str
    reason: str
    but: frozenset[str] = field(default=frozenset())

    def holds(self, path: PurePosixPath) -> bool:
        """Whether a file belongs to the portion."""
        kept = path.parent.as_posix() == self.path and path.stem in self.but
        return path.is_relative_to(self.path) and not kept


PORTIONS: Sequence[Portion] = (
    *(
        Portion(f"alibabacloud_oss_v2/{path}", reason)
        for path, reason in {
            "agentic": "another service of OSS's: agents",
            "aio": "asynchronous calls",
            "checkpoint.py": "transfers of large objects",
            "copier.py": "transfers of large objects",
            "crypto": "encryption of objects on the client's side",
            "dataprocess": "another service of OSS's: processing of data",
            "downloader.py": "transfers of large objects",
            "encryption_client.py": "encryption of objects on the client's side",
            "filelike.py": "reading an object as if it were a file",
            "paginator.py": "lists of objects",
            "presigner.py": "signed URLs",
            "tables": "another service of OSS's: tables",
            "uploader.py": "transfers of large objects",
            "vectors": "another service of OSS's: vectors",
        }.items()
    ),
    Portion(
        "alibabacloud_oss_v2/models",
        "requests and answers of operations that the function does not call",
        frozenset({"__init__", "bucket_tags", "enums", "object_basic"}),
    ),
    Portion(
        "alibabacloud_oss_v2/operations",
        "operations that the function does not call",
        frozenset({"__init__", "object_basic"}),
    ),
    Portion(
        "alibabacloud_imm20200930/models",
        "requests and answers of actions that the function does not call",
        frozenset(
            {
                "__init__",
                "_clip",
                "_create_video_label_classification_task_request",
                "_create_video_label_classification_task_response",
                "_create_video_label_classification_task_response_body",
                "_create_video_label_classification_task_shrink_request",
                "_credential_config",
                "_get_task_request",
                "_get_task_response",
                "_get_task_response_body",
                "_get_video_label_classification_result_request",
                "_get_video_label_classification_result_response",
                "_get_video_label_classification_result_response_body",
                "_label",
                "_list_tasks_request",
                "_list_tasks_response",
                "_list_tasks_response_body",
                "_list_tasks_shrink_request",
                "_mns",
                "_notification",
                "_rocket_mq",
                "_task_info",
                "_time_range",
            }
        ),
    ),
    Portion(
        "alibabacloud_credentials",
        "other ways to find keys: Function Compute hands the function its keys",
        frozenset({"__init__", "models"}),
    ),
)


def left_out(path: PurePosixPath) -> bool:
    """Whether a file of a package that stays is left out."""
    return any(portion.holds(path) for portion in PORTIONS)
