"""YAML as Serverless Devs reads it: with js-yaml 4, which follows YAML 1.2 where PyYAML follows 1.1.

``yes`` and ``on`` are text, ``12:30`` is text, ``012`` is twelve, ``1e3`` is a number, and every key is text.
A number is JavaScript's: 2.0 is the whole number 2, and a whole number of more than 53 bits loses digits.
An unquoted date is lost: it becomes an empty mapping.

PyYAML rather than ruamel.yaml: it reads the structure of damaged deployment files as js-yaml does more often,
and with either of them plain values need rules of our own.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_BASES = {"0b": 2, "0x": 16, "0o": 8}
_EXACT = 2**53
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0b[01_]*[01]|0x[0-9a-fA-F_]*[0-9a-fA-F]|0o[0-7_]*[0-7]|[0-9](?:[0-9_]*[0-9])?)")
_FLOAT = re.compile(
    r"(?:[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))(?<!_)"
)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
)


def read_yaml(text: str) -> Any:
    """The content of a YAML document. Raises yaml.YAMLError."""
    try:
        # The last line ends, too: a block of text is as long with a line break behind it as without one.
        content = yaml.load(text if text.endswith("\n") else f"{text}\n", _Loader)
        _check_ends(content)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply, or a part of it contains itself") from None
    except ValueError as error:
        # A tag whose text does not fit it.
        raise yaml.YAMLError(str(error)) from None
    return content


def lines_of(text: str) -> dict[str, int]:
    """The line, from 1, of each part of a document, by its path: ``resources.a.props.triggers[0].name``.

    The document is one that ``read_yaml`` takes. What an alias repeats stands where its anchor is.
    """
    found: dict[str, int] = {}
    ahead = [("", yaml.compose(text, _Loader))]
    seen = set()
    while ahead:
        path, node = ahead.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        inner = []
        if isinstance(node, yaml.MappingNode):
            inner = [(f"{path}.{key.value}".lstrip("."), key, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            inner = [(f"{path}[{index}]", item, item) for index, item in enumerate(node.value)]
        found.update((place, start.start_mark.line + 1) for place, start, _ in inner)
        ahead += [(place, value) for place, _, value in inner]
    return found


def _check_ends(value: Any) -> None:
    """Raise RecursionError where a part of a value contains itself."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _check_ends(item)


class _Loader(yaml.SafeLoader):
    """A key may stand once only, tabs separate but do not indent, and an anchor may have any name."""

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.peek() == "\t":
            line = self.buffer[self.pointer - self.column : self.pointer]
            while self.peek() in (" ", "\t"):
                self.forward()
            if not line.strip() and not self.flow_level and self.peek() not in ("#", "\r", "\n", "\0"):
                raise yaml.scanner.ScannerError(None, None, "tabs do not indent", self.get_mark())
            super().scan_to_next_token()

    def scan_anchor(self, TokenClass: type[yaml.AnchorToken | yaml.AliasToken]) -> yaml.Token:  # noqa: N803 - PyYAML's own name
        start = self.get_mark()
        self.forward()
        length = 0
        while self.peek(length) not in "\0 \t\r\n,[]{}":
            length += 1
        name = self.prefix(length)
        if not name:
            raise yaml.scanner.ScannerError(None, None, "an anchor has no name", start)
        self.forward(length)
        return TokenClass(name, start, self.get_mark())

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a word", key_node.start_mark
                )
            if (key := _as_key(self.construct_object(key_node))) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        # Puts the keys of << first, so that the mapping's own replace them.
        self.flatten_mapping(node)
        return {
            _as_key(self.construct_object(key_node)): self.construct_object(value_node, deep=deep)
            for key_node, value_node in node.value
        }


# PyYAML's own rules are those of YAML 1.1, and its other types have no place in an s.yaml.
_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in ("map", "seq", "null")
}
for _tag, _pattern in (
    ("tag:yaml.org,2002:null", _NULL),
    ("tag:yaml.org,2002:bool", _BOOL),
    ("tag:yaml.org,2002:int", _INT),
    ("tag:yaml.org,2002:float", _FLOAT),
    ("tag:yaml.org,2002:timestamp", _TIMESTAMP),
    ("tag:yaml.org,2002:merge", re.compile(r"<<")),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern.pattern})\Z"), None)


def _str(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    # JavaScript's text is UTF-16: two escapes may be one character, and half a one is none.
    text = str(loader.construct_scalar(node))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _bool(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)).lower() == "true"


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float:
    digits = str(loader.construct_scalar(node)).replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    base = _BASES.get(digits[:2], 10)
    return _number(sign * int(digits[2:] if base != 10 else digits, base))


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float:
    text = str(loader.construct_scalar(node)).replace("_", "").lower()
    return _number(float(text.replace(".inf", "inf").replace(".nan", "nan")))


def _number(value: int | float) -> int | float:
    if isinstance(value, int) and abs(value) > _EXACT:
        try:
            value = float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _date(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> dict[str, Any]:
    loader.construct_scalar(node)
    return {}


for _kind, _constructor in (
    ("str", _str),
    ("bool", _bool),
    ("int", _int),
    ("float", _float),
    ("timestamp", _date),
    ("merge", _str),
):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _constructor)


def _as_key(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
