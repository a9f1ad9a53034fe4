"""The function's own code in this process, with the settings that ``s.yaml`` would give it."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace

from cli.cloud.access import Access
from cli.cloud.target import Target
from cli.failed.answer import Answer, Failed, Succeeded
from cli.problems import Problem
from imm_label_tags.errors import InvalidSetting, TaggingError
from imm_label_tags.tagging.instance import Instance


class FunctionHere:
    """An instance of the function that acts with the keys of the person at the terminal.

    Raises Problem for a setting that the function would not take.
    """

    where = "in this process"

    def __init__(self, access: Access, target: Target) -> None:
        function = target.function
        self._context = {
            "region": access.region,
            "account_id": target.account_id,
            "function": SimpleNamespace(name=function.name, timeout=function.timeout),
        }
        try:
            with unlogged():
                self._instance = Instance(_environment(access, function.environment), self._invocation())
        except InvalidSetting as error:
            raise Problem(str(error)) from None

    def handle(self, event: bytes) -> Answer:
        """Handle an event."""
        try:
            outcomes = self._instance.handle(event, self._invocation())["outcomes"]
        except TaggingError as error:
            return Failed(type(error).__name__, str(error), error.retryable)
        return Succeeded(tuple(outcome["status"] for outcome in outcomes))

    def _invocation(self) -> SimpleNamespace:
        return SimpleNamespace(request_id=f"replay-{secrets.token_hex(8)}", **self._context)


@contextmanager
def unlogged() -> Iterator[None]:
    """Let nothing that the function logs onto the terminal: errors are reported at the end."""
    with redirect_stdout(_Nowhere()):
        yield


class _Nowhere(io.TextIOBase):
    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)


def _environment(access: Access, settings: Mapping[str, str]) -> dict[str, str]:
    keys = access.keys
    return {
        **settings,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": keys.security_token,
        # OSS's internal endpoint, the function's default, is reached from within Alibaba Cloud only.
        "IMM_ENDPOINT": access.endpoints["imm"].url,
        "OSS_ENDPOINT": access.endpoints["oss"].url,
    }
