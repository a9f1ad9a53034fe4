"""Keeps the whole result of a task, while the object is being read for its tags."""

from __future__ import annotations

from concurrent.futures import Executor, Future

from imm_label_tags.results import archive
from imm_label_tags.results.target import ObjectPrefix, TargetObject
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.oss import OssObjects


class ResultArchive:
    """Writes documents below a prefix. ``executor`` runs the calls."""

    def __init__(self, prefix: ObjectPrefix, documents: OssObjects, executor: Executor) -> None:
        self._prefix = prefix
        self._documents = documents
        self._executor = executor

    def begin(
        self, source: TargetObject, task_id: str, answer: bytes, calls: Calls
    ) -> tuple[str, Future[None]]:
        """Begin to write the document of a task; ``answer`` as ``archive.whole_answer`` gives it.

        Returns its URI, and what ends with the error for which it is not written.
        One that is there is replaced, by the same bytes: whatever stands there instead is put right.
        """
        place = archive.place(self._prefix, source, task_id)
        content = archive.document(answer, source)
        written = calls.submit(
            self._executor, "PutObject", lambda timeouts: self._documents.put(place, content, timeouts)
        )
        return place.uri, written
