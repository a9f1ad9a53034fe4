"""Any bytes as the answer of GetObjectTagging: refused, or read as what stands there."""

from __future__ import annotations

from types import SimpleNamespace

import alibabacloud_oss_v2 as oss
from alibabacloud_oss_v2 import serde

from imm_label_tags.services.tag_xml import UnreadableTagSet, check_tag_set
from proof.fuzz import xml_reading
from proof.fuzz.promises import require
from proof.fuzz.targets.target import Target


def run(data: bytes) -> None:
    """Check a tag set, have the SDK read it, and have the SDK write it again.

    Promises: UnreadableTagSet is the only error; the SDK reads of an accepted body what an independent
    reader does, no key twice and none empty; what it then writes is the same tags in the same order.
    """
    # Also where the guard refuses the body: what this reader reaches guides the search.
    try:
        expected = xml_reading.read_tags(data)
        reading = "is a tag set"
    except (xml_reading.NotXml, xml_reading.NotTags) as error:
        expected, reading = [], f"is none ({error})"
    try:
        check_tag_set(data)
    except UnreadableTagSet:
        return
    require(reading == "is a tag set", f"A body that is accepted {reading}: {data[:300]!a}")
    tags = _read(data)
    require(tags == expected, f"The SDK reads {tags!a} where {expected!a} stands")
    keys = [key for key, _ in tags]
    require(all(keys) and len(set(keys)) == len(keys), f"Keys are distinct and not empty: {keys!a}")
    written = xml_reading.read_tags(_write(tags))
    require(written == tags, f"The SDK writes {written!a} for {tags!a}")


def _read(body: bytes) -> list[tuple[str, str]]:
    result = oss.GetObjectTaggingResult()
    serde.deserialize_output_xmlbody(result, SimpleNamespace(http_response=SimpleNamespace(content=body)))
    tags = (result.tag_set.tags if result.tag_set else None) or []
    # An empty value is None.
    return [(tag.key, tag.value or "") for tag in tags]


def _write(tags: list[tuple[str, str]]) -> bytes:
    tag_set = oss.TagSet(tags=[oss.Tag(key=key, value=value) for key, value in tags])
    body = serde.serialize_xml(oss.Tagging(tag_set=tag_set))
    assert isinstance(body, bytes)
    return body


TARGET = Target(
    run,
    modules=("imm_label_tags.services.tag_xml", "proof.fuzz.xml_reading"),
    seeds=(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Tagging>\n  <TagSet>\n    <Tag>\n      <Key>a</Key>\n'
        b"      <Value>1</Value>\n    </Tag>\n  </TagSet>\n</Tagging>",
        b"<Tagging><TagSet/></Tagging>",
        b"<Tagging><TagSet><Tag><Value></Value><Key> b </Key></Tag><Tag><Key>c</Key><Value/></Tag></TagSet>"
        b"</Tagging>",
        b'<Tagging a="b"><!-- c --><TagSet><?d e?><Tag><Key>a<!-- b -->c</Key>'
        b"<Value><![CDATA[<&]]>&amp;&#x41;&#66;</Value></Tag></TagSet></Tagging>",
        b"\xef\xbb\xbf<Tagging><TagSet><Tag><Key>\xe6\xa4\x85</Key><Value>\xe2\x80\xa8</Value></Tag></TagSet>"
        b"</Tagging>",
        b'<Tagging xmlns="http://example.com/"><TagSet/></Tagging>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><Tagging><TagSet/></Tagging>',
    ),
    words=(
        b"<Tagging>",
        b"</Tagging>",
        b"<TagSet>",
        b"</TagSet>",
        b"<TagSet/>",
        b"<Tag>",
        b"</Tag>",
        b"<Key>",
        b"</Key>",
        b"<Value>",
        b"</Value>",
        b"<Value/>",
        b"<Tag><Key>a</Key><Value>b</Value></Tag>",
        b'<?xml version="1.0" encoding="UTF-8"?>',
        b' encoding="utf-16"',
        b' encoding="latin-1"',
        b' xmlns="http://example.com/"',
        b' xmlns=""',
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"<?a ",
        b"?>",
        b"<!DOCTYPE a [",
        b'<!ENTITY a "b">',
        b"&amp;",
        b"&lt;",
        b"&#13;",
        b"&#x10FFFF;",
        b"&#xD800;",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xe2\x80\xa8",
    ),
)
