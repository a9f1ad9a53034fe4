"""Finds the videos that have a label's tag, or a rule's: by MetaQuery where the bucket has it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import alibabacloud_oss_v2 as oss

from cli.cloud.calls import found
from cli.report.reading import Reader, Unread
from cli.report.standing import Standing
from imm_label_tags.results.labels import Label
from imm_label_tags.tags.plan import TagScheme


@dataclass(frozen=True)
class Wanted:
    """Tags that an object must have, all of them; a value is None where any will do."""

    tags: Mapping[str, str | None]

    @classmethod
    def of(cls, scheme: TagScheme, labels: Iterable[str], rules: Iterable[tuple[str, str]]) -> Wanted:
        """The tags of labels, by IMM's name or the tag's, and of rules, as the settings write them."""
        wanted: dict[str, str | None] = {}
        for name in labels:
            fixed = scheme.value.fixed
            value = scheme.value.render(Label(name, 0.0), scheme.naming) if fixed else None
            wanted[scheme.key(scheme.naming.write(name), name)] = value
        for name, value in rules:
            wanted[scheme.key(name, name)] = value
        return cls(wanted)

    def are_in(self, tags: Mapping[str, str]) -> bool:
        """Whether a tag set has them all."""
        return all(key in tags and value in (None, tags[key]) for key, value in self.tags.items())


class Search:
    """The videos below a prefix that have tags. ``failures`` has those that could not be read."""

    def __init__(self, reader: Reader, wanted: Wanted, prefix: str) -> None:
        self._reader = reader
        self._wanted = wanted
        self._prefix = prefix
        self.failures: list[Unread] = []

    def uris(self) -> Iterator[str]:
        """Their URIs; raises Problem."""
        # An index cannot be asked for any value.
        first = None if None in self._wanted.tags.values() else self._page(None)
        if first is not None:
            yield from self._reader.videos(self._keys(first))
            return
        for read in self._reader.below(self._prefix):
            if isinstance(read, Unread):
                self.failures.append(read)
            elif isinstance(read, Standing) and self._wanted.are_in(read.tags):
                yield read.target.uri

    def _keys(self, page: Any) -> Iterator[str]:
        while page is not None:
            for item in (page.files.file if page.files else None) or []:
                yield item.filename
            page = self._page(page.next_token) if page.next_token else None

    def _page(self, token: str | None) -> Any:
        """What MetaQuery finds; None where the bucket has no index."""
        conditions = [
            {"Field": f"OSSTagging.{key}", "Value": value, "Operation": "eq"}
            for key, value in self._wanted.tags.items()
        ]
        if self._prefix:
            conditions.append({"Field": "Filename", "Value": self._prefix, "Operation": "prefix"})
        query = json.dumps({"Operation": "and", "SubQueries": conditions})
        objects, bucket = self._reader.objects, self._reader.bucket
        request = oss.DoMetaQueryRequest(
            bucket=bucket,
            mode="basic",
            meta_query=oss.MetaQuery(query=query, max_results=100, next_token=token),
        )
        call = objects.call_of_bucket("DoMetaQuery", bucket)
        return found(call, lambda: objects.client.do_meta_query(request))
