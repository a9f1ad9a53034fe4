"""Whose keys sign the calls: found where the SDKs and the ``aliyun`` command line find them."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from alibabacloud_credentials.provider import CLIProfileCredentialsProvider

from cli.problems import Problem
from imm_label_tags.services.credentials import Keys, without_keys

ID = "ALIBABA_CLOUD_ACCESS_KEY_ID"
SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"
PROFILE = "ALIBABA_CLOUD_PROFILE"
ABSENT = Keys("", "", "")


class NoKeys(Problem):
    """There are no keys, or not all of them; ``said`` is what was found, ``advice`` what to do."""

    advice = (
        "Export the keys of a user or role that may do what deploy/policies/setup.json lists (and "
        f"{TOKEN} for temporary ones), or run `aliyun configure`; --local works on a running "
        "`imm-label-tags serve`."
    )

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(f"{said} {self.advice}")


def find_keys(environment: MutableMapping[str, str], profile: str = "") -> Keys:
    """The keys of a profile that is named, else those of the environment, else of the current profile.

    Keys of a profile are put into the environment: whatever hides keys looks for them there. Raises NoKeys.
    """
    given = {name: environment.get(name, "").strip() for name in (ID, SECRET, TOKEN)}
    if not profile and (given[ID] or given[SECRET]):
        missing = [name for name in (ID, SECRET) if not given[name]]
        if missing:
            raise NoKeys(f"There are no keys for Alibaba Cloud: {missing[0]} not set.")
        return Keys(*given.values())
    name = profile or environment.get(PROFILE, "")
    path = _profiles(environment)
    if not name and not path.is_file():
        raise NoKeys(f"There are no keys for Alibaba Cloud: {ID} and {SECRET} not set, and no {path}.")
    keys = _keys_of_profile(path, name)
    environment.update(zip((ID, SECRET, TOKEN), keys, strict=True))
    return keys


def _keys_of_profile(path: Path, name: str) -> Keys:
    provider = CLIProfileCredentialsProvider(profile_name=name or None, profile_file=str(path))
    try:
        found = provider.get_credentials()
    except Exception as error:
        # The package raises its own errors, ValueError, and those of whatever a profile makes it ask.
        said = _without_profiles(str(error).strip() or type(error).__name__, path)
    else:
        return Keys(
            found.get_access_key_id(), found.get_access_key_secret(), found.get_security_token() or ""
        )
    which = f"profile {name}" if name else "current profile"
    raise NoKeys(f"The {which} of {path} gives no keys: {said.rstrip('.')}.")


def _without_profiles(text: str, path: Path) -> str:
    """A text without the keys that a file of profiles holds: a service may repeat what it was sent."""
    try:
        profiles = json.loads(path.read_text("utf-8"))["profiles"]
        for one in profiles:
            names = ("access_key_id", "access_key_secret", "sts_token")
            keys = (str(one.get(name) or "") for name in names)
            text = without_keys(text, dict(zip((ID, SECRET, TOKEN), keys, strict=True)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        # A file that cannot be read has no keys that could have been sent.
        return text
    return text


def _profiles(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or Path.home(), ".aliyun", "config.json")
