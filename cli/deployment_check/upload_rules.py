"""What brings uploads to the function that submits videos, and what becomes of them there.

Sources: help page functioncompute/fc/user-guide/overview-of-oss-trigger (events, and at most ten triggers of
a bucket), and what OSS answers where two triggers overlap, as midwayjs/midway#744 quotes it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from cli.deployment_check.event_bridge_rules import BusTrigger, passes, sample_upload
from cli.deployment_check.findings import Finding, NotChecked, error, warning
from cli.deployment_check.subject import Kind, Subject
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredTrigger, Source, UploadFilter
from imm_label_tags.results.target import ObjectPrefix, TargetObject
from imm_label_tags.submission.selection import VIDEO_SUFFIXES
from imm_label_tags.submission.settings import SUFFIXES, TOPIC, read_suffixes
from imm_label_tags.submission.upload_event import COMPLETED
from localcloud.fc.declaration import OssTrigger

_SEGMENTS = ".ts"
MOST_OF_A_BUCKET = 10

_BUCKET_ARN = re.compile(r"acs:oss:[a-z0-9-]+:\d+:([a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
_NO_BUCKET = re.compile(r"acs:oss:[^:]*:[^:]*:")
_ENDS = tuple(sorted(f"oss:{event}" for event in COMPLETED))
_EVERY_CREATION = "oss:ObjectCreated:*"
_MULTIPART = "oss:ObjectCreated:CompleteMultipartUpload"


class UploadSource:
    """A trigger that brings uploads; ``bucket`` and ``filter`` are OSS's own. Raises FieldUnreadable."""

    def __init__(self, trigger: DeclaredTrigger) -> None:
        self.name = trigger.name
        self.where = trigger.where
        self._rule = BusTrigger(trigger) if trigger.type == "eventbridge" else None
        self.bucket: Source | None = trigger.bucket if self._rule is None else None
        self.filter = trigger.uploads if self._rule is None else UploadFilter((), "", "")

    def brings(self, target: TargetObject) -> bool:
        """Whether it is known to bring an object that is uploaded."""
        if self._rule is not None:
            # Uploads are on the bus of Alibaba Cloud's services, and in no stream of another's messages.
            of_the_bus = self._rule.source_type == "Default"
            return of_the_bus and passes(self._rule.pattern, sample_upload(target)) is True
        return (
            self._watches(target.bucket)
            and target.key.startswith(self.filter.prefix)
            and target.key.endswith(self.filter.suffix)
        )

    def lies_below(self, place: ObjectPrefix) -> bool:
        """Whether it waits for objects below a place, named as those that are written there."""
        return (
            self._watches(place.bucket)
            and self.filter.prefix.startswith(f"{place.prefix}/")
            and ".json".endswith(self.filter.suffix)
        )

    def _watches(self, bucket: str) -> bool:
        return self.bucket is not None and self.bucket.name == bucket


def upload_sources(subject: Subject) -> Iterator[UploadSource]:
    """What brings uploads to a function, as far as it can be read."""
    for trigger in subject.declared.triggers:
        try:
            if trigger.type in ("oss", "eventbridge"):
                yield UploadSource(trigger)
        except FieldUnreadable:
            continue


def suffixes_of(subject: Subject) -> tuple[str, ...]:
    """What the function takes for videos; nothing where it would refuse the setting."""
    text = subject.declared.setting(SUFFIXES).strip()
    try:
        return read_suffixes(text) if text else VIDEO_SUFFIXES
    except ValueError:
        return ()


def buckets(subject: Subject) -> Iterator[Finding | NotChecked]:
    """A trigger has to name a bucket."""
    for trigger in subject.declared.triggers:
        if trigger.type != "oss":
            continue
        where, arn = f"{trigger.where}.sourceArn", trigger.source_arn
        if _NO_BUCKET.fullmatch(arn):
            what = "it names no bucket; s.uploads.yaml takes it from IMM_LABEL_TAGS_BUCKET."
            deploying = subject.surroundings.deploying
            yield error(where, what, "Export it.") if deploying else NotChecked(where, what)
            # The others take it from the same variable.
            return
        if not _BUCKET_ARN.fullmatch(arn):
            meant = "a bucket like acs:oss:cn-hangzhou:123:name"
            yield error(where, f"must be {meant}, is {arn!r}.", "Correct it.")


def events(subject: Subject) -> Iterator[Finding]:
    """An upload is over when one of four events comes; all others are ignored, each in a paid invocation."""
    for source in _own(subject):
        where, wanted = f"{source.where}.triggerConfig.events", source.filter.events
        others = sorted(set(wanted).difference(_ENDS))
        if not any(event in (*_ENDS, _EVERY_CREATION) for event in wanted):
            what = "none of them ends an upload: nothing would be submitted."
            yield error(where, what, f"Write {', '.join(_ENDS)}.")
        elif others:
            what = f"{', '.join(others)}: events that end no upload are ignored, each in a paid invocation."
            yield warning(where, what, f"Write {', '.join(_ENDS)}.")
        elif _MULTIPART not in wanted:
            yield warning(
                where,
                "no video counts that is uploaded in parts, as clients do with large ones.",
                f"Add {_MULTIPART}.",
            )


