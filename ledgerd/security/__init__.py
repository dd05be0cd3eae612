"""Mutual TLS 1.3, identity and certificates. Imports nothing: see the modules."""
