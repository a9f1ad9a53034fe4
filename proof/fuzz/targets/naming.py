"""Any label as a tag: a legal key and a legal value."""

from __future__ import annotations

import base64

from imm_label_tags.results.labels import Label, fraction
from imm_label_tags.tags.naming import LabelNames, Naming, encode
from imm_label_tags.tags.plan import TagScheme
from imm_label_tags.tags.romanisation import romanise
from imm_label_tags.tags.value_template import ValueTemplate
from proof.fuzz.choices import Choices
from proof.fuzz.promises import require
from proof.fuzz.targets.target import Target

_LEGAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 +-=._:/")
_FIELDS = (
    "{confidence}",
    "{level}",
    "{label}",
    "{parent}",
    "{alias}",
    "{language}",
    "{label_base64}",
    "x/",
    " ",
)
_NAMESPACES = ("imm", "a.b-c", "X" * 32)

# The dictionary of pronunciations takes a third of a second to load, which no input is to answer for.
romanise("椅子")


def run(data: bytes) -> None:
    """Write a label.

    Promises: a name is not empty, legal and without white space, and always the same; keys and values fit;
    a name of ``raw`` can be sent.
    """
    choices = Choices(data)
    mode = choices.pick(list(LabelNames))
    namespace = choices.pick(_NAMESPACES)
    template = ValueTemplate("".join(choices.pick(_FIELDS) for _ in range(choices.below(6))))
    lexicon = {choices.text(): "Dining Chair"} if choices.flag() else {}
    texts = [choices.text() for _ in range(3)]
    label = Label(
        name=choices.rest().decode("utf-8", "replace") if choices.flag() else choices.text(),
        confidence=fraction(choices.number(2) / 65535),
        level=choices.below(5),
        parent=texts[0],
        alias=texts[1],
        language=texts[2],
    )
    naming = Naming(mode, lexicon, romanise)
    name = naming.write(label.name)
    _check_name(label.name, name, mode)
    require(naming.write(label.name) == name, "A name is always the same")
    key = TagScheme(namespace, template, naming, 0.5, 9).key(name, label.name)
    value = template.render(label, naming)
    require(key.startswith(f"{namespace}_") and 1 <= len(key.encode()) <= 128, f"A key that fits: {key!a}")
    require(len(value.encode()) <= 256, f"A value that fits: {value!a}")
    if mode is not LabelNames.RAW:
        require(_LEGAL.issuperset(key), f"A legal key: {key!a}")
        require(_LEGAL.issuperset(value), f"A legal value: {value!a}")
    decoded = base64.b64decode(encode(label.name)).decode("utf-8", "surrogatepass")
    require(decoded == label.name, "The base64 form leads back to the label")


def _check_name(text: str, name: str, mode: LabelNames) -> None:
    require(bool(name) or not text, f"No label has an empty name: {text!a}")
    require(not any(character.isspace() for character in name), f"A name without white space: {name!a}")
    if mode is LabelNames.RAW:
        require(all(c in _LEGAL or ord(c) > 127 for c in name), f"Nothing that OSS rules out: {name!a}")
        require(name.isascii() or bool(name.encode()), f"A name that can be sent: {name!a}")
    else:
        require(_LEGAL.issuperset(name), f"A legal name: {name!a}")


TARGET = Target(
    run,
    modules=(
        "imm_label_tags.tags.naming",
        "imm_label_tags.tags.romanisation",
        "imm_label_tags.tags.charset",
        "imm_label_tags.tags.value_template",
    ),
)
