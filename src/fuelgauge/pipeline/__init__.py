"""Code behind the scripts in pipelines/, which are the stages of dvc.yaml."""
