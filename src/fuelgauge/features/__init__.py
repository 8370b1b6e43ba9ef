"""Featurization row by row: deterministic, with nothing fitted."""
