"""A process with one real server, for what only a process of its own can show.

    python -m tests.security.lone_server CA CERTIFICATE KEY CLUSTER

Its one call, /test/Ask, needs the role submitter. Standard output is a line of JSON for each
thing that happens: its port first, then refused handshakes, calls, reloads and problems.
It ends when its standard input does.
"""

from __future__ import annotations  # the types of gRPC take parameters in stubs only

import asyncio
import json
import sys
import time
from pathlib import Path

import grpc

from ledgerd.errors import CallError
from ledgerd.security.handshakes import NativeStderr
from ledgerd.security.identity import Role, identity_of, require_role
from ledgerd.security.tls import SERVER_OPTIONS, ServerTls
from ledgerd.security.tlsfiles import TlsFiles


def tell(**fact: object) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


class Ask(grpc.GenericRpcHandler):
    def __init__(self, cluster_id: str) -> None:
        self._cluster_id = cluster_id

    def service(
        self, handler_call_details: object
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        return grpc.unary_unary_rpc_method_handler(self._ask)

    async def _ask(
        self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> bytes:
        try:
            identity = identity_of(
                context.auth_context(), cluster_id=self._cluster_id, now_s=time.time()
            )
            require_role(identity, {Role.SUBMITTER}, "Ask")
        except CallError as error:
            tell(refused_call=error.reason.value)
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                f"{error.reason.value}: {error.message}",
            )
        tell(answered=identity.name)
        return identity.name.encode()


async def serve(files: TlsFiles, cluster_id: str) -> None:
    tls = ServerTls(
        files,
        on_reload=lambda expires_at_s: tell(reloaded=expires_at_s),
        on_problem=lambda text: tell(problem=text),
    )
    server = grpc.aio.server(options=list(SERVER_OPTIONS))
    server.add_generic_rpc_handlers((Ask(cluster_id),))
    port = tls.add_port(server, "127.0.0.1:0")
    await server.start()
    tell(port=port)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


def main() -> None:
    ca, certificate, key, cluster_id = sys.argv[1:]
    stderr = NativeStderr(
        lambda failure: tell(refused_handshake=failure.reason, detail=failure.detail)
    )
    stderr.install()
    sys.stderr.write("python speaks\n")
    asyncio.run(serve(TlsFiles(Path(ca), Path(certificate), Path(key)), cluster_id))
    stderr.uninstall()


if __name__ == "__main__":
    main()
