"""The configuration: reading, composing and checking it."""
