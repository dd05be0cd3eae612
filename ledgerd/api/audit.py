"""The service `Audit`: tree heads, proofs, and digests of every index since the tree began."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import grpc

from ledgerd.api import calls, codec, ids, lifecycle_codec, replies
from ledgerd.api.handle import NodeHandle
from ledgerd.api.log_exports import LogExportCalls
from ledgerd.api.options import ApiOptions
from ledgerd.api.v1 import audit_pb2 as pb
from ledgerd.api.v1 import audit_pb2_grpc, common_pb2
from ledgerd.errors import NotLogged, Reason
from ledgerd.formats.heads import TreeHead, signed_bytes
from ledgerd.formats.leaves import Leaf
from ledgerd.ledger.accounts import Position
from ledgerd.node.reads import ReadAt
from ledgerd.raft.entries import Index
from ledgerd.replica.tree import consistency_proof, inclusion_proof, root_of
from ledgerd.security.signing import Signer
from ledgerd.storage.reader import PayoutFound, PayoutRefused, StateReader

# Any: grpc's context does not know its messages here.
Context = grpc.aio.ServicerContext[Any, Any]
Found = TypeVar("Found")


class _Root(NamedTuple):
    """The tree up to one leaf, as a reader found it."""

    first_index: int
    size: int
    log_time_us: int
    root: bytes


class _Inclusion(NamedTuple):
    """What a reader found for a receipt."""

    root: _Root
    leaf: Leaf
    position: Position
    rows: list[tuple[bytes, bytes]]
    path: list[bytes]


class AuditService(LogExportCalls, audit_pb2_grpc.AuditServicer):
    """Answers the calls of `Audit`. Heads are signed as they leave, not as they are stored."""

    def __init__(
        self, options: ApiOptions, node: NodeHandle, signer: Signer | None
    ) -> None:
        super().__init__(options, node)
        self._signer = signer

    async def ListExceptions(  # noqa: D102 - the proto says what it does
        self, request: pb.ListExceptionsRequest, context: Context
    ) -> pb.ListExceptionsReply:
        rows_max = codec.page_rows(request.page_size)
        after = request.after_index, min(request.after_ordinal, 0xFFFF)
        at, (found, has_more) = await self._read(
            request.concern,
            lambda reader: reader.exceptions_page(
                after=after, rows_max=rows_max, with_resolved=request.with_resolved
            ),
        )
        calls.current().rows = len(found)
        return pb.ListExceptionsReply(
            header=self._header(at),
            exceptions=[replies.exception(row, payout_id) for row, payout_id in found],
            has_more=has_more,
        )

    async def ResolveException(  # noqa: D102
        self, request: pb.ResolveExceptionRequest, context: Context
    ) -> pb.ResolveExceptionReply:
        command = lifecycle_codec.resolve_exception(
            request, principal=calls.current().principal
        )
        header, result, state = await self._decide_payout(command, request.concern)
        return pb.ResolveExceptionReply(header=header, result=result, state=state)

    async def GetTreeHead(  # noqa: D102 - the proto says what it does
        self, request: pb.TreeHeadRequest, context: Context
    ) -> pb.TreeHeadReply:
        at, root = await self._read(
            request.concern, lambda reader: _root(reader, request.index)
        )
        return pb.TreeHeadReply(header=self._header(at), head=self._head(root))

    async def InclusionProof(  # noqa: D102
        self, request: pb.InclusionProofRequest, context: Context
    ) -> pb.InclusionProofReply:
        payout_id = codec.object_id("payout_id", ids.PAYOUT, request.payout_id)

        def query(reader: StateReader) -> _Inclusion:
            position = _position(reader, payout_id, request.payout_id)
            root = _root(reader, request.head_index, at_least=position[0])
            number = position[0] - root.first_index
            leaf = reader.leaf(number)
            return _Inclusion(
                root,
                leaf,
                position,
                reader.payout_rows(Index(position[0])),
                inclusion_proof(number, root.size, reader.tree_node),
            )

        at, found = await self._read(request.concern, query)
        leaf = found.leaf
        return pb.InclusionProofReply(
            header=self._header(at),
            head=self._head(found.root),
            leaf=pb.TreeLeaf(
                index=leaf.index,
                ts_us=leaf.ts_us,
                state_version=leaf.state_version,
                command=leaf.command,
                before=leaf.before,
                outcomes=leaf.outcomes,
                journal=leaf.journal,
                events=leaf.events,
            ),
            payouts=[pb.PayoutRow(key=key, value=value) for key, value in found.rows],
            ordinal=found.position[1],
            path=found.path,
        )

    async def ConsistencyProof(  # noqa: D102
        self, request: pb.ConsistencyProofRequest, context: Context
    ) -> pb.ConsistencyProofReply:
        def query(reader: StateReader) -> tuple[_Root, _Root, list[bytes]]:
            first = _root(reader, request.first_index)
            second = _root(
                reader,
                request.second_index,
                at_least=first.first_index + first.size - 1,
            )
            path = consistency_proof(first.size, second.size, reader.tree_node)
            return first, second, path

        at, (first, second, path) = await self._read(request.concern, query)
        return pb.ConsistencyProofReply(
            header=self._header(at),
            first=self._head(first),
            second=self._head(second),
            path=path,
        )

    async def Digest(  # noqa: D102
        self, request: pb.IndexDigestRequest, context: Context
    ) -> pb.IndexDigestReply:
        def query(reader: StateReader) -> tuple[int, bytes]:
            index = request.index or reader.applied()
            if index == reader.applied():
                return index, reader.digest()
            # The leaf behind an entry holds the digest after it, the first one too.
            root = _root(reader, index + 1)
            return index, reader.leaf(root.size - 1).before

        at, (index, digest) = await self._read(request.concern, query)
        return pb.IndexDigestReply(
            header=self._header(at), index=index, digest=digest.hex()
        )

    async def _read(
        self, concern: common_pb2.ReadConcern, query: Callable[[StateReader], Found]
    ) -> tuple[ReadAt, Found]:
        call = calls.current()
        at_least, max_age_s = codec.read_wish(concern)
        at, found = await self._node.read(
            query, at_least=at_least, max_age_s=max_age_s, deadline=call.deadline
        )
        call.read_at(at)
        return at, found

    def _header(self, at: ReadAt) -> common_pb2.ReadHeader:
        return self._replies.read(at, state_version=self._node.state_version)

    def _head(self, root: _Root) -> pb.TreeHead:
        """Return a head, signed now if this node has a key for it."""
        head = TreeHead(
            cluster_id=self._options.cluster_id,
            node_id=self._options.node_id,
            first_index=root.first_index,
            size=root.size,
            log_time_us=root.log_time_us,
            signed_at_us=time.time_ns() // 1_000,
            root=root.root,
        )
        told = pb.TreeHead(**head._asdict())
        if self._signer is not None:
            told.signature = self._signer.sign(signed_bytes(head))
            told.certificate = self._signer.certificate
            told.ca = self._signer.ca
        return told


def _root(reader: StateReader, index: int, *, at_least: int = 0) -> _Root:
    """Return the tree whose last leaf is of `index`, 0: of the last applied entry.

    Raises NotLogged for an index outside of the tree, or below `at_least`.
    """
    first, applied = reader.tree_first_index(), reader.applied()
    if first == 0:
        raise NotLogged(
            Reason.INDEX_NOT_KEPT,
            "expected state version 3, which begins the audit tree, found an older one in force; "
            "upgrade all members",
        )
    last = index or applied
    lowest = max(first, at_least)
    if not lowest <= last <= applied:
        raise NotLogged(
            Reason.INDEX_NOT_KEPT,
            f"expected a position of the audit tree, {lowest} .. {applied}, found {last}",
            {"oldest": str(lowest), "newest": str(applied), "found": str(last)},
        )
    size = last - first + 1
    leaf = reader.leaf(size - 1)
    return _Root(first, size, leaf.ts_us, root_of(size, reader.tree_node))


def _position(reader: StateReader, payout_id: bytes, text: str) -> Position:
    """Return where a payout was made. Raises NotLogged."""
    match reader.payout(payout_id):
        case PayoutFound(head=head):
            position = head.position
        case PayoutRefused(record=record):
            raise NotLogged(
                Reason.NOT_FOUND,
                f"expected a payout, found that {text} was refused at index {record.index}; a "
                "receipt is of an accepted payout",
            )
        case _:
            raise NotLogged(
                Reason.NOT_FOUND,
                f"expected a payout, found none with the id {text} at index {reader.applied()}",
                {"applied_index": str(reader.applied())},
            )
    first = reader.tree_first_index()
    if first and position[0] < first:
        raise NotLogged(
            Reason.INDEX_NOT_KEPT,
            f"expected a payout of index {first} or later, where the audit tree begins, found one "
            f"of {position[0]}; an older one has no receipt",
            {"oldest": str(first), "found": str(position[0])},
        )
    return position
