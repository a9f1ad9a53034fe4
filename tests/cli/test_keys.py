"""Keys of a profile that change while a command runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.cloud.access import Access, Endpoints
from cli.cloud.keys import ID, SECRET, TOKEN, KeySource, NoKeys


class Profiles:
    """The file of `aliyun configure`, with one profile of temporary keys."""

    def __init__(self, home: Path) -> None:
        self.path = home / ".aliyun" / "config.json"
        self.path.parent.mkdir()
        self.environment = {"HOME": str(home)}
        self._written = 0

    def write(self, number: int) -> None:
        profile = {
            "name": "temporary",
            "mode": "StsToken",
            "access_key_id": f"id-{number}",
            "access_key_secret": f"secret-{number}",
            "sts_token": f"token-{number}",
        }
        self.path.write_text(json.dumps({"current": "temporary", "profiles": [profile]}), "utf-8")
        # However coarse the file system's clock is.
        self._written += 1_000_000_000
        os.utime(self.path, ns=(self._written, self._written))


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path)


@pytest.mark.parametrize("name", ["", "temporary"])
def test_keys_that_somebody_renews_in_the_file_are_used_at_once(profiles: Profiles, name: str) -> None:
    profiles.write(1)
    source = KeySource(profiles.environment, name)
    assert source.keys() == ("id-1", "secret-1", "token-1")
    profiles.write(2)
    assert source.keys() == ("id-2", "secret-2", "token-2")
    # And whatever hides keys knows the new ones
    assert [profiles.environment[name] for name in (ID, SECRET, TOKEN)] == list(source.keys())


def test_clients_of_both_sdks_ask_for_the_keys_of_each_moment(profiles: Profiles) -> None:
    profiles.write(1)
    source = KeySource(profiles.environment)
    access = Access("cn-hangzhou", source.keys(), Endpoints().resolved("cn-hangzhou", ""), source=source)
    client = access.oss()
    assert client._client._options.credentials_provider.get_credentials().security_token == "token-1"
    profiles.write(2)
    assert client._client._options.credentials_provider.get_credentials().security_token == "token-2"
    assert access.credentials.keys().security_token == "token-2"
    assert "secret-2" not in access.credentials.redact("refused: secret-2")


def test_the_last_keys_are_used_where_no_others_can_be_had(profiles: Profiles) -> None:
    profiles.write(1)
    source = KeySource(profiles.environment)
    first = source.keys()
    profiles.path.unlink()
    assert source.keys() == first


def test_without_any_keys_it_is_told_where_they_were_looked_for(profiles: Profiles) -> None:
    with pytest.raises(NoKeys, match=r"config\.json"):
        KeySource(profiles.environment).keys()


def test_keys_of_the_environment_cannot_change(profiles: Profiles) -> None:
    profiles.write(1)
    environment = {**profiles.environment, ID: "id-0", SECRET: "secret-0"}
    source = KeySource(environment)
    assert (source.renewable, source.keys()) == (False, ("id-0", "secret-0", ""))
    assert KeySource(environment, "temporary").renewable
