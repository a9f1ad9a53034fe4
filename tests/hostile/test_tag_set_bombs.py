"""Hostile answers of GetObjectTagging: refused before the SDK sees them, and never taken for "no tags"."""

from __future__ import annotations

import pytest

from imm_label_tags.errors import ServiceRejected, ServiceUnavailable, TaggingError
from imm_label_tags.services.tag_xml import MAX_BODY_BYTES, UnreadableTagSet, check_tag_set
from localcloud.faults import Fault, FaultKind
from proof.fuzz.bounds import bounded
from proof.fuzz.tag_sets import check_body, read_tags
from tests.stage import CHAIR, Stage

OSS_XML = {"content-type": "application/xml"}
OWN_TAGS = {"team": "a", "archived": ""}


def body(inside: str, before: str = "") -> bytes:
    return f"{before}<Tagging><TagSet>{inside}</TagSet></Tagging>".encode()


def tag(key: str, value: str = "1") -> str:
    return f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"


def laughs(levels: int) -> str:
    entities = "".join(f'<!ENTITY lol{level + 1} "{f"&lol{level};" * 10}">' for level in range(levels))
    return f'<!DOCTYPE Tagging [<!ENTITY lol0 "lol">{entities}]>'


def declared(encoding: str, codec: str | None = None) -> bytes:
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + body(tag("tëam")).decode()
    return text.encode(codec or "utf-8")


