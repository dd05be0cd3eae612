"""What breaks the cluster on purpose, and how each fault is healed."""
