"""Row-wise featurization: deterministic, nothing fitted."""
