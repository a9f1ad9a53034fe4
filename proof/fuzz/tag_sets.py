"""Any bytes as the answer of GetObjectTagging: refused, or read as what stands there."""

from __future__ import annotations

from types import SimpleNamespace
from xml.parsers import expat

import alibabacloud_oss_v2 as oss
from alibabacloud_oss_v2 import serde
from hypothesis import strategies as st

from imm_label_tags.services.tag_xml import UnreadableTagSet, check_tag_set
from proof.fuzz.inputs import Bytes, words

_WHOLES = [
    '<?xml version="1.0" encoding="UTF-8"?>\n<Tagging>\n  <TagSet>\n    <Tag>\n      <Key>a</Key>\n'
    "      <Value>1</Value>\n    </Tag>\n  </TagSet>\n</Tagging>",
    "<Tagging><TagSet><Tag><Value></Value><Key> b </Key></Tag><Tag><Key>c</Key><Value/></Tag></TagSet>"
    "</Tagging>",
    '<Tagging a="b"><!-- c --><TagSet><?d e?><Tag><Key>a<!-- b -->c</Key>'
    "<Value><![CDATA[<&]]>&amp;&#x41;&#66;</Value></Tag></TagSet></Tagging>",
    "\ufeff<Tagging><TagSet><Tag><Key>椅</Key><Value>\u2028</Value></Tag></TagSet></Tagging>",
    '<Tagging xmlns="http://example.com/"><TagSet/></Tagging>',
    '<!DOCTYPE a [<!ENTITY b "c">]><Tagging><TagSet/></Tagging>',
]
_PIECES = words(
    "<Tagging>|</Tagging>|<TagSet>|</TagSet>|<TagSet/>|<Tag>|</Tag>|<Key>|</Key>|<Value>|</Value>|<Value/>|"
    '<Tag><Key>a</Key><Value>b</Value></Tag>|<?xml version="1.0" encoding="UTF-8"?>| encoding="utf-16"|'
    ' encoding="latin-1"| xmlns="http://example.com/"| xmlns=""|<!--|-->|<![CDATA[|]]>|<?a |?>|<!DOCTYPE a [|'
    '<!ENTITY a "b">|&amp;|&lt;|&#13;|&#x10FFFF;|&#xD800;|\r\n|\ufeff|\u2028',
    "|",
)

# Documents that are put together: what is usual more often, so that many are accepted.
_BEFORE = st.sampled_from(
    (
        *(
            "",
            "",
            "\ufeff",
            "<!-- a -->",
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<?xml version='1.0'?>\n",
        ),
        *('<?xml version="1.0" encoding="latin-1"?>', '<?xml version="1.0" encoding="x"?>'),
        '<!DOCTYPE Tagging [<!ENTITY a "b">]>',
    )
)
_ATTRIBUTES = st.sampled_from(
    ("", "", "", "", ' a="b"', " ", ' xmlns=""', ' xmlns:a="b"', ' xmlns="http://example.com/"')
)
_BETWEEN = st.sampled_from(
    ("", "", "", "", "\n  ", "<!-- a -->", "<?a b?>", "text", "<![CDATA[ ]]>", "<Other/>", "&a;", "<TagSet/>")
)
_TEXTS = st.sampled_from(
    (
        *(
            "team",
            "archived",
            " a ",
            "",
            "a<!-- b -->c",
            "<![CDATA[team]]>",
            "<?a b?>x",
            "&#116;eam",
            "&lt;&amp;",
        ),
        *("&#13;", "\r\n", "\t", "\x7f", "\x85\u2028", "椅子", "&a;", "<b/>"),
    )
)
_NAMES = st.sampled_from(("Tag",) * 8 + ("Tug", "tag", "a:Tag", "Key"))


@st.composite
def _documents(draw: st.DrawFn) -> bytes:
    def element(name: str, inside: str) -> str:
        start = f"<{name}{draw(_ATTRIBUTES)}"
        return f"{start}>{inside}</{name}>" if inside or draw(st.booleans()) else f"{start}/>"

    def tag() -> str:
        parts = [element(name, draw(_TEXTS)) for name in ("Key", "Value")]
        odd = draw(st.integers(0, 30))
        if odd == 0:
            parts.append("<Key>b</Key>")
        elif odd == 1:
            parts.pop()
        elif odd % 2:
            parts.reverse()
        between = draw(_BETWEEN)
        return element(draw(_NAMES), between + between.join(parts)) + draw(_BETWEEN)

    tags = "".join(tag() for _ in range(draw(st.integers(0, 4))))
    inside = element("TagSet", draw(_BETWEEN) + tags)
    return (draw(_BEFORE) + element("Tagging", draw(_BETWEEN) + inside + draw(_BETWEEN))).encode()


BODIES = _documents()
BODY_BYTES = Bytes(
    [whole.encode() for whole in _WHOLES], [*(piece.encode() for piece in _PIECES), b"\xff\xfe"]
)


def check_body(body: bytes) -> None:
    """Check a tag set, have the SDK read it, and have the SDK write it again.

    UnreadableTagSet is the only error; the SDK reads of an accepted body what an independent reader does, no
    key twice and none empty; what it then writes is the same tags in the same order.
    """
    try:
        check_tag_set(body)
    except UnreadableTagSet:
        return
    tags = _read(body)
    assert tags == read_tags(body), f"The SDK reads {tags!a}"
    keys = [key for key, _ in tags]
    assert all(keys) and len(set(keys)) == len(keys), f"Keys are distinct and not empty: {keys!a}"
    tag_set = oss.TagSet(tags=[oss.Tag(key=key, value=value) for key, value in tags])
    assert read_tags(serde.serialize_xml(oss.Tagging(tag_set=tag_set))) == tags, "What the SDK writes"


def _read(body: bytes) -> list[tuple[str, str]]:
    result = oss.GetObjectTaggingResult()
    serde.deserialize_output_xmlbody(result, SimpleNamespace(http_response=SimpleNamespace(content=body)))
    tags = (result.tag_set.tags if result.tag_set else None) or []
    # An empty value is None.
    return [(tag.key, tag.value or "") for tag in tags]


class _Element:
    """An element: its name as written, the elements in it, and all of its own character data in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: list[_Element] = []
        self.text = ""


def read_tags(body: bytes) -> list[tuple[str, str]]:
    """The keys and values of a tag set in their order, read from UTF-8 whatever the document declares.

    It knows neither the SDK's model nor what else the function refuses. AssertionError says that it is no tag
    set, and ExpatError that it is no XML.
    """
    (root,) = _parsed(body).children
    (tag_set,) = root.children
    assert (root.name, tag_set.name) == ("Tagging", "TagSet")
    tags = []
    for tag in tag_set.children:
        parts = {part.name: part for part in tag.children}
        assert tag.name == "Tag" and len(tag.children) == 2 and parts.keys() == {"Key", "Value"}
        assert not parts["Key"].children and not parts["Value"].children
        tags.append((parts["Key"].text, parts["Value"].text))
    return tags


def _parsed(body: bytes) -> _Element:
    """What has the root element in it."""
    open_elements = [_Element("")]

    def start(name: str, attributes: dict[str, str]) -> None:
        assert not attributes.get("xmlns"), "a namespace"
        open_elements[-1].children.append(_Element(name))
        open_elements.append(open_elements[-1].children[-1])

    def end(name: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    def document_type(*_: object) -> None:
        raise AssertionError("a document type")

    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = document_type
    parser.Parse(body, True)
    return open_elements[0]
