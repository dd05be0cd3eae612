"""The threads and the loop of one running node. Start with `lifecycle`, then `replica_thread`."""
