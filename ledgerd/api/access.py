"""Who may call what, in one table. The tests walk it as a matrix of roles and calls.

A call that is not listed is refused for everybody, so a new one cannot be open by oversight.
"""

from typing import Final, TypeAlias

from ledgerd.errors import NotLogged, Reason
from ledgerd.security.identity import Identity, Role, require_client, require_role

# The roles that may call; None: any certificate of the cluster, a node's too.
Access: TypeAlias = frozenset[Role] | None

SUBMITTER: Final = frozenset({Role.SUBMITTER})
WATCHING: Final = frozenset({Role.SUBMITTER, Role.AUDITOR})
DISPATCHER: Final = frozenset({Role.DISPATCHER})
# After a silence of the rail it needs an approver, who need not be a submitter.
STOPPING: Final = frozenset({Role.SUBMITTER, Role.APPROVER})
APPROVER: Final = frozenset({Role.APPROVER})
AUDITING: Final = frozenset({Role.AUDITOR, Role.ADMIN})
ADMIN: Final = frozenset({Role.ADMIN})
REJECTING: Final = frozenset({Role.APPROVER, Role.ADMIN})  # the author may withdraw
POLICY: Final = frozenset({Role.APPROVER, Role.ADMIN, Role.AUDITOR})
VOUCHERS: Final = frozenset({Role.APPROVER, Role.ADMIN, Role.AUDITOR})
JUDGED: Final = frozenset({Role.SUBMITTER, Role.APPROVER, Role.ADMIN})
ANY_CLIENT: Final = frozenset(Role)
ANYBODY: Final[Access] = None

