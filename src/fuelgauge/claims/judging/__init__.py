"""The machinery that every claim shares: members, contrasts, verdicts."""
