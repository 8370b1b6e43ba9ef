"""The stages of dvc.yaml: what the scripts in pipelines/ call."""
