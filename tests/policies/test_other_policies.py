"""What invokes the function, who deploys and who sets up: they may do what they need, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.installation.templates import fill, placeholders
from localcloud.ram.policy import Decision, evaluate, parse_policy
from localcloud.ram.trust import parse_trust
from tests.localcloud.fc_world import REGION
from tests.localcloud.ram_functions import FUNCTION, MNS_TRUST, Functions
from tests.localcloud.tenancy import ACCOUNT
from tests.policies.conftest import KEEPER, KEEPER_ARN
from tests.policies.documents import DIRECTORY, VALUES, Asked, filled, unneeded

FUNCTIONS = f"acs:fc:{REGION}:{ACCOUNT}:functions"
SUBSCRIPTIONS = f"acs:mns:{REGION}:{ACCOUNT}:/topics/tasks/subscriptions"
TO_FC = {"acs:Service": "fc.aliyuncs.com"}


def allowed(name: str, action: str, resource: str, context: dict[str, str] | None = None) -> bool:
    policy = parse_policy(json.dumps(filled(name)))
    return evaluate([policy], action, resource, context or {}) is Decision.ALLOWED


@pytest.mark.parametrize("path", sorted(DIRECTORY.glob("*.json")), ids=lambda path: path.name)
def test_every_document_is_complete_once_it_is_filled(path: Path) -> None:
    content = fill(path, VALUES)

    assert "$" not in content
    assert placeholders(path) <= set(VALUES)
    assert json.loads(content)["Version"] == "1"


# Who invokes the function


def test_a_message_reaches_the_function_with_the_triggers_policy_only(deployed: Functions) -> None:
    # Given the role of the trigger, with its policy
    deployed.role()
    trust = fill(DIRECTORY / "trigger-trust.json", VALUES)
    policy = json.dumps(filled("trigger"))
    deployed.put_role("trigger", trust, policy)
    assert deployed.publish() == 1
    # When the policy is for another function, or is not there
    deployed.put_role("trigger", trust, json.dumps(filled("trigger", function="other")))
    assert deployed.publish() == 0
    deployed.put_role("trigger", trust, None)
    # Then no message reaches this one
    assert deployed.publish() == 0
    # And neither does any where the role trusts the function's service instead of the topic's
    deployed.put_role("trigger", fill(DIRECTORY / "function-trust.json", VALUES), policy)
    assert deployed.publish() == 0


def test_the_triggers_role_trusts_mns_alone() -> None:
    trust = parse_trust(fill(DIRECTORY / "trigger-trust.json", {}))

    assert trust == parse_trust(MNS_TRUST)
    assert not trust.trusts("fc.aliyuncs.com", f"acs:ram::{ACCOUNT}:root")


# Who deploys and removes


class Call(NamedTuple):
    """A request of fc3 0.1.22: ``creates`` names what a POST makes, ``action`` is the API's."""

    command: str
    service: str
    method: str
    path: str
    action: str | None
    creates: str = ""


# Every request of `s deploy` and `s remove`, recorded with Serverless Devs 3.1.10 and fc3 0.1.22 while s.yaml
# named no invocationRole.
RECORDED = [
    Call(**json.loads(line))
    for line in (Path(__file__).parent / "fc3_calls.jsonl").read_text("utf-8").splitlines()
]
# Actions that have another name than the API's: help.aliyun.com, Function Compute 3.0 "Policies and sample
# policies".
RENAMED = {
    "GetAsyncInvokeConfig": "fc:GetFunctionAsyncInvokeConfig",
    "PutAsyncInvokeConfig": "fc:PutFunctionAsyncInvokeConfig",
    "DeleteAsyncInvokeConfig": "fc:DeleteFunctionAsyncInvokeConfig",
    "ListAsyncInvokeConfigs": "fc:ListFunctionAsyncInvokeConfigs",
}
# The resources of each request by its path, from the same page; of several, all are asked for. Scaling
# configurations are not on it: they are taken to be like the others that belong to a function's version.
RESOURCES = [
    (r"layers/(\S+?)/versions", ["layers/{0}/versions/*"]),
    (r"functions/([^/]+)", ["functions/{0}"]),
    (r"functions/([^/]+)/(?:async-invoke-config|scaling-config)", ["functions/{0}", "functions/{0}/LATEST"]),
    (r"functions/([^/]+)/concurrency", ["functions/{0}"]),
    (r"functions/([^/]+)/(triggers|aliases|versions|vpc-bindings)", ["functions/{0}/{1}/*"]),
    (r"functions/([^/]+)/triggers/([^/]+)", ["functions/{0}/triggers/{1}"]),
    (r"(async-invoke-configs|scaling-configs)\?functionName=([^&]+)", ["{0}/*", "functions/{1}"]),
]
# The names in the recording, and those of these tests.
NAMES = {"imm-label-tags": "index", "imm-label-tags-failed": KEEPER}


