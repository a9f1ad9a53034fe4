"""From an upload and nothing else to its tags, with s.uploads.yaml deployed as it is.

Many uploads, while everything goes wrong, are in tests/load/test_parts.py.
"""

from __future__ import annotations

from pathlib import Path

import alibabacloud_oss_v2 as oss

from cli.checkout import UPLOADS
from cli.clients import access_to
from proof.load.region import running_region
from proof.load.scenario import BUCKET


def test_an_upload_and_nothing_else_ends_in_tags() -> None:
    with running_region(UPLOADS, instances=4) as library:
        for key in ("videos/宜家 1.mp4", "videos/a.txt", "elsewhere/b.mp4"):
            library.upload(key, (("team", "a"),))
        library.cloud.run(library.settled())
        assert [task.request["SourceURI"] for task in library.tasks()] == ["oss://media/videos/宜家 1.mp4"]
        assert [key for key, _ in library.tags("videos/宜家 1.mp4")][:2] == ["team", "imm"]
        assert library.tags("elsewhere/b.mp4") == (("team", "a"),)


def test_an_upload_in_parts_has_one_task_once_it_is_complete(tmp_path: Path) -> None:
    (tmp_path / "long.mp4").write_bytes(bytes(300 * 1024))
    with running_region(UPLOADS, instances=4) as library:
        uploader = access_to(library.cloud).oss().uploader(part_size=100 * 1024)
        request = oss.PutObjectRequest(bucket=BUCKET, key="videos/long.mp4")
        assert uploader.upload_file(request, str(tmp_path / "long.mp4")).etag.endswith('-3"')
        library.cloud.run(library.settled())
        assert [task.request["SourceURI"] for task in library.tasks()] == ["oss://media/videos/long.mp4"]
        assert "imm" in dict(library.tags("videos/long.mp4"))
