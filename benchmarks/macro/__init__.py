"""Three real nodes over TLS with every sync on, and one client process (make bench)."""
