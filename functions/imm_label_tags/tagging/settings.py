"""The function's settings, read once from environment variables."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from imm_label_tags.environment import LOG_LEVELS, Endpoint, Variables, read_endpoint
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.results.target import ObjectPatterns, ObjectPrefix
from imm_label_tags.tags.charset import MAX_TAGS, is_legal
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.plan import TagScheme, TaskKind
from imm_label_tags.tags.romanisation import romanise
from imm_label_tags.tags.rules import NO_RULES, TagRules
from imm_label_tags.tags.value_template import ValueTemplate

_NAMESPACE_NAME = re.compile(r"[A-Za-z0-9.-]{1,32}")
LONGEST_SECOND_LOOK = 60
_SECONDS = r"\d{1,2}(\.\d{1,3})?"
ARCHIVE = "RESULT_ARCHIVE"
ALLOWED = "ALLOWED_OBJECTS"
NAMESPACE = "TAG_NAMESPACE"


class StaleObjects(str, Enum):
    """What happens to an object that was written after its task had started."""

    SKIP = "skip"
    TAG = "tag"


class Settings(NamedTuple):
    """Every setting, checked. ``allowed_objects``, ``result_archive`` and the endpoints: None where unset."""

    namespace: str
    tag_value: ValueTemplate
    minimum_confidence: float
    label_limit: int
    label_names: LabelNames
    lexicon: Mapping[str, str]
    tag_rules: TagRules
    allowed_objects: ObjectPatterns | None
    stale_objects: StaleObjects
    second_look_seconds: float
    result_archive: ObjectPrefix | None
    imm_endpoint: Endpoint | None
    oss_endpoint: Endpoint | None
    log_level: str

    def scheme(self, others: tuple[TaskKind, ...] = ()) -> TagScheme:
        """How labels become tags, beside those of ``others``."""
        return TagScheme(
            namespace=self.namespace,
            value=self.tag_value,
            naming=Naming(self.label_names, self.lexicon, romanise),
            minimum_confidence=self.minimum_confidence,
            label_limit=self.label_limit,
            rules=self.tag_rules,
            others=others,
        )


def read_settings(environment: Mapping[str, str], code_root: Path) -> Settings:
    """Read and check all settings; an empty variable counts as unset.

    Raises InvalidSetting.
    """
    variables = Variables(environment)
    return Settings(
        namespace=read_namespace(variables),
        tag_value=_tag_value(variables),
        minimum_confidence=_number(variables, "LABEL_MIN_CONFIDENCE", "0.5", 1, "a number"),
        label_limit=int(_number(variables, "LABEL_LIMIT", "9", MAX_TAGS, "a whole number", r"\d{1,2}")),
        label_names=LabelNames(variables.choice("LABEL_NAMES", "pinyin", tuple(LabelNames))),
        lexicon=_lexicon(variables, code_root),
        tag_rules=_tag_rules(variables, code_root),
        allowed_objects=ObjectPatterns.from_setting(ALLOWED, variables.text(ALLOWED)),
        stale_objects=StaleObjects(variables.choice("STALE_OBJECTS", "skip", tuple(StaleObjects))),
        second_look_seconds=_number(
            variables, "SECOND_LOOK_SECONDS", "0", LONGEST_SECOND_LOOK, "a number of seconds", _SECONDS
        ),
        result_archive=_result_archive(variables),
        imm_endpoint=read_endpoint(variables, "IMM_ENDPOINT"),
        oss_endpoint=read_endpoint(variables, "OSS_ENDPOINT"),
        log_level=variables.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
    )


def read_namespace(variables: Variables) -> str:
    """The key of the provenance tag. Raises InvalidSetting."""
    text = variables.text(NAMESPACE, "imm")
    if not _NAMESPACE_NAME.fullmatch(text):
        raise InvalidSetting(NAMESPACE, text, "1 to 32 of the characters A-Z a-z 0-9 . -")
    return text


def _tag_value(variables: Variables) -> ValueTemplate:
    text = variables.text("TAG_VALUE", "yes")
    try:
        return ValueTemplate(text)
    except ValueError:
        raise InvalidSetting("TAG_VALUE", text, ValueTemplate.ALLOWED) from None


def _number(
    variables: Variables, variable: str, default: str, highest: int, what: str, form: str = ".*"
) -> float:
    text = variables.text(variable, default)
    try:
        number = float(text) if re.fullmatch(form, text, re.ASCII) else math.nan
    except ValueError:
        number = math.nan
    if not 0 <= number <= highest:
        raise InvalidSetting(variable, text, f"{what} from 0 to {highest}")
    return number


def _lexicon(variables: Variables, code_root: Path) -> Mapping[str, str]:
    variable = "LABEL_LEXICON"
    path = variables.text(variable)
    if not path:
        return {}
    lexicon = _json_file(variable, path, code_root)
    if not isinstance(lexicon, dict):
        raise InvalidSetting(variable, path, 'a file with one JSON object such as {"椅子": "chair"}')
    for label, name in lexicon.items():
        if not isinstance(name, str) or not name.strip() or not is_legal(name.strip()):
            allowed = f"a file whose names consist of A-Za-z0-9, spaces and + - = . _ : / (see {label!a})"
            raise InvalidSetting(variable, path, allowed)
    return lexicon


def _tag_rules(variables: Variables, code_root: Path) -> TagRules:
    variable = "TAG_RULES"
    path = variables.text(variable)
    if not path:
        return NO_RULES
    content = _json_file(variable, path, code_root)
    try:
        return TagRules.read(content, read_namespace(variables))
    except ValueError as error:
        raise InvalidSetting(variable, path, f"a file with {error}") from None


def _json_file(variable: str, path: str, code_root: Path) -> object:
    """The JSON of a file in the code root; raises InvalidSetting, also where a name stands there twice."""
    twice: list[str] = []

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        read = dict(members)
        names = [name for name, _ in members]
        twice.extend(name for name in read if names.count(name) > 1)
        return read

    try:
        content: object = json.loads((code_root / path).read_text("utf-8-sig"), object_pairs_hook=pairs)
    except OSError as error:
        raise InvalidSetting(variable, path, f"a file in the code root ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise InvalidSetting(variable, path, "a file of JSON in UTF-8") from None
    if twice:
        raise InvalidSetting(variable, path, f"a file in which no name stands twice ({twice[0]!a} does)")
    return content


def _result_archive(variables: Variables) -> ObjectPrefix | None:
    text = variables.text(ARCHIVE)
    return ObjectPrefix.from_setting(ARCHIVE, text) if text else None
