"""What RAM says in Function Compute: of those who call, and of the roles that functions have.

Source: help.aliyun.com, Function Compute 3.0 "Policies and sample policies" (actions and resources); Log
Service, PutLogs; MNS "Permission policies and examples".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import Scope

from localcloud.accounts import Identity
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.destinations import destination_function, is_function
from localcloud.fc.refusals import FunctionComputeRefused
from localcloud.gateway import Operation
from localcloud.ram.authorization import AccessRefused, request_context
from localcloud.ram.conditions import NO_CONTEXT, SERVICE
from localcloud.ram.roles import AssumptionRefused
from localcloud.tenant import Tenant

# Function Compute's name where a role says whom it trusts.
FC_SERVICE = "fc.aliyuncs.com"
# The RAM actions that are not called as the API's operations are.
_ACTIONS = {
    "GetAsyncInvokeConfig": "fc:GetFunctionAsyncInvokeConfig",
    "PutAsyncInvokeConfig": "fc:PutFunctionAsyncInvokeConfig",
    "DeleteAsyncInvokeConfig": "fc:DeleteFunctionAsyncInvokeConfig",
    "ListAsyncInvokeConfigs": "fc:ListFunctionAsyncInvokeConfigs",
}
# The resources of operations on what a function has several of.
_LISTED = {
    "ListTriggers": "triggers",
    "CreateTrigger": "triggers",
    "ListAliases": "aliases",
    "ListFunctionVersions": "versions",
    "ListVpcBindings": "vpc-bindings",
}
_OF_ALL_FUNCTIONS = {
    "ListAsyncInvokeConfigs": "async-invoke-configs",
    "ListScalingConfigs": "scaling-configs",
}


class AccessDenied(FunctionComputeRefused):
    """RAM's policies do not let the caller, or the function's role, do it."""

    status = 403
    code = "AccessDenied"

    def __init__(self, who: str, refused: AccessRefused) -> None:
        super().__init__(
            f"{who} is not authorized to perform '{refused.action}' on resource '{refused.resource}'"
        )


class RoleNotAssumed(FunctionComputeRefused):
    """The function's role is not there, or does not trust Function Compute."""

    status = 403
    code = "AccessDenied"


@dataclass(frozen=True)
class Permissions:
    """Asks RAM; without an authorization everything is permitted.

    ``assume_role`` gives temporary keys of a role by its ARN, or raises AssumptionRefused. ``role_arn`` is
    a role's ARN in the case that it was created with: fc3 sends it in lower case.
    """

    tenant: Tenant
    assume_role: Callable[[str], Identity]
    role_arn: Callable[[str], str] = str

    def keys(self, role: str) -> Identity:
        """Temporary keys of a function's role; raises RoleNotAssumed."""
        try:
            return self.assume_role(role)
        except AssumptionRefused as refused:
            raise RoleNotAssumed(str(refused)) from None

    def check_caller(self, identity: Identity, operation: Operation, scope: Scope) -> None:
        """Raise AccessDenied unless a caller may carry out an operation on its function or trigger."""
        action = _ACTIONS.get(operation.action, f"fc:{operation.action}")
        self.check(identity, action, self._resource(operation), scope)

    def check_pass_role(self, identity: Identity, role: str, scope: Scope) -> None:
        """Raise AccessDenied unless a caller may hand a role to Function Compute."""
        resource = self.role_arn(role).replace("acs:ram::", "acs:ram:*:", 1)
        self.check(identity, "ram:PassRole", resource, scope, {SERVICE: FC_SERVICE})

    def check(
        self,
        identity: Identity,
        action: str,
        resource: str,
        scope: Scope,
        context: Mapping[str, str] = NO_CONTEXT,
    ) -> None:
        """Raise AccessDenied unless a caller may do something."""
        try:
            self.tenant.check(identity, action, resource, {**request_context(scope), **context})
        except AccessRefused as refused:
            raise AccessDenied("the caller", refused) from None

    def check_destination(self, role: str | None, arn: str) -> None:
        """Raise a RequestRefused unless a function's role may hand a record to a destination."""
        if self.tenant.authorization is None:
            return
        function = destination_function(arn, self.tenant)
        resource = arn if function is None else self._function(function)
        # Beside functions, the local cloud delivers to topics only.
        action = "fc:InvokeFunction" if is_function(arn) else "mns:PublishMessage"
        try:
            self.tenant.check(_acting_in(role), action, resource)
        except AccessRefused as refused:
            raise AccessDenied(f"the role {role}", refused) from None

    def may_log(self, function: FunctionDeclaration) -> bool:
        """Whether a function's role may write to its logstore; if not, there are no logs."""
        if self.tenant.authorization is None or not function.log.project:
            return True
        if function.role is None:
            return False
        log = function.log
        resource = self.tenant.arn("log", f"project/{log.project}/logstore/{log.logstore}")
        return self.tenant.authorization.permits(_acting_in(function.role), "log:PostLogStoreLogs", resource)

    def _resource(self, operation: Operation) -> str:
        name = operation.resource or "*"
        if operation.action in _LISTED:
            return self._function(f"{name}/{_LISTED[operation.action]}/*")
        if operation.action in _OF_ALL_FUNCTIONS:
            return self.tenant.arn("fc", f"{_OF_ALL_FUNCTIONS[operation.action]}/*")
        if operation.action in ("ListLayerVersions", "CreateLayerVersion"):
            return self.tenant.arn("fc", f"{name}/versions/*")
        if name.startswith("layers/"):
            return self.tenant.arn("fc", name)
        return self._function(name)

    def _function(self, name: str) -> str:
        return self.tenant.arn("fc", f"functions/{name}")


def _acting_in(role: str | None) -> Identity:
    """Function Compute itself, once it has assumed a function's role; nothing is signed with these keys."""
    if role is None:
        raise RoleNotAssumed("The function has no role in which its record could be handed over.")
    return Identity("", "", role=role)
