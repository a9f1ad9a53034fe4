"""The state in a directory: what was acknowledged is there, whatever befalls the process or the disk."""

from __future__ import annotations

import http.client
import itertools
import random
import shutil
import sqlite3
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from alibabacloud_tea_openapi.exceptions import ServerException
from darabonba.exceptions import UnretryableException

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.database import Database, StateInaccessible, StateUnusable
from tests.localcloud.kept_cloud import KeptCloud, kept_cloud
from tests.localcloud.kept_process import BUCKET

WRITERS = 4
KIBIBYTE = 1024
BROKEN_OFF = (OSError, http.client.HTTPException, UnretryableException)


@dataclass
class Acknowledged:
    """What the clients were told of, and the errors that they were given instead."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, bytes] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    refused: set[tuple[int, str]] = field(default_factory=set)

    def write(self, cloud: KeptCloud, key: str, body: bytes, value: str) -> bool:
        """Write an object, its tags and a task about it; returns whether all of it was taken."""
        put = cloud.call("PUT", key, body=body)
        if put.status != 200:
            self.refused.add((put.status, put.error()["Code"]))
            return False
        self.bodies[key] = body
        document = (
            f"<Tagging><TagSet><Tag><Key>k</Key><Value>{value}</Value></Tag></TagSet></Tagging>".encode()
        )
        tagged = cloud.call("PUT", key, "tagging", document)
        if tagged.status != 200:
            self.refused.add((tagged.status, tagged.error()["Code"]))
            return False
        self.tags[key] = value.encode()
        try:
            self.tasks[cloud.create_task(key)] = key
        except ServerException as error:
            self.refused.add((error.status_code, error.code))
            return False
        return True

    def check(self, cloud: KeptCloud) -> None:
        """Compare with what a cloud has now."""
        for key, body in self.bodies.items():
            assert cloud.call("GET", key).body == body, key
        for key, value in self.tags.items():
            assert b"<Value>" + value + b"</Value>" in cloud.call("GET", key, "tagging").body, key
        for task_id, key in self.tasks.items():
            assert cloud.source_of_task(task_id) == f"oss://{BUCKET}/{key}"


def test_what_was_acknowledged_outlives_a_killed_process(tmp_path: Path) -> None:
    # given clients that write at the same time
    acknowledged, enough = Acknowledged(), threading.Event()

    def write(number: int, cloud: KeptCloud) -> None:
        draw = random.Random(number)
        try:
            for turn in itertools.count():
                body = draw.randbytes(draw.choice([0, 100, 300 * KIBIBYTE]))
                acknowledged.write(cloud, f"videos/{number}-{turn}.mp4", body, f"value {turn}")
                if len(acknowledged.tasks) >= 12:
                    enough.set()
        except BROKEN_OFF:
            pass

    # when the process is killed in the middle of it
    with kept_cloud(tmp_path / "state") as cloud:
        threads = [threading.Thread(target=write, args=(number, cloud)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        cloud.process.kill()
        for thread in threads:
            thread.join()
    # then the next one has all that was acknowledged, and no file of what was not
    with kept_cloud(tmp_path / "state") as cloud:
        acknowledged.check(cloud)
        assert not list((tmp_path / "state" / "objects").glob("*.part"))


def test_a_replaced_object_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    sent = [bytes([number]) * KIBIBYTE for number in range(200)]
    told: list[bytes] = []
    with kept_cloud(tmp_path / "state") as cloud:
        killing = threading.Event()

        def replace() -> None:
            try:
                for body in sent:
                    assert cloud.call("PUT", "a.mp4", body=body).status == 200
                    told.append(body)
                    if len(told) == 20:
                        killing.set()
            except BROKEN_OFF:
                pass

        thread = threading.Thread(target=replace)
        thread.start()
        assert killing.wait(60)
        cloud.process.kill()
        thread.join()
    with kept_cloud(tmp_path / "state") as cloud:
        assert cloud.call("GET", "a.mp4").body in sent[len(told) - 1 :][:2]


def test_what_a_full_disk_does_not_take_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    # given a cloud that cannot write beyond so many bytes of a file
    limit = 256 * KIBIBYTE
    acknowledged = Acknowledged()
    with kept_cloud(tmp_path / "state", largest_file=limit) as cloud:
        # when a body is too large, also for an object that is there, and later the database too
        assert acknowledged.write(cloud, "old.mp4", b"old", "v")
        for key in ("large.mp4", "old.mp4"):
            refused = cloud.call("PUT", key, body=bytes(2 * limit))
            assert (refused.status, refused.error()["Code"]) == (500, "InternalError")
            assert "File too large" in refused.error()["Message"]
        assert len(list((tmp_path / "state" / "objects").iterdir())) == 1
        number = 0
        while acknowledged.write(cloud, f"{number}.mp4", b"video", "v" * 256):
            number += 1
        # then each is refused in the words of its service, on a connection that lives
        assert acknowledged.refused == {(500, "InternalError")}
        assert number > 10
        # and what had been kept can be read at once
        acknowledged.check(cloud)
    # and after a restart with room there is more than before
    with kept_cloud(tmp_path / "state") as cloud:
        acknowledged.check(cloud)
        assert acknowledged.write(cloud, "large.mp4", bytes(2 * limit), "v")


def test_a_body_that_is_gone_is_told(tmp_path: Path) -> None:
    with kept_cloud(tmp_path / "state") as cloud:
        assert cloud.call("PUT", "a.mp4", body=b"a video").status == 200
        for body in (tmp_path / "state" / "objects").iterdir():
            body.unlink()
        answer = cloud.call("GET", "a.mp4")
        assert (answer.status, answer.error()["Code"]) == (500, "InternalError")
        assert "No such file" in answer.error()["Message"]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a cloud that has ended."""
    directory = tmp_path_factory.mktemp("ended")
    with LocalCloud(CloudConfig(directory=directory)) as cloud:
        cloud.call(cloud.objects.create_bucket, BUCKET)
        for number in range(200):
            cloud.call(cloud.objects.put_object, BUCKET, f"{number}.mp4", b"a video", {"k": "v" * 200})
    return directory


