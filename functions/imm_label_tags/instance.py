"""What an instance of the function keeps between invocations: settings, clients, threads."""

from __future__ import annotations

from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from imm_label_tags.credentials import RoleCredentials
from imm_label_tags.environment import shut_out
from imm_label_tags.invocation import Invocation
from imm_label_tags.log import Log
from imm_label_tags.naming import Naming
from imm_label_tags.romanisation import romanise
from imm_label_tags.settings import Settings, read_settings
from imm_label_tags.tag_plan import TagScheme
from imm_label_tags.tagging import Policy, Tagger

CONCURRENT_ITEMS = 16
CODE_ROOT = Path(__file__).parent.parent


class Instance:
    """A started instance. Building one reads the settings and builds both SDKs' clients.

    Raises InvalidSetting.
    """

    def __init__(self, environment: MutableMapping[str, str], context: Any) -> None:
        settings = read_settings(environment, CODE_ROOT)
        self._credentials = RoleCredentials(environment)
        self._log = Log(settings.log_level, self._credentials.redact)
        for name in shut_out(environment):
            self._log.write("WARNING", f"The variable {name} is not obeyed: it would expose signed requests.")
        self._credentials.use(context)
        self._tagger = _build_tagger(settings, self._credentials, context, environment)
        # Items of a list wait for calls, so the calls have threads of their own.
        self._items = ThreadPoolExecutor(CONCURRENT_ITEMS, thread_name_prefix="item")
        self._cold = True

    def handle(self, event: bytes, context: Any) -> dict[str, Any]:
        """Handle one invocation; see Invocation.run."""
        self._credentials.use(context)
        cold, self._cold = self._cold, False
        request_id = str(getattr(context, "request_id", "") or "")
        return Invocation(self._tagger, self._items, self._log, request_id, cold).run(event)


def _build_tagger(
    settings: Settings,
    credentials: RoleCredentials,
    context: Any,
    environment: MutableMapping[str, str],
) -> Tagger:
    # Imported here, so that a wrong setting is reported before the SDKs' import has been paid for.
    from imm_label_tags.imm import ImmTasks
    from imm_label_tags.oss import OssObjects

    region = getattr(context, "region", None) or environment.get("FC_REGION", "")
    account_id = str(getattr(context, "account_id", None) or environment.get("FC_ACCOUNT_ID", ""))
    return Tagger(
        tasks=ImmTasks(region, account_id, settings.imm_endpoint, credentials),
        objects=OssObjects(region, account_id, settings.oss_endpoint, credentials),
        policy=Policy(
            scheme=TagScheme(
                namespace=settings.namespace,
                value=settings.tag_value,
                naming=Naming(settings.label_names, settings.lexicon, romanise),
                minimum_confidence=settings.minimum_confidence,
                label_limit=settings.label_limit,
            ),
            allowed_objects=settings.allowed_objects,
            stale_objects=settings.stale_objects,
        ),
        calls=ThreadPoolExecutor(CONCURRENT_ITEMS, thread_name_prefix="call"),
    )
