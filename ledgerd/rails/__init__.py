"""External payment rails: what the leader asks of them, and how it never asks twice."""
