"""The answers of GetObjectTagging that XML has room for, put together piece by piece."""

from __future__ import annotations

from proof.fuzz.choices import Choices
from proof.fuzz.targets import tag_set
from proof.fuzz.targets.target import Target

_BEFORE = (
    "",
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<?xml version='1.0'?>\n",
    '<?xml version="1.0" encoding="latin-1"?>',
    '<?xml version="1.0" encoding="x"?>',
    "\ufeff",
    "<!-- a -->",
    '<!DOCTYPE Tagging [<!ENTITY a "b">]>',
)
_ATTRIBUTES = ("", "", "", ' a="b"', ' xmlns="http://example.com/"', ' xmlns=""', ' xmlns:a="b"', " ")
_BETWEEN = (
    "",
    "",
    "",
    "\n  ",
    "<!-- a -->",
    "<?a b?>",
    "text",
    "<![CDATA[ ]]>",
    "<Other/>",
    "&a;",
    "<TagSet/>",
)
_TEXTS = (
    "team",
    "team",
    "archived",
    " a ",
    "",
    "a<!-- b -->c",
    "<![CDATA[team]]>",
    "<?a b?>x",
    "&#116;eam",
    "&lt;&amp;",
    "&#13;",
    "\r\n",
    "\t",
    "\x7f",
    "\x85\u2028",
    "椅子",
    "&a;",
    "<b/>",
)
_NAMES = ("Tag", "Tag", "Tag", "Tag", "Tag", "Tag", "Tug", "tag", "a:Tag", "Key")


def run(data: bytes) -> None:
    """Write a document and have it read.

    Promises: those of ``tag_set``.
    """
    choices = Choices(data)
    before = choices.pick(_BEFORE)
    tags = "".join(_tag(choices) for _ in range(choices.below(5)))
    inside = _element(choices, "TagSet", _between(choices) + tags)
    document = before + _element(choices, "Tagging", _between(choices) + inside + _between(choices))
    tag_set.run(document.encode())


def _element(choices: Choices, name: str, inside: str) -> str:
    attributes = choices.pick(_ATTRIBUTES)
    return f"<{name}{attributes}>{inside}</{name}>" if inside or choices.flag() else f"<{name}{attributes}/>"


def _between(choices: Choices) -> str:
    return choices.pick(_BETWEEN)


def _tag(choices: Choices) -> str:
    parts = [_element(choices, name, choices.pick(_TEXTS)) for name in ("Key", "Value")]
    kind = choices.byte()
    if kind == 255:
        parts.append("<Key>b</Key>")
    elif kind == 254:
        parts.pop()
    elif kind & 1:
        parts.reverse()
    between = _between(choices)
    return _element(choices, choices.pick(_NAMES), between + between.join(parts)) + _between(choices)


TARGET = Target(run, modules=tag_set.TARGET.modules)