@pytest.mark.parametrize("damage", ["not a database", "an overwritten page", "cut off"])
def test_a_damaged_database_is_told_in_one_line_and_nothing_is_swept(
    ended: Path, tmp_path: Path, damage: str
) -> None:
    database = shutil.copytree(ended, tmp_path / "state") / "state.sqlite3"
    content = bytearray(database.read_bytes())
    if damage == "not a database":
        content[:] = b"no such thing" * 1000
    elif damage == "an overwritten page":
        content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    else:
        del content[len(content) // 2 :]
    database.write_bytes(content)
    with pytest.raises(StateUnusable) as told, LocalCloud(CloudConfig(directory=tmp_path / "state")):
        pass
    assert "damaged" in str(told.value)
    assert str(tmp_path / "state") in str(told.value)
    assert "\n" not in str(told.value)
    assert len(list((tmp_path / "state" / "objects").iterdir())) == 200


def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    with kept_cloud(tmp_path / "state") as cloud:
        with (
            pytest.raises(StateUnusable, match="another process uses it"),
            LocalCloud(CloudConfig(directory=tmp_path / "state")),
        ):
            pass
        assert cloud.call("PUT", "a.mp4", body=b"a video").status == 200


def test_a_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match="cannot be used"):
        Database(tmp_path / "file" / "state")


def test_a_transaction_is_kept_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    database = Database(tmp_path / "state")
    database.create("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    with pytest.raises(sqlite3.IntegrityError), database.transaction():
        for number in (1, 2, 1):
            database.execute("INSERT INTO t VALUES (?)", (number,))
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.execute("INSERT INTO t VALUES (3)")
        raise ZeroDivisionError
    with database.transaction():
        database.execute("INSERT INTO t VALUES (4)")
    assert [row["n"] for row in database.all("SELECT n FROM t")] == [4]
    with pytest.raises(StateInaccessible, match="no such table"):
        database.one("SELECT * FROM missing")
    database.close()
    shutil.rmtree(tmp_path / "state")


def test_clients_wait_where_a_process_may_not_have_many_files_open(tmp_path: Path) -> None:
    # given far more connections than files may be open, each of which asks for a file
    with kept_cloud(tmp_path / "state", open_files=64) as cloud, ExitStack() as stack:
        assert cloud.call("PUT", "a.mp4", body=b"a video").status == 200
        connections = [stack.enter_context(cloud.connect()) for _ in range(200)]
        # when all of them ask at once
        for connection in connections:
            connection.sendall(cloud.request("GET", "a.mp4"))
        # then each has its answer in the end
        for connection in connections:
            with connection.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
                assert answer.read().endswith(b"\r\n\r\na video")
        cloud.process.kill()
        # and it is told in one line, not for each
        assert (cloud.process.stderr.read() if cloud.process.stderr else "").count("\n") == 1