def asked_for(call: Call) -> set[tuple[str, str]]:
    """The actions and resources that a request needs; of FC alone, the rest is below."""
    assert call.action is not None
    path = re.sub(r"\?(?!functionName=).*|&.*", "", call.path.removeprefix("/2023-03-30/"))
    path += f"/{call.creates}" if call.creates else ""
    for pattern, resources in RESOURCES:
        if match := re.fullmatch(pattern, path):
            names = [
                "deps" if path.startswith("layers") else NAMES.get(name, name) for name in match.groups()
            ]
            action = RENAMED.get(call.action, f"fc:{call.action}")
            return {
                (action, f"acs:fc:{REGION}:{ACCOUNT}:{resource.format(*names)}") for resource in resources
            }
    raise AssertionError(f"{call} is about no known resource")


OF_FC = sorted(set().union(*(asked_for(call) for call in RECORDED if call.service == "FC" and call.action)))
DEPLOYING = [
    *OF_FC,
    # fc3 changes triggers of the type eventbridge, but only where they differ, and the recorded one did not.
    ("fc:UpdateTrigger", f"{FUNCTION}/triggers/imm-queue"),
    # Function Compute subscribes to the topic in the name of whoever makes the trigger.
    ("mns:Subscribe", f"{SUBSCRIPTIONS}/anything"),
    ("mns:Unsubscribe", f"{SUBSCRIPTIONS}/anything"),
]


def test_the_rest_of_what_was_recorded_needs_no_permission_here() -> None:
    rest = {
        (call.service, call.action or call.path)
        for call in RECORDED
        if not (call.service == "FC" and call.action)
    }
    assert rest == {
        # FC's own signature and a place in OSS for the code: no action is documented for it.
        ("FC", "/2016-08-15/tempBucketToken"),
        # With keys that the former gives.
        ("OSS", "/<account>/<object>"),
        # The trigger's role, which setup makes now: asked for only where a trigger names none.
        *(("ram.aliyuncs.com", each) for each in ("GetRole", "CreateRole")),
        *(("ram.aliyuncs.com", each) for each in ("ListPoliciesForRole", "AttachPolicyToRole")),
        # EventBridge's service-linked roles, for s.eventbridge.yaml only: the README has them.
        ("resourcemanager.aliyuncs.com", "CheckServiceLinkedRoleExistence"),
        ("resourcemanager.aliyuncs.com", "CreateServiceLinkedRole"),
    }


ROLES = f"acs:ram:*:{ACCOUNT}:role"


def test_a_deployer_may_make_change_and_remove_these_functions() -> None:
    for action, resource in DEPLOYING:
        assert allowed("deployer", action, resource)
        # But no other, nor in another region or account
        for own, other in (
            ("index", "other"),
            (KEEPER, "other"),
            ("deps", "other"),
            ("/tasks/", "/other/"),
            (REGION, "cn-beijing"),
            (ACCOUNT, "6543210987654321"),
        ):
            if own in resource:
                assert not allowed("deployer", action, resource.replace(own, other))


def test_a_deployer_may_pass_the_roles_to_function_compute_and_nobody_else() -> None:
    for name in ("worker", "keeper", "trigger"):
        assert allowed("deployer", "ram:PassRole", f"{ROLES}/{name}", TO_FC)
        assert not allowed("deployer", "ram:PassRole", f"{ROLES}/{name}", {"acs:Service": "ecs.aliyuncs.com"})
        assert not allowed("deployer", "ram:PassRole", f"{ROLES}/{name}")
    assert not allowed("deployer", "ram:PassRole", f"{ROLES}/admin", TO_FC)


def test_a_deployer_needs_each_permission() -> None:
    passed = [Asked("ram:PassRole", f"{ROLES}/{name}", TO_FC) for name in ("worker", "keeper", "trigger")]
    asked = [*(Asked(action, resource, {}) for action, resource in DEPLOYING), *passed]

    assert unneeded(filled("deployer"), asked) == set()


