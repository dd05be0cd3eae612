"""The public API: gRPC services over `node.handle.Node`. Start reading at `server.ApiServer`.

What reaches the log is answered in-band; everything else is a gRPC status with an `ErrorInfo` that
says whether the call may still take effect. `ids` and `v1` are shared with the client library, so
importing this package imports nothing.
"""
