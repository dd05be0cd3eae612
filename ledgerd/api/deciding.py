"""What services share: a command goes to the log, and its answer comes back."""

from ledgerd.api import calls, codec, replies
from ledgerd.api.handle import NodeHandle
from ledgerd.api.options import ApiOptions
from ledgerd.api.replies import Replies
from ledgerd.api.v1 import common_pb2, payouts_pb2
from ledgerd.ledger.commands import Command


class Deciding:
    """The part of a service that asks the log."""

    def __init__(self, options: ApiOptions, node: NodeHandle) -> None:
        self._node = node
        self._options = options
        self._replies = Replies(node_id=options.node_id)

    async def _decide(
        self, command: Command, asked: common_pb2.WriteConcern
    ) -> tuple[common_pb2.MutationHeader, common_pb2.CommandResult]:
        """Return where a command stands in the log, and its answer."""
        header, result, _ = await self._decide_payout(command, asked)
        return header, result

    async def _decide_payout(
        self, command: Command, asked: common_pb2.WriteConcern
    ) -> tuple[
        common_pb2.MutationHeader, common_pb2.CommandResult, payouts_pb2.PayoutState
    ]:
        """Return the same, and the state of the payout afterwards."""
        call = calls.current()
        concern = codec.write_concern(asked)
        decided = await self._node.propose_command(command, call.deadline, concern)
        call.decided(decided)
        result = common_pb2.CommandResult()
        replies.fill_result(result, decided.outcomes, decided.first)
        header = self._replies.mutation(
            decided, concern, state_version=self._node.state_version
        )
        return header, result, replies.state(decided.outcomes.states[decided.first])
