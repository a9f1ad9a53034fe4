"""A logstore's index: which fields can be searched and counted, and how texts are cut into words.

Help page sls/developer-reference/api-sls-2020-12-30-createindex. Only what is indexed can be searched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.refusals import RequestRefused

LONGEST_TEXT = 2048
_NESTED_TYPES = ("text", "long", "double")
_TYPES = (*_NESTED_TYPES, "json")
_LINE = {"caseSensitive", "chn", "exclude_keys", "include_keys", "token"}
_KEY = {
    *("alias", "caseSensitive", "chn", "doc_value", "embedding", "index_all", "json_keys", "max_depth"),
    *("token", "type", "vector_index"),
}
_TOP = {
    *("keys", "line", "log_reduce", "log_reduce_black_list", "log_reduce_white_list", "max_text_len"),
    *("scan_index", "ttl"),
}
# Fields of every log, which need no index: help page sls/reserved-fields.
RESERVED = ("__topic__", "__source__")


class ParameterInvalid(RequestRefused):
    """A parameter that is missing or not as it must be (help page …/developer-reference/api-error-codes)."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "ParameterInvalid", message)


@dataclass(frozen=True)
class Column:
    """A field that can be searched by its name: ``path`` leads to it in a field that holds JSON."""

    name: str
    field: str
    path: tuple[str, ...]
    type: str
    token: str
    case_sensitive: bool
    counted: bool

    def value(self, log: Mapping[str, str], documents: Mapping[str, Any]) -> str | None:
        """The field's text in a log, whose JSON fields are read already."""
        if not self.path:
            return log.get(self.field)
        return _within(documents.get(self.field), self.path)


class Index:
    """An index as ``document`` says; raises ParameterInvalid."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        _check(document)
        self.line: Mapping[str, Any] | None = document.get("line")
        self.longest_text = int(document.get("max_text_len") or LONGEST_TEXT)
        self.columns = {column.name: column for column in _columns(document.get("keys") or {})}
        self.json_fields = {column.field for column in self.columns.values() if column.path}

    def documents(self, log: Mapping[str, str]) -> dict[str, Any]:
        """The fields of a log that hold JSON, read."""
        documents = {}
        for field in self.json_fields:
            try:
                documents[field] = json.loads(log.get(field, ""))
            except ValueError:
                continue
        return documents


def words(text: str, token: str, *, case_sensitive: bool = False) -> list[str]:
    """A text cut at each delimiter."""
    text = text if case_sensitive else text.lower()
    return [word for word in re.split(f"[{re.escape(token)}]+", text) if word] if token else [text]


def _within(document: Any, path: Sequence[str]) -> str | None:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return None
        document = document[key]
    if isinstance(document, str):
        return document
    return json.dumps(document, ensure_ascii=False)


def _columns(keys: Mapping[str, Mapping[str, Any]]) -> Iterator[Column]:
    for name in RESERVED:
        yield Column(name, name, (), "text", "", case_sensitive=False, counted=True)
    for name, key in keys.items():
        if key["type"] == "json":
            for nested, inner in (key.get("json_keys") or {}).items():
                # A nested text is cut as the whole field is.
                yield _column(
                    f"{name}.{nested}", name, tuple(nested.split(".")), {**key, "doc_value": False, **inner}
                )
        else:
            yield _column(name, name, (), key)


def _column(name: str, field: str, path: tuple[str, ...], key: Mapping[str, Any]) -> Column:
    return Column(
        name,
        field,
        path,
        key["type"],
        "".join(key.get("token") or []),
        bool(key.get("caseSensitive")),
        bool(key.get("doc_value")),
    )


def _check(document: Mapping[str, Any]) -> None:
    _check_names("index", document, _TOP)
    line, keys = document.get("line"), document.get("keys")
    if not line and not keys:
        raise ParameterInvalid("an index must have line or keys")
    if line is not None:
        _check_names("line", line, _LINE)
        _check_tokens("line", line)
        if not line.get("token"):
            raise ParameterInvalid("line must have token")
    if not isinstance(keys or {}, dict):
        raise ParameterInvalid("keys must be an object")
    for name, key in (keys or {}).items():
        _check_key(f"key {name}", key, _TYPES)
        for nested, inner in (key.get("json_keys") or {}).items():
            if key["type"] != "json":
                raise ParameterInvalid(f"key {name} has json_keys but is not of type json")
            _check_key(f"key {name}.{nested}", inner, _NESTED_TYPES)
    longest = document.get("max_text_len", LONGEST_TEXT)
    if not isinstance(longest, int) or not 64 <= longest <= 16_384:
        raise ParameterInvalid("max_text_len must be 64 to 16384")


def _check_key(where: str, key: Any, types: Sequence[str]) -> None:
    _check_names(where, key, _KEY)
    if key.get("type") not in types:
        raise ParameterInvalid(f"{where} has type {key.get('type')!r}, which must be one of {types}")
    _check_tokens(where, key)
    if not isinstance(key.get("json_keys") or {}, dict):
        raise ParameterInvalid(f"{where} has json_keys that are no object")


def _check_tokens(where: str, part: Mapping[str, Any]) -> None:
    token = part.get("token", [])
    if not isinstance(token, list) or not all(isinstance(one, str) and len(one) == 1 for one in token):
        raise ParameterInvalid(f"{where} has a token that is no list of single characters")


def _check_names(where: str, part: Any, known: set[str]) -> None:
    if not isinstance(part, dict):
        raise ParameterInvalid(f"{where} must be an object")
    unknown = sorted(part.keys() - known)
    if unknown:
        raise ParameterInvalid(f"{where} has unknown fields {unknown}")