def suffixes(subject: Subject) -> Iterator[Finding]:
    """What a trigger brings and VIDEO_SUFFIXES does not name is passed over, and the other way round."""
    named = suffixes_of(subject)
    for source in _own(subject):
        suffix, where = source.filter.suffix, f"{source.where}.triggerConfig.filter.key.suffix"
        if not suffix:
            yield warning(
                where,
                "there is none: each object of any kind calls the function, in a paid invocation.",
                "Write one, such as .mp4; of several, one trigger each.",
            )
        elif suffix.lower() == _SEGMENTS:
            yield warning(
                where,
                "each segment of an HLS stream ends in .ts, and would be a task of its own, and paid for.",
                "Remove the trigger, unless whole videos are uploaded as .ts.",
            )
        elif named and not any(map(source.filter.may_bring, named)):
            yield warning(
                where,
                f"{SUFFIXES} has none that ends so: each {suffix} calls the function, which passes it over.",
                f"Name it in {SUFFIXES}, or remove the trigger.",
            )


def brought(subject: Subject) -> Iterator[Finding]:
    """What VIDEO_SUFFIXES names has to be brought by something."""
    if not subject.declared.setting(SUFFIXES).strip():
        return
    if any(trigger.type != "oss" for trigger in subject.declared.triggers):
        return
    there = [source.filter for source in _own(subject)]
    missing = [one for one in suffixes_of(subject) if not any(each.may_bring(one) for each in there)]
    if there and missing:
        yield warning(
            subject.path("environmentVariables", SUFFIXES),
            f"no trigger brings {', '.join(missing)}.",
            "Add a trigger for each, or leave them out.",
        )


def filters(subject: Subject) -> Iterator[Finding]:
    """No key of OSS begins with a slash, and a filter has no wildcards."""
    for source in _own(subject):
        for name, text in (("prefix", source.filter.prefix), ("suffix", source.filter.suffix)):
            where = f"{source.where}.triggerConfig.filter.key.{name}"
            if name == "prefix" and text.startswith(("/", "\\")):
                yield error(where, f"no key of OSS begins with {text[0]}: nothing would come.", "Remove it.")
            elif "*" in text:
                what = f"{text} is taken as it stands: an OSS trigger knows no wildcards."
                yield warning(where, what, "Remove the *.")


def overlaps(subject: Subject) -> Iterator[Finding]:
    """OSS refuses two triggers of a bucket that one event would fire."""
    seen: list[OssTrigger] = []
    for function in subject.functions:
        for source in _own(function):
            trigger = _as_oss_has_it(source)
            other = next(filter(trigger.overlaps, seen), None)
            if other is not None and function is subject:
                yield error(
                    source.where,
                    f"one upload would fire it and {other.name}, which OSS refuses: Cannot specify "
                    "overlapping prefix and suffix with same event type.",
                    "Give them prefixes or suffixes that exclude each other.",
                )
            seen.append(trigger)


def number(subject: Subject) -> Iterator[Finding]:
    """OSS takes ten triggers of a bucket."""
    counts = Counter(source.bucket.name for source in _own(subject) if source.bucket is not None)
    for name, count in counts.items():
        if count > MOST_OF_A_BUCKET:
            yield error(
                subject.path("triggers"),
                f"{count} are more than the {MOST_OF_A_BUCKET} OSS triggers of the bucket {name}.",
                "Use a trigger of the type eventbridge, whose rule takes several suffixes.",
            )


def allowed(subject: Subject) -> Iterator[Finding]:
    """What is uploaded has to be among the objects of both functions."""
    for function in (subject, *subject.of(Kind.TAGS)):
        texts = map(str.strip, function.declared.setting("ALLOWED_OBJECTS").split(","))
        patterns = [text for text in texts if text]
        for source in _own(subject) if patterns else ():
            assert source.bucket is not None, "those of OSS have one"
            watched = f"{source.bucket.name}/{source.filter.prefix}"
            if not any(_may_match(pattern, watched) for pattern in patterns):
                paid = "" if function is subject else ", after their tasks were paid for"
                yield warning(
                    function.path("environmentVariables", "ALLOWED_OBJECTS"),
                    f"no pattern allows what the trigger {source.name} brings ({watched}): these uploads are "
                    f"passed over{paid}.",
                    "Add a pattern for them, or remove the trigger.",
                )


def told(subject: Subject) -> Iterator[Finding | NotChecked]:
    """IMM has to tell the function that tags when a task has ended."""
    topic, where = subject.declared.setting(TOPIC).strip(), subject.path("environmentVariables", TOPIC)
    tagging = list(subject.of(Kind.TAGS))
    if topic and not tagging:
        yield NotChecked(where, f"no function of the file tags; what {topic} triggers is not known here.")
    triggers = [trigger for one in tagging for trigger in one.declared.triggers]
    # IMM's own events come by EventBridge, and a queue may well be subscribed to the topic.
    if not topic or not triggers or any(trigger.type == "eventbridge" for trigger in triggers):
        return
    names = sorted({trigger.topic.name for trigger in triggers if trigger.type == "mns_topic"})
    if topic not in names:
        yield error(
            where,
            f"{topic} does not trigger {tagging[0].declared.name}: tasks would end, and nothing be tagged.",
            f"Name {' or '.join(names) or 'a topic that does'}.",
        )


def _own(subject: Subject) -> Iterator[UploadSource]:
    """OSS's own triggers of a function."""
    return (source for source in upload_sources(subject) if source.bucket is not None)


def _as_oss_has_it(source: UploadSource) -> OssTrigger:
    assert source.bucket is not None, "those of OSS have one"
    bucket, filtered = source.bucket, source.filter
    place = (bucket.region, bucket.account_id, bucket.name)
    return OssTrigger("", source.name, *place, filtered.events, filtered.prefix, filtered.suffix)


def _may_match(pattern: str, watched: str) -> bool:
    """Whether an object below ``bucket/prefix`` may match a pattern, as far as its beginning says."""
    beginning = pattern.partition("*")[0]
    return beginning.startswith(watched) or watched.startswith(beginning)
