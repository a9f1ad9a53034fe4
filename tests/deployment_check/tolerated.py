"""Files that `s` takes and fc3 deploys, each other than the project's own in one kind of thing."""

from __future__ import annotations

from collections.abc import Mapping

from tests.deployment_check.checkout import GONE, Mutation, both, drop, put

_ENVIRONMENT = "environmentVariables"
_NODE = {
    "component": "fc3",
    "props": {
        "region": "${vars.region}",
        "functionName": "thumbnails",
        "runtime": "nodejs20",
        "handler": "index.handler",
        "code": "./thumbnails",
        "instanceConcurrency": 20,
        "environmentVariables": {"LABEL_WHATEVER": "1"},
        "triggers": [
            {
                "triggerName": "uploads",
                "triggerType": "oss",
                "sourceArn": "acs:oss:cn-hangzhou:1:b",
                "triggerConfig": {},
            }
        ],
    },
}
_WEBSITE = {"component": "oss", "props": {"bucket": "site", "region": "${env('X', 'y')}"}}
_OPERATORS = (
    '{"source":[{"prefix":"acs."}],"type":[{"suffix":":VideoLabelClassification"},{"unheard-of":1}],'
    '"data":{"ProjectName":["immtest"]}}'
)


_OWN_VARIABLES = [
    put(f"{_ENVIRONMENT}.{name}", "x")
    for name in ("HTTPS_PROXY", "TEAM", "OSS_BUCKET", "SLS_ENDPOINT", "IMM_PROJECT", "LOG_FORMAT")
]
_RULE = {
    "triggerName": "imm-events",
    "triggerType": "eventbridge",
    "triggerConfig": {
        "triggerEnable": True,
        "asyncInvocationType": True,
        "eventRuleFilterPattern": _OPERATORS,
        "eventSourceConfig": {"eventSourceType": "Default"},
    },
}
_HOOKS = {"pre-${regex('deploy|local')}": [{"run": "true", "path": "${path('.')}"}]}

TOLERATED: Mapping[str, Mutation] = {
    "logConfig auto": both(put("logConfig", "auto"), put("logConfig", "auto", "resources.keep_failed.props")),
    "memory without cpu": both(put("memorySize", 1024), drop("cpu"), drop("diskSize")),
    "bare roles": both(put("role", "imm-label-tags"), put("triggers[0].invocationRole", "invoker")),
    "an asynchronous task": put("asyncInvokeConfig.asyncTask", True),
    "path()": put("code", "${path('./functions')}"),
    "this": put("description", "of ${this.props.functionName}"),
    "resources": put("description", "beside ${resources.keep_failed.props.functionName}"),
    "a later output": put(f"{_ENVIRONMENT}.TEAM", "${resources.keep_failed.output.functionArn}"),
    "config()": put("role", "acs:ram::${config('AccountID')}:role/imm-label-tags"),
    "an unknown account": put("vars.account", "${config('AccountID')}", ""),
    "an unknown expression": put("description", "${sha256('x')}"),
    "an unknown expression as memory": put("memorySize", "${vars['memory']}"),
    "an unknown expression as runtime": put("runtime", "${sha256('x')}"),
    "JavaScript": put("description", "<%= vars.region %>"),
    "a function in Node.js": put("resources.thumbnails", _NODE, ""),
    "another component": put("resources.website", _WEBSITE, ""),
    "variables of the user's own": both(*_OWN_VARIABLES),
    "operators in a pattern": put("triggers", [_RULE]),
    "an unused entry of vars": put("vars.unused", {"a": [1]}, ""),
    "flow": put("flow", {"deploy": ["keep_failed", "tag_object"]}, ""),
    "another key at the top": put("team", "video", ""),
    "without a name": put("name", GONE, ""),
    "without an access": put("access", GONE, ""),
    "a hook by regex()": put("resources.tag_object.actions", _HOOKS, ""),
    "a code package": put("code", "./package.zip"),
    "a property that nobody knows": put("idleTimeout", 3),
    "fc3's own concurrency": put("concurrencyConfig", {"reservedConcurrency": 1}),
    "another destination": put(
        "asyncInvokeConfig.destinationConfig.onFailure.destination",
        "acs:eventbridge:cn-hangzhou:1234567890123456:eventbus/failed",
    ),
    "a keeper of elsewhere": put(
        "asyncInvokeConfig.destinationConfig.onFailure.destination",
        "acs:fc:cn-hangzhou:1234567890123456:functions/keeper-of-another-file",
    ),
}
