"""Where documents are kept, failed events and whole results: OSS, through its official SDK.

Source: help.aliyun.com, PutObject.
"""

from __future__ import annotations

from functools import partial

import alibabacloud_oss_v2 as oss

from imm_label_tags.results.target import TargetObject
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.oss import OssCalls

CONTENT_TYPE = "application/json"


class OssDocuments(OssCalls):
    """Writes documents."""

    def put(self, target: TargetObject, document: bytes, timeouts: Timeouts) -> None:
        """Write a document, once; an object that is there is replaced: PutObject.

        Raises AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        request = oss.PutObjectRequest(
            bucket=target.bucket, key=target.key, body=document, content_type=CONTENT_TYPE
        )
        self.ask(
            self.operation("PutObject", "oss:PutObject", target),
            target,
            timeouts,
            partial(self.client.put_object, request),
            lambda result: None,
        )
