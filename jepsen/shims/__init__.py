"""Programs that stand between a node and its world."""
