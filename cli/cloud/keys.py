"""Whose keys sign the calls: found where the SDKs and the ``aliyun`` command line find them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path

from alibabacloud_credentials.provider import CLIProfileCredentialsProvider

from cli.problems import Problem
from imm_label_tags.services.credentials import Keys, RoleCredentials, without_keys

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


class KeySource:
    """The keys of a profile that is named, else those of the environment, else of the current profile.

    Those of a profile may change while a command runs: temporary ones are renewed before they expire, and the
    file of profiles is read again where somebody has changed it. They are put into the environment, because
    whatever hides keys looks for them there. ``renewable`` says whether they can change at all.
    """

    def __init__(self, environment: MutableMapping[str, str], profile: str = "") -> None:
        self._environment = environment
        self._profile = profile
        self._given = {name: environment.get(name, "").strip() for name in (ID, SECRET, TOKEN)}
        self.renewable = bool(profile) or not (self._given[ID] or self._given[SECRET])
        self._guard = threading.Lock()
        self._read_at: int | None = None
        self._provider: CLIProfileCredentialsProvider | None = None
        self._last: Keys | None = None

    def keys(self) -> Keys:
        """The keys of this moment, or the last ones where no others can be had; raises NoKeys."""
        if not self.renewable:
            missing = [name for name in (ID, SECRET) if not self._given[name]]
            if missing:
                raise NoKeys(f"There are no keys for Alibaba Cloud: {missing[0]} not set.")
            return Keys(*self._given.values())
        with self._guard:
            try:
                keys = self._of_profile()
            except NoKeys:
                if self._last is None:
                    raise
                return self._last
            if keys != self._last:
                self._environment.update(zip((ID, SECRET, TOKEN), keys, strict=True))
                self._last = keys
            return keys

    def _of_profile(self) -> Keys:
        name = self._profile or self._environment.get(PROFILE, "")
        path = _profiles(self._environment)
        if not path.is_file():
            if not name:
                raise NoKeys(
                    f"There are no keys for Alibaba Cloud: {ID} and {SECRET} not set, and no {path}."
                )
            written = None
        else:
            written = path.stat().st_mtime_ns
        if self._provider is None or written != self._read_at:
            self._provider = CLIProfileCredentialsProvider(profile_name=name or None, profile_file=str(path))
            self._read_at = written
        return _keys_of_profile(self._provider, path, name)


class PresentCredentials(RoleCredentials):
    """The function's credentials, for which a source of keys is asked at each request."""

    def __init__(self, source: Callable[[], Keys]) -> None:
        super().__init__({})
        self._source = source

    def keys(self) -> Keys:
        """The keys of this moment; raises NoKeys."""
        self._of_context = self._source()
        return super().keys()


def _keys_of_profile(provider: CLIProfileCredentialsProvider, path: Path, name: str) -> Keys:
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
