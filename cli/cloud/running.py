"""Local clouds that run on this machine: each says where it is in a file of its user's, locked while it runs.

The lock goes with the process, however it ends, so that a file that was left behind is told from one that
counts.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from cli.problems import Problem

# A directory that the system gives a user for a session (XDG Base Directory Specification).
RUNTIME_DIRECTORY = "XDG_RUNTIME_DIR"
_CONNECT_SECONDS = 2.0
_START = "Start one with `imm-label-tags serve`, or leave --local out for the account."


class NotRunning(Problem):
    """There is no local cloud where the command was told to work, or more than one."""


@dataclass(frozen=True)
class RunningCloud:
    """A local cloud as it describes itself; ``control`` is the URL of that description.

    ``handlers`` are those of its functions by the functions' names. ``unicode_tags`` says whether its OSS
    takes tags outside the documented alphabet.
    """

    control: str
    region: str
    account_id: str
    access_key_id: str
    access_key_secret: str
    endpoints: Mapping[str, str]
    handlers: Mapping[str, str]
    unicode_tags: bool


@contextmanager
def announced(control: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Let the commands of the same user find a local cloud meanwhile; raises OSError."""
    directory = _directory(environment)
    directory.mkdir(mode=0o700, exist_ok=True)
    _check_owner(directory)
    # Locked before it has its name: nobody takes it for one that was left behind.
    with tempfile.NamedTemporaryFile("w", dir=directory, prefix=".", delete=False) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"control": control}, file)
        file.flush()
        path = Path(file.name).rename(directory / f"{control.rpartition(':')[2]}.json")
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def find_running(url: str, environment: Mapping[str, str]) -> RunningCloud:
    """The local cloud at a URL, else the only one that this user runs; raises NotRunning."""
    return _describe(url.rstrip("/") if url else _only(_announced(environment)))


def _only(urls: list[str]) -> str:
    if not urls:
        raise NotRunning(f"No local cloud of yours is running. {_START}")
    if len(urls) > 1:
        raise NotRunning(f"{len(urls)} local clouds are running; name one: --local {' or '.join(urls)}.")
    return urls[0]


def _announced(environment: Mapping[str, str]) -> list[str]:
    """The control URLs of those that run; what others left behind is removed."""
    directory = _directory(environment)
    urls = []
    try:
        _check_owner(directory)
        paths = sorted(directory.glob("*.json"))
    except OSError:
        return []
    for path in paths:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError), path.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                urls.append(str(json.load(file)["control"]))
            else:
                path.unlink()
    return urls


def _directory(environment: Mapping[str, str]) -> Path:
    given = environment.get(RUNTIME_DIRECTORY, "")
    if given and Path(given).is_dir():
        return Path(given, "imm-label-tags")
    return Path(tempfile.gettempdir(), f"imm-label-tags-{os.getuid()}")


def _check_owner(directory: Path) -> None:
    """Raise OSError where somebody else could say where a command is to work."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise OSError(f"{directory} is not a directory that only you may write to")


def get_json(url: str, **query: str) -> Any:
    """What a local cloud says of itself at a URL; raises NotRunning."""
    session = requests.Session()
    session.trust_env = False
    with session:
        try:
            return session.get(url, params=query, timeout=_CONNECT_SECONDS).json()
        except (requests.RequestException, ValueError):
            raise NotRunning(f"No local cloud answers at {url}. {_START}") from None


def _describe(control: str) -> RunningCloud:
    content = get_json(control)
    try:
        return RunningCloud(
            control=control,
            region=content["region"],
            account_id=content["account_id"],
            access_key_id=content["access_key_id"],
            access_key_secret=content["access_key_secret"],
            endpoints=dict(content["endpoints"]),
            handlers=dict(content["handlers"]),
            unicode_tags=bool(content.get("unicode_tags")),
        )
    except (ValueError, LookupError, TypeError):
        raise NotRunning(f"No local cloud answers at {control}. {_START}") from None
