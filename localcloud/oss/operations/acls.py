"""The operations on ACLs: Put- and GetBucketAcl, Put- and GetObjectAcl.

Sources: help.aliyun.com, the API page of each operation.
"""

from __future__ import annotations

from starlette.responses import Response

from localcloud.oss.access.acl import BUCKET_ACL, bucket_acl, object_acl, read_acl
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import OBJECT_ACL, ObjectStore


class AclOperations:
    """Answers requests about ACLs."""

    def __init__(self, store: ObjectStore, account_id: str) -> None:
        self._store = store
        self._owner: documents.Node = ("Owner", [("ID", account_id), ("DisplayName", account_id)])

    def put_bucket_acl(self, request: OssRequest) -> Response:
        """PutBucketAcl; a bucket that is not there is made."""
        acl = read_acl(self._store, request.bucket, BUCKET_ACL, request.header(BUCKET_ACL) or "")
        self._store.create_bucket(request.bucket)
        self._store.configure(request.bucket, BUCKET_ACL, acl)
        return responses.empty()

    def get_bucket_acl(self, request: OssRequest) -> Response:
        """GetBucketAcl."""
        return self._document(bucket_acl(self._store, request.bucket))

    def put_object_acl(self, request: OssRequest) -> Response:
        """PutObjectAcl: nothing else of the object changes."""
        info = self._store.get(request.bucket, request.key)
        acl = read_acl(self._store, request.bucket, OBJECT_ACL, request.header(OBJECT_ACL) or "")
        self._store.set_header(info, OBJECT_ACL, acl)
        return responses.empty()

    def get_object_acl(self, request: OssRequest) -> Response:
        """GetObjectAcl."""
        return self._document(object_acl(self._store.get(request.bucket, request.key)))

    def _document(self, acl: str) -> Response:
        nodes = [self._owner, ("AccessControlList", [("Grant", acl)])]
        return responses.document(documents.write("AccessControlPolicy", nodes))
