"""Show the trial store in MLflow."""