BOMBS = {
    "a billion laughs": body(tag("a", "&lol9;"), laughs(9)),
    "one large entity many times": body(
        tag("a", "&x;" * 5000), f'<!DOCTYPE Tagging [<!ENTITY x "{"x" * 40_000}">]>'
    ),
    "an entity outside": body(
        tag("a", "&x;"), '<!DOCTYPE Tagging [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    ),
    "a DTD outside": body(tag("a"), '<!DOCTYPE Tagging SYSTEM "http://127.0.0.1:9/x.dtd">'),
    "a parameter entity": body(tag("a"), "<!DOCTYPE Tagging [<!ENTITY % x \"<!ENTITY y 'z'>\"> %x;]>"),
    "64 KiB of start tags": b"<a>" * 21_000,
    "20,000 levels": b"<a>" * 9_000 + b"</a>" * 9_000,
    "levels in a value": body(tag("a", "<a>" * 9_000 + "</a>" * 9_000)),
    "100,000 attributes": body("").replace(
        b"<TagSet>", b"<TagSet " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b">"
    ),
    "an attribute of a megabyte": body("").replace(b"<TagSet>", b'<TagSet a="' + b"x" * 1_000_000 + b'">'),
    "a value of three megabytes": body(tag("a", "x" * 3_000_000)),
    "100,000 tags": body("".join(tag(str(number)) for number in range(100_000))),
    "a comment of three megabytes": body(f"<!--{'x' * 3_000_000}-->" + tag("a")),
    "a name of a megabyte": b"<" + b"a" * 1_000_000 + b"/>",
    "UTF-16": body(tag("a")).decode().encode("utf-16"),
    "UTF-16, declared": declared("UTF-16", "utf-16"),
    "UTF-16 without its mark": declared("UTF-16", "utf-16-le"),
    "UTF-32": declared("UTF-32", "utf-32"),
    "UTF-7": declared("UTF-7"),
    "Latin-1": declared("ISO-8859-1", "latin-1"),
    "Latin-1 that is UTF-8": declared("ISO-8859-1"),
    "Windows": declared("windows-1252", "cp1252"),
    "GBK": declared("gbk"),
    "Shift JIS": declared("shift_jis"),
    "EBCDIC": declared("cp037"),
    "a codec that is no encoding": declared("rot13"),
    "a codec that always fails": declared("undefined"),
    "a codec for names": declared("idna"),
    "escapes": declared("unicode_escape"),
    "an encoding that nobody knows": declared("no-such-encoding"),
    "an encoding with a space before it": declared("latin-1").replace(b"encoding=", b"encoding \n= "),
    "not UTF-8": body(tag("a", "XX")).replace(b"XX", b"\xff\xfe"),
    "a NUL": body(tag("a", "\0")),
    "a control character": body(tag("a", "\x1b")),
    "a line break in a key": body(tag("a\nb")),
    "a carriage return, which writing would lose": body(tag("a", "&#13;")),
    "a tab in a value": body(tag("a", "\t")),
    "an unknown entity": body(tag("a", "&nbsp;")),
    "half a character": body(tag("a", "&#xD800;")),
    "text between tags": body("lost" + tag("a")),
    "text after a tag": body(tag("a") + "lost"),
    "text in a tag": body("<Tag>lost<Key>a</Key><Value>1</Value></Tag>"),
    "text before the set": b"<Tagging>lost<TagSet/></Tagging>",
    "text after the set": b"<Tagging><TagSet/>lost</Tagging>",
    "text in a section between tags": body("<![CDATA[lost]]>" + tag("a")),
    "a set beside the set": b"<Tagging><TagSet/><Other/></Tagging>",
    "a key in a namespace": body('<Tag><Key xmlns="x">a</Key><Value>1</Value></Tag>'),
    "a prefix": b'<x:Tagging xmlns:x="y"><x:TagSet/></x:Tagging>',
    "a key twice, once in a section": body(tag("a") + tag("<![CDATA[a]]>")),
    "two documents": body("") * 2,
}


@pytest.mark.parametrize("answer", BOMBS.values(), ids=BOMBS.keys())
def test_the_guard_refuses_it_and_raises_nothing_else(answer: bytes) -> None:
    def check() -> None:
        with pytest.raises(UnreadableTagSet):
            check_tag_set(answer)

    bounded(check)


THROUGH_THE_SDK = [
    "a billion laughs",
    "64 KiB of start tags",
    "a value of three megabytes",
    "100,000 tags",
    "UTF-16",
    "Latin-1",
    "Shift JIS",
    "a codec that is no encoding",
    "a carriage return, which writing would lose",
    "text between tags",
    "a key twice, once in a section",
]


@pytest.mark.parametrize("answer", [BOMBS[name] for name in THROUGH_THE_SDK], ids=THROUGH_THE_SDK)
def test_the_function_keeps_the_objects_tags(stage: Stage, answer: bytes) -> None:
    # Given an object with tags of its own
    task_id = stage.task(stage.upload(tags=OWN_TAGS), CHAIR)

    # When OSS answers so when it is asked for them
    stage.break_call(
        Fault(
            FaultKind.ANSWER, action="GetObjectTagging", status=200, body=answer, headers=OSS_XML, times=None
        )
    )
    stage.forget_calls()
    with pytest.raises(ServiceUnavailable, match="GetObjectTagging"):
        bounded(lambda: stage.handle(task_id))

    # Then nothing was written
    assert "PutObjectTagging" not in stage.calls()
    stage.cloud.call(stage.cloud.faults.clear)
    assert stage.tags() == OWN_TAGS


UNUSUAL = {
    "a byte order mark": (b"\xef\xbb\xbf" + body(tag("a")), {"a": "1"}),
    "a declaration in lower case": (
        body(tag("a"), "<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n"),
        {"a": "1"},
    ),
    "comments": (body(tag("a<!-- b -->c", "<!-- d -->1<!-- e -->2")), {"ac": "12"}),
    "instructions": (body("<?x y?>" + tag("a<?b c?>d")), {"ad": "1"}),
    "sections": (body(tag("<![CDATA[a]]>b", "<![CDATA[<&>]]>")), {"ab": "<&>"}),
    "an empty section": (body(tag("a", "<![CDATA[]]>")), {"a": ""}),
    "references": (body(tag("&#97;&#x62;", "&lt;&amp;&gt;&quot;&apos;")), {"ab": "<&>\"'"}),
    "spaces": (body(tag(" a ", "  ")), {" a ": "  "}),
    "attributes": (body('<Tag x="y"><Key z="&lt;">a</Key><Value/></Tag>'), {"a": ""}),
    "the value first": (body("<Tag><Value>1</Value><Key>a</Key></Tag>"), {"a": "1"}),
    "separators of lines": (body(tag("a", "\u2028\u2029\x85")), {"a": "\u2028\u2029\x85"}),
    "the longest set there can be": (
        body("".join(tag(f"&#x{n:06X};" + "k" * 127, "&#x10FFFF;" * 256) for n in range(0x20000, 0x2000A))),
        {chr(n) + "k" * 127: "\U0010ffff" * 256 for n in range(0x20000, 0x2000A)},
    ),
}


@pytest.mark.parametrize(("answer", "tags"), UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_unusual_but_a_tag_set_is_read_as_what_it_says(answer: bytes, tags: dict[str, str]) -> None:
    assert len(answer) <= MAX_BODY_BYTES
    check_tag_set(answer)
    # The SDK's reading is compared with an independent one, and with what the SDK then writes.
    check_body(answer)
    assert dict(read_tags(answer)) == tags


@pytest.mark.parametrize("name", ["comments", "sections", "references", "spaces", "the value first"])
def test_foreign_tags_are_written_back_as_they_were_read(stage: Stage, name: str) -> None:
    answer, tags = UNUSUAL[name]
    task_id = stage.task(stage.upload(), CHAIR)
    stage.break_call(
        Fault(FaultKind.ANSWER, action="GetObjectTagging", status=200, body=answer, headers=OSS_XML)
    )
    legal = all(character not in "<&>\"'" for text in (*tags, *tags.values()) for character in text)
    if legal:
        assert bounded(lambda: stage.handle(task_id))["tags"].items() >= tags.items()
        assert list(stage.tags().items())[: len(tags)] == list(tags.items())
    else:
        with pytest.raises(ServiceRejected, match="does not accept"):
            bounded(lambda: stage.handle(task_id))
        assert stage.tags() == {}


ERRORS = {
    name: BOMBS[name] for name in ("a billion laughs", "64 KiB of start tags", "GBK", "UTF-7", "a NUL")
} | {
    "an error with laughs": laughs(9).encode() + b"<Error><Code>&lol9;</Code></Error>",
    "an error of a megabyte": b"<Error><Code>X</Code><Message>" + b"x" * 1_000_000 + b"</Message></Error>",
    "an error of many fields": b"<Error>"
    + b"".join(b"<a%d>1</a%d>" % (n, n) for n in range(50_000))
    + b"</Error>",
}


@pytest.mark.parametrize("answer", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize(("action", "status"), [("GetObjectTagging", 403), ("PutObjectTagging", 500)])
def test_an_error_of_oss_with_a_bomb_in_it_is_still_an_error(
    stage: Stage, action: str, status: int, answer: bytes
) -> None:
    task_id = stage.task(stage.upload(tags=OWN_TAGS), CHAIR)
    stage.break_call(
        Fault(FaultKind.ANSWER, action=action, status=status, body=answer, headers=OSS_XML, times=None)
    )
    with pytest.raises(TaggingError, match=action) as caught:
        bounded(lambda: stage.handle(task_id))
    assert len(str(caught.value)) < 10_000
    stage.cloud.call(stage.cloud.faults.clear)
    assert stage.tags() == OWN_TAGS
