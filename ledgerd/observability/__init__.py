"""Logs, metrics and the measuring of pauses. Knows neither certificates nor gRPC."""
