"""Peers: what consensus says, carried between nodes over mutual TLS, in bounded queues.

Start reading at `transport.PeerTransport`. Messages may be lost, never reordered within a stream,
never delivered under another node's name.
"""
