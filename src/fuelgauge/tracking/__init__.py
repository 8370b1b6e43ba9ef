"""MLflow as a view of the trial store."""
