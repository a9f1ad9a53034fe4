"""From an upload and nothing else to its tags, with s.uploads.yaml deployed as it is.

Many uploads, while everything goes wrong, are in tests/load/test_uploads.py.
"""

from __future__ import annotations

from proof.load.scenario import BUCKET
from proof.load.uploads import Library


def test_an_upload_and_nothing_else_ends_in_tags() -> None:
    with Library() as library:
        for key in ("videos/宜家 1.mp4", "videos/a.txt", "elsewhere/b.mp4"):
            library.owner.upload(BUCKET, key, (("team", "a"),))
        library.cloud.run(library.settled())
        assert [task.request["SourceURI"] for task in library.tasks()] == ["oss://media/videos/宜家 1.mp4"]
        assert [key for key, _ in library.owner.tags(BUCKET, "videos/宜家 1.mp4")][:2] == ["team", "imm"]
        assert library.owner.tags(BUCKET, "elsewhere/b.mp4") == (("team", "a"),)