def test_a_deployer_of_uploads_may_do_the_same_with_their_function_and_nothing_more() -> None:
    # What was recorded of tag_object, with the other function's name; fc3 changes OSS's triggers too
    uploads = f"{FUNCTIONS}/uploads"
    asked = {
        (action, resource.replace(FUNCTION, uploads))
        for action, resource in OF_FC
        if resource == FUNCTION or resource.startswith(f"{FUNCTION}/")
    } | {("fc:UpdateTrigger", f"{uploads}/triggers/uploads-mp4")}
    # Function Compute keeps OSS's triggers in the bucket's settings, in the name of whoever makes them: fc3's
    # docs/zh/yaml/triggers.md
    asked |= {
        (f"oss:{action}", f"acs:oss:*:{ACCOUNT}:media")
        for action in ("ListBucket", *(f"{verb}BucketEventNotification" for verb in ("Get", "Put", "Delete")))
    }
    passed = [Asked("ram:PassRole", f"{ROLES}/{name}", TO_FC) for name in ("uploader", "notifier")]

    for action, resource in asked:
        assert allowed("deployer-uploads", action, resource), (action, resource)
    needed = [*(Asked(action, resource, {}) for action, resource in asked), *passed]
    assert unneeded(filled("deployer-uploads"), needed) == set()


def test_a_deployer_may_neither_run_it_nor_touch_roles_and_data() -> None:
    for action, resource in (
        ("fc:InvokeFunction", FUNCTION),
        ("fc:InvokeFunction", KEEPER_ARN),
        ("fc:GetLayerVersion", f"acs:fc:{REGION}:{ACCOUNT}:layers/deps/versions/7"),
        ("fc:DeleteLayerVersion", f"acs:fc:{REGION}:{ACCOUNT}:layers/deps/versions/7"),
        ("fc:GetFunctionCode", FUNCTION),
        ("fc:ListFunctions", f"{FUNCTIONS}/*"),
        ("fc:CreateTrigger", f"{KEEPER_ARN}/triggers/any"),
        ("ram:CreateRole", f"{ROLES}/*"),
        ("ram:AttachPolicyToRole", f"{ROLES}/worker"),
        ("oss:GetObject", f"acs:oss:*:{ACCOUNT}:media/videos/a.mp4"),
        ("imm:GetTask", f"acs:imm:{REGION}:{ACCOUNT}:project/immtest"),
        ("mns:PublishMessage", f"acs:mns:{REGION}:{ACCOUNT}:/topics/tasks/messages"),
        ("mns:DeleteTopic", f"acs:mns:{REGION}:{ACCOUNT}:/topics/tasks"),
    ):
        assert not allowed("deployer", action, resource, TO_FC), action


# Who sets up. That each permission is needed is shown where everything is set up from nothing.


def test_who_sets_up_may_neither_touch_data_nor_other_roles() -> None:
    record = f"acs:oss:*:{ACCOUNT}:failures/events/2026-01-01/1-2.json"
    for action, resource in (
        *((f"oss:{verb}", record) for verb in ("PutObject", "GetObject", "DeleteObject", "PutObjectTagging")),
        ("oss:GetObject", f"acs:oss:*:{ACCOUNT}:media/videos/a.mp4"),
        ("oss:GetBucketInfo", f"acs:oss:*:{ACCOUNT}:other"),
        ("fc:InvokeFunction", FUNCTION),
        ("fc:InvokeFunction", KEEPER_ARN),
        ("fc:UpdateFunction", KEEPER_ARN),
        ("fc:ListTriggers", f"{KEEPER_ARN}/triggers/*"),
        ("ram:DeleteRole", f"{ROLES}/admin"),
        ("ram:AttachPolicyToRole", f"{ROLES}/admin"),
        ("ram:AttachPolicyToRole", f"acs:ram:*:{ACCOUNT}:policy/admin"),
        ("ram:PassRole", f"{ROLES}/keeper"),
        ("mns:PublishMessage", f"acs:mns:{REGION}:{ACCOUNT}:/topics/failed/messages"),
    ):
        assert not allowed("setup", action, resource, {"oss:Prefix": "events/", **TO_FC}), action


def test_who_sets_up_may_list_failed_events_alone() -> None:
    bucket = f"acs:oss:*:{ACCOUNT}:failures"

    assert allowed("setup", "oss:ListObjects", bucket, {"oss:Prefix": "events/"})
    for prefix in ("", "events", "events-other/", "videos/"):
        assert not allowed("setup", "oss:ListObjects", bucket, {"oss:Prefix": prefix})
    assert not allowed("setup", "oss:ListObjects", f"acs:oss:*:{ACCOUNT}:media", {"oss:Prefix": "events/"})