ACCESS: Final[dict[str, Access]] = {
    "/ledgerd.api.v1.Payouts/Submit": SUBMITTER,
    "/ledgerd.api.v1.Payouts/SubmitBatch": SUBMITTER,
    "/ledgerd.api.v1.Payouts/SubmitStream": SUBMITTER,
    "/ledgerd.api.v1.Payouts/Validate": SUBMITTER,
    "/ledgerd.api.v1.Payouts/Quote": ANY_CLIENT,
    "/ledgerd.api.v1.Payouts/QuoteRoutes": ANY_CLIENT,
    "/ledgerd.api.v1.Payouts/Get": ANY_CLIENT,
    "/ledgerd.api.v1.Payouts/List": ANY_CLIENT,
    "/ledgerd.api.v1.Payouts/Cancel": STOPPING,
    "/ledgerd.api.v1.Payouts/Approve": APPROVER,
    "/ledgerd.api.v1.Payouts/Reject": APPROVER,
    "/ledgerd.api.v1.Payouts/Reroute": STOPPING,
    "/ledgerd.api.v1.Payouts/RequestRecall": SUBMITTER,
    "/ledgerd.api.v1.Payouts/TellEvidence": APPROVER,
    "/ledgerd.api.v1.Dispatch/ClaimDispatch": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/RenewClaim": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/RaiseAttention": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/RailAck": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/RailNotAccepted": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/RailReject": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/Settle": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/Return": DISPATCHER,
    "/ledgerd.api.v1.Dispatch/ReversalComplete": DISPATCHER,
    "/ledgerd.api.v1.Ledger/OpenAccount": SUBMITTER,
    "/ledgerd.api.v1.Ledger/GetAccount": ANY_CLIENT,
    "/ledgerd.api.v1.Ledger/ListAccounts": ANY_CLIENT,
    "/ledgerd.api.v1.Ledger/Fund": SUBMITTER,
    "/ledgerd.api.v1.Ledger/Transfer": SUBMITTER,
    "/ledgerd.api.v1.Ledger/GetBalance": ANY_CLIENT,
    "/ledgerd.api.v1.Ledger/CloseAccount": SUBMITTER,
    "/ledgerd.api.v1.Ledger/Freeze": APPROVER,
    "/ledgerd.api.v1.Ledger/Unfreeze": APPROVER,
    "/ledgerd.api.v1.Ledger/FundReverse": SUBMITTER,
    "/ledgerd.api.v1.Ledger/CreateHold": SUBMITTER,
    "/ledgerd.api.v1.Ledger/CaptureHold": SUBMITTER,
    "/ledgerd.api.v1.Ledger/ReleaseHold": SUBMITTER,
    "/ledgerd.api.v1.Ledger/GetHold": ANY_CLIENT,
    "/ledgerd.api.v1.Ledger/ListHolds": ANY_CLIENT,
    "/ledgerd.api.v1.Ledger/PostEntry": ADMIN,
    "/ledgerd.api.v1.Ledger/Adjust": ADMIN,
    "/ledgerd.api.v1.Ledger/ApproveVoucher": APPROVER,
    "/ledgerd.api.v1.Ledger/RejectVoucher": REJECTING,
    "/ledgerd.api.v1.Ledger/GetVoucher": VOUCHERS,
    "/ledgerd.api.v1.Ledger/ListVouchers": VOUCHERS,
    "/ledgerd.api.v1.Ledger/Validate": JUDGED,  # and the role of the call in it
    "/ledgerd.api.v1.Reports/TrialBalance": AUDITING,
    "/ledgerd.api.v1.Reports/Statement": AUDITING,
    "/ledgerd.api.v1.Reports/ExportBooks": AUDITING,
    "/ledgerd.api.v1.Feed/Watch": WATCHING,
    "/ledgerd.api.v1.Feed/GetEvent": WATCHING,
    "/ledgerd.api.v1.Audit/GetTreeHead": ANY_CLIENT,
    "/ledgerd.api.v1.Audit/InclusionProof": AUDITING,
    "/ledgerd.api.v1.Audit/ConsistencyProof": ANY_CLIENT,
    "/ledgerd.api.v1.Audit/Digest": ANY_CLIENT,
    "/ledgerd.api.v1.Audit/ExportLog": AUDITING,
    "/ledgerd.api.v1.Audit/ListExceptions": VOUCHERS,
    "/ledgerd.api.v1.Audit/ResolveException": APPROVER,
    "/ledgerd.api.v1.Admin/Status": ANY_CLIENT,
    "/ledgerd.api.v1.Admin/SetFees": ADMIN,
    "/ledgerd.api.v1.Admin/GetFees": ANY_CLIENT,
    "/ledgerd.api.v1.Admin/SetCatalogue": ADMIN,
    "/ledgerd.api.v1.Admin/AmendCalendar": ADMIN,
    "/ledgerd.api.v1.Admin/SuspendRail": ADMIN,
    "/ledgerd.api.v1.Admin/GetCatalogue": ANY_CLIENT,
    "/ledgerd.api.v1.Admin/SetLimits": ADMIN,
    "/ledgerd.api.v1.Admin/GetLimits": POLICY,
    "/ledgerd.api.v1.Admin/SetRules": ADMIN,
    "/ledgerd.api.v1.Admin/GetRules": POLICY,
    "/ledgerd.api.v1.Admin/SetRoles": ADMIN,
    "/ledgerd.api.v1.Admin/GetRoles": POLICY,
    "/ledgerd.api.v1.Admin/SetCurrencies": ADMIN,
    "/ledgerd.api.v1.Admin/GetCurrencies": ANY_CLIENT,
    "/ledgerd.api.v1.Cluster/Members": ADMIN,
    "/ledgerd.api.v1.Cluster/AddNode": ADMIN,
    "/ledgerd.api.v1.Cluster/RemoveNode": ADMIN,
    "/ledgerd.api.v1.Cluster/ReplaceNode": ADMIN,
    "/ledgerd.api.v1.Cluster/Snapshot": ADMIN,
    "/ledgerd.api.v1.Cluster/Digest": ADMIN,
    "/ledgerd.api.v1.Cluster/Status": ANY_CLIENT,
    "/ledgerd.api.v1.Cluster/UpdateNode": ADMIN,
    "/ledgerd.api.v1.Cluster/Transfer": ADMIN,
    "/grpc.health.v1.Health/Check": ANYBODY,
    "/grpc.health.v1.Health/Watch": ANYBODY,
    "/grpc.health.v1.Health/List": ANYBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": ANYBODY,
}


def short_name(method: str) -> str:
    """Return service and call without the package: "Payouts/Submit"."""
    return method.rpartition(".")[2]


def check(identity: Identity, method: str) -> None:
    """Return if `identity` may call `method`. Raises NotLogged with ROLE_MISSING."""
    if method not in ACCESS:
        raise NotLogged(
            Reason.ROLE_MISSING, f"no role may call {method}", {"call": method}
        )
    allowed = ACCESS[method]
    if allowed is None:
        return
    if identity.node_id is None and not identity.roles.isdisjoint(allowed):
        return  # as nearly always; what follows names the call for a refusal
    require_client(identity, short_name(method))
    require_role(identity, allowed, short_name(method))
