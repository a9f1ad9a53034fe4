"""Replaces what is wrong in the props of a function by something harmless, so that the rest can be read."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

# fc3 wants cpu and diskSize with some sizes of memory and not with others.
_SIZES = ("cpu", "diskSize", "memorySize")
_LIST_ITEM = re.compile(r".*\[\d+\]")
_INDEX = re.compile(r"\[(\d+)\]")
_LAYER = "acs:fc:cn-hangzhou:1:layers/stand-in/versions/1"
_TOPIC = "acs:mns:cn-hangzhou:1:/topics/stand-in"
_STAND_INS: dict[str, Any] = {
    "Arn": "acs:mns:cn-hangzhou:1:/queues/stand-in",
    "CountBasedWindow": 1,
    "PushRetryStrategy": "BACKOFF_RETRY",
    "QueueName": "stand-in",
    "TimeBasedWindow": 0,
    "asyncInvocationType": True,
    "code": ".",
    "deliveryOption": {},
    "destination": "acs:mns:cn-hangzhou:1:/topics/stand-in/messages",
    "eventRuleFilterPattern": "{}",
    "eventSourceConfig": {"eventSourceType": "Default"},
    "eventSourceParameters": {"sourceMNSParameters": {"QueueName": "stand-in"}},
    "eventSourceType": "Default",
    "functionName": "stand-in",
    "handler": "index.handler",
    "logstore": "stand-in",
    "mode": "event-driven",
    "notifyContentFormat": "JSON",
    "notifyStrategy": "EXPONENTIAL_DECAY_RETRY",
    "project": "stand-in",
    "region": "cn-hangzhou",
    "runtime": "python3.12",
    "sourceMNSParameters": {"QueueName": "stand-in"},
    "triggerType": "timer",
}
_SETTINGS: dict[str, dict[str, Any]] = {
    "mns_topic": {"notifyContentFormat": "JSON", "notifyStrategy": "EXPONENTIAL_DECAY_RETRY"},
    "eventbridge": {
        "asyncInvocationType": True,
        "eventRuleFilterPattern": "{}",
        "eventSourceConfig": {"eventSourceType": "Default"},
    },
}


class Mender:
    """Mends the props of one function, in place; ``where`` is the path that leads to them."""

    def __init__(self, props: dict[str, Any], where: str) -> None:
        self._props = props
        self._where = where
        self.mended: set[str] = set()

    def mend(self, where: str) -> bool:
        """Put something harmless at a path, or nothing.

        Where that did not help before, the list item around it is replaced; False if there is none.
        """
        if where in self.mended:
            item = _LIST_ITEM.match(where, len(self._where))
            where = where[: item.end()] if item is not None else where
        if where in self.mended or not where.startswith(f"{self._where}."):
            return False
        self.mended.add(where)
        rest = where[len(self._where) + 1 :]
        if rest in _SIZES:
            for size in _SIZES:
                self._props.pop(size, None)
            return True
        container, key = _locate(self._props, rest)
        if isinstance(container, list):
            container[key] = self._list_item(rest)
        elif key == "triggerName":
            container[key] = self._new_name()
        elif key == "triggerConfig":
            container[key] = deepcopy(_SETTINGS.get(str(container.get("triggerType")), {}))
        elif key == "sourceArn" and container.get("triggerType") == "mns_topic":
            container[key] = _TOPIC
        elif key in _STAND_INS:
            container[key] = deepcopy(_STAND_INS[key])
        else:
            container.pop(key, None)
        return True

    def _list_item(self, rest: str) -> Any:
        if rest.startswith("layers["):
            return _LAYER
        return {"triggerName": self._new_name(), "triggerType": "timer", "triggerConfig": {}}

    def _new_name(self) -> str:
        return f"stand-in-{len(self.mended)}"


def _locate(value: Any, rest: str) -> tuple[Any, Any]:
    """The innermost mapping or list on a path, and what is asked of it. Keys may hold dots and brackets."""
    if isinstance(value, list):
        match = _INDEX.match(rest)
        if match is None or int(match[1]) >= len(value):
            return {}, rest
        after = rest[match.end() :]
        return _locate(value[int(match[1])], after.removeprefix(".")) if after else (value, int(match[1]))
    for key in sorted(value, key=len, reverse=True):
        if isinstance(value[key], dict) and rest.startswith(f"{key}."):
            return _locate(value[key], rest[len(key) + 1 :])
        if isinstance(value[key], list) and rest.startswith(f"{key}["):
            return _locate(value[key], rest[len(key) :])
    return value, rest
