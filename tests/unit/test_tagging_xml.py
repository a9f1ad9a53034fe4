"""Which bodies of GetObjectTagging are believed."""

from __future__ import annotations

import pytest

from imm_label_tags.services.tag_xml import UnreadableTagSet, check_tag_set

TAG = b"<Tag><Key>a</Key><Value>1</Value></Tag>"


@pytest.mark.parametrize(
    "body",
    [
        b"<Tagging><TagSet/></Tagging>",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Tagging>\n  <TagSet>\n  </TagSet>\n</Tagging>',
        b"<Tagging><TagSet>" + TAG + b"</TagSet></Tagging>",
        b"<Tagging><TagSet>" + TAG + b"<Tag><Value></Value><Key>b</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>椅</Key><Value/></Tag></TagSet></Tagging>".encode(),
    ],
)
def test_a_tag_set_as_oss_documents_it_is_believed(body: bytes) -> None:
    check_tag_set(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"not XML",
        b"<Tagging>",
        b"<Tagging/>",
        b"<TagSet/>",
        b"<Tagging><TagSet/><TagSet/></Tagging>",
        b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet/></Tagging>',
        b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tag><Key></Key><Value>1</Value></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tag><Key>a<b/></Key><Value>1</Value></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tug><Key>a</Key><Value>1</Value></Tug></TagSet></Tagging>",
        b"<Tagging><TagSet>" + TAG + TAG + b"</TagSet></Tagging>",
        b"<Tagging><TagSet>" + TAG + b"</TagSet>",
        b'<!DOCTYPE Tagging [<!ENTITY a "b">]><Tagging><TagSet/></Tagging>',
        "<Tagging><TagSet/></Tagging>".encode("utf-16"),
    ],
)
def test_anything_else_is_not_taken_for_an_object_without_tags(body: bytes) -> None:
    with pytest.raises(UnreadableTagSet):
        check_tag_set(body)
