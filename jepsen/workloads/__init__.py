"""What the clients do while the cluster is being broken."""
