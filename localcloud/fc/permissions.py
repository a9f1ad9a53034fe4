"""What RAM says in Function Compute: of those who call, and of the roles that functions have.

Source: help.aliyun.com, Function Compute 3.0 "Policies and sample policies" (actions and resources); Log
Service, PutLogs; MNS "Permission policies and examples".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from localcloud.accounts import Identity
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.destinations import destination_function, is_function
from localcloud.fc.refusals import FunctionComputeRefused
from localcloud.gateway import Operation
from localcloud.ram.authorization import AccessRefused, request_context
from localcloud.ram.conditions import NO_CONTEXT, SERVICE
from localcloud.ram.roles import AssumptionRefused, Roles
from localcloud.tenant import Tenant

# Function Compute's name where a role says whom it trusts.
FC_SERVICE = "fc.aliyuncs.com"
# In which MNS invokes where a trigger names no role; Serverless Devs' component makes it.
NOTIFICATION_ROLE = "AliyunMNSNotificationRole"
# The RAM actions that are not called as the API's operations are.
_ACTIONS = {
    "GetAsyncInvokeConfig": "fc:GetFunctionAsyncInvokeConfig",
    "PutAsyncInvokeConfig": "fc:PutFunctionAsyncInvokeConfig",
    "DeleteAsyncInvokeConfig": "fc:DeleteFunctionAsyncInvokeConfig",
    "ListAsyncInvokeConfigs": "fc:ListFunctionAsyncInvokeConfigs",
}
# The resources of operations that are about no function as such: ``{}`` is what the operation is about.
_RESOURCES = {
    "ListTriggers": "functions/{}/triggers/*",
    "CreateTrigger": "functions/{}/triggers/*",
    "ListAliases": "functions/{}/aliases/*",
    "ListFunctionVersions": "functions/{}/versions/*",
    "ListVpcBindings": "functions/{}/vpc-bindings/*",
    "ListAsyncInvokeConfigs": "async-invoke-configs/*",
    "ListScalingConfigs": "scaling-configs/*",
    "ListLayerVersions": "{}/versions/*",
    "CreateLayerVersion": "{}/versions/*",
    "GetLayerVersion": "{}",
    "DeleteLayerVersion": "{}",
}


class AccessDenied(FunctionComputeRefused):
    """RAM's policies do not let the caller, or the function's role, do it; or the role cannot be assumed."""

    status = 403
    code = "AccessDenied"


@dataclass(frozen=True)
class Permissions:
    """Asks RAM; in a tenant without an authorization everything is permitted, and every role is there."""

    tenant: Tenant
    roles: Roles

    def keys(self, role: str) -> Identity:
        """Temporary keys of a function's role; raises AccessDenied."""
        if self.tenant.authorization is None:
            return self.tenant.accounts.issue_role_keys(role)
        try:
            return self.roles.assume(role, FC_SERVICE)
        except AssumptionRefused as refused:
            raise AccessDenied(str(refused)) from None

    def check_caller(self, identity: Identity, operation: Operation, scope: Scope) -> None:
        """Raise AccessDenied unless a caller may carry out an operation on its function or trigger."""
        action = _ACTIONS.get(operation.action, f"fc:{operation.action}")
        form = _RESOURCES.get(operation.action, "functions/{}")
        resource = self.tenant.arn("fc", form.format(operation.resource or "*"))
        self.check(identity, action, resource, scope)

    def check_pass_role(self, identity: Identity, arn: str, scope: Scope) -> None:
        """Raise AccessDenied unless a caller may hand a role to Function Compute."""
        # fc3 sends ARNs in lower case.
        role = self.roles.find(arn)
        as_created = arn if role is None else self.roles.arn(role)
        resource = as_created.replace("acs:ram::", "acs:ram:*:", 1)
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
            raise _denied("the caller", refused) from None

    def check_destination(self, role: str | None, arn: str) -> None:
        """Raise AccessDenied unless a function's role may hand a record to a destination."""
        if self.tenant.authorization is None:
            return
        if role is None:
            raise AccessDenied("The function has no role in which its record could be handed over.")
        function = destination_function(arn, self.tenant)
        resource = arn if function is None else self._function(function)
        # Beside functions, the local cloud delivers to topics only.
        action = "fc:InvokeFunction" if is_function(arn) else "mns:PublishMessage"
        try:
            self.tenant.check(_acting_in(role), action, resource)
        except AccessRefused as refused:
            raise _denied(f"the role {role}", refused) from None

    def check_invoker(self, role: str | None, function: str, service: str) -> None:
        """Raise AccessRefused or AssumptionRefused unless a service may invoke a function in a role.

        A trigger without one uses AliyunMNSNotificationRole, which has to be there like any other.
        """
        if self.tenant.authorization is None:
            return
        acting = role or f"acs:ram::{self.tenant.account_id}:role/{NOTIFICATION_ROLE}"
        self.roles.trusting(acting, service)
        self.tenant.check(_acting_in(acting), "fc:InvokeFunction", self._function(function))

    def may_log(self, function: FunctionDeclaration) -> bool:
        """Whether a function's role may write to its logstore; if not, there are no logs."""
        log = function.log
        if self.tenant.authorization is None or not log.project:
            return True
        if function.role is None:
            return False
        resource = self.tenant.arn("log", f"project/{log.project}/logstore/{log.logstore}")
        return self.tenant.authorization.permits(_acting_in(function.role), "log:PostLogStoreLogs", resource)

    def _function(self, name: str) -> str:
        return self.tenant.arn("fc", f"functions/{name}")


def _acting_in(role: str) -> Identity:
    """Function Compute itself, once it has assumed a function's role; nothing is signed with these keys."""
    return Identity("", "", role=role)


def _denied(who: str, refused: AccessRefused) -> AccessDenied:
    return AccessDenied(
        f"{who} is not authorized to perform '{refused.action}' on resource '{refused.resource}'"
    )
