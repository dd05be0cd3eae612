"""Everything that outlives a process: durable bytes to columns and dataclasses, and back."""
