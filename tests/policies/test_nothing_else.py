"""What a document of the project allows beside what is needed of it: nothing."""

from __future__ import annotations

import json
import re
from itertools import product

import pytest

from localcloud.ram.policy import Decision, evaluate, parse_policy
from tests.localcloud.services import ACCOUNT, REGION
from tests.policies.documents import filled, permissions

FUNCTIONS = f"acs:fc:{REGION}:{ACCOUNT}:functions"
# Function Compute's documents do not tell which of the two names of a function it asks about.
FUNCTION, KEEPER, UPLOADS = (f"{FUNCTIONS}/{name}(/LATEST)?" for name in ("index", "keeper", "uploads"))
PROJECT = f"acs:imm:{REGION}:{ACCOUNT}:project/immtest"
LOGS = f"acs:log:{REGION}:{ACCOUNT}:project/functions/logstore/index"
VIDEOS, ARCHIVE, FAILURES = (
    f"acs:oss:[^:]*:{ACCOUNT}:{place}/.*" for place in ("media/videos", "archive/labels", "failures/events")
)
FAILED_TOPIC = f"acs:mns:{REGION}:{ACCOUNT}:/topics/failed/messages"
# A document, its actions, and the resources of each.
NEEDED: dict[str, dict[str, str]] = {
    "function": {
        "imm:GetVideoLabelClassificationResult": PROJECT,
        "imm:GetTask": PROJECT,
        "oss:GetObject": VIDEOS,
        "oss:GetObjectTagging": VIDEOS,
        "oss:PutObjectTagging": VIDEOS,
        "oss:PutObject": ARCHIVE,
        "fc:InvokeFunction": KEEPER,
        "log:PostLogStoreLogs": LOGS,
    },
    "keep-failed": {
        "oss:PutObject": FAILURES,
        "mns:PublishMessage": FAILED_TOPIC,
        "log:PostLogStoreLogs": LOGS,
    },
    "submit-video": {
        "imm:CreateVideoLabelClassificationTask": PROJECT,
        "imm:ListTasks": PROJECT,
        "oss:GetObject": VIDEOS,
        "fc:InvokeFunction": KEEPER,
        "log:PostLogStoreLogs": LOGS,
    },
    "failed": {
        "oss:ListObjects": f"acs:oss:[^:]*:{ACCOUNT}:failures",
        "oss:GetObject": FAILURES,
        "oss:DeleteObject": FAILURES,
        "fc:InvokeFunction": FUNCTION,
    },
    "trigger": {"fc:InvokeFunction": FUNCTION},
    "uploads-trigger": {"fc:InvokeFunction": UPLOADS},
}
ACTIONS = [
    *sorted({action for needed in NEEDED.values() for action in needed}),
    *("oss:PutObjectAcl", "oss:DeleteObjectTagging", "oss:GetObjectVersionTagging", "oss:DeleteBucket"),
    *("oss:GetBucketInfo", "oss:ListBuckets", "imm:DeleteProject", "mns:SendMessage", "mns:DeleteTopic"),
    *("log:GetLogStoreLogs", "fc:UpdateFunction", "fc:GetFunction", "ram:AttachPolicyToRole"),
    *("ram:PassRole", "sts:AssumeRole"),
]
# What is needed, and what is near to it.
NAMES = [
    *("media", "media/videos/a.mp4", "media/videos", "media/a.mp4", "media/videos-other/a.mp4"),
    *(
        "archive",
        "archive/labels/a.json",
        "archive/labels-other/a.json",
        "archive/a.json",
        "other/labels/a.json",
    ),
    *("failures", "failures/events/a.json", "failures/events-other/a.json", "failures/a.json", "*"),
    *("project/immtest", "project/immtest-other", "project/*", "/topics/failed/messages", "/topics/failed"),
    *("/topics/tasks/messages", "project/functions/logstore/index", "project/functions/logstore/other"),
    *("project/other/logstore/index", "project/functions", "role/worker", "role/*"),
    *(f"functions/{name}" for name in ("index", "keeper", "uploads", "other", "index-other", "*")),
    *(f"functions/{name}/LATEST" for name in ("index", "keeper", "uploads", "other")),
]
HOMES = [f"{REGION}:{ACCOUNT}", f"cn-beijing:{ACCOUNT}", f"{REGION}:6543210987654321", "*:*", ":"]
PREFIXES = ("", "events", "events/", "events/2026-01-01/", "events-other/", "videos/")


@pytest.mark.parametrize("name", NEEDED)
def test_nothing_but_what_is_needed_is_allowed(name: str) -> None:
    policy = parse_policy(json.dumps(filled(name)))
    for action, home, relative in product(ACTIONS, HOMES, NAMES):
        resource = f"acs:{action.partition(':')[0]}:{home}:{relative}"
        needed = re.fullmatch(NEEDED[name].get(action, "none"), resource) is not None
        for prefix in PREFIXES if action == "oss:ListObjects" else ("",):
            listing = action != "oss:ListObjects" or prefix.startswith("events/")
            decision = evaluate([policy], action, resource, {"oss:Prefix": prefix})
            assert (decision is Decision.ALLOWED) == (needed and listing), (action, resource, prefix)


@pytest.mark.parametrize("name", NEEDED)
def test_all_that_is_needed_is_named_by_the_document(name: str) -> None:
    assert {permission.action for permission in permissions(name)} == set(NEEDED[name])
