"""Answer which model is best for a table of one's own, and whether more data would change that.

This room runs the sweep's own trials on one table, in any folder. It needs no checkout of the project and
imports none of DVC, Hydra, MLflow and Ray.
"""
