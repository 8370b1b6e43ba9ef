"""Stage 3: run learning curves; each Hydra job is one curve, and all curves share the workers.

python pipelines/train.py                                    all models on all datasets of params.yaml
python pipelines/train.py -m model=xgboost,mlp dataset=letter
"""

from fuelgauge.config.compose import params_of
from fuelgauge.pipeline.stage import stage
from fuelgauge.spec.params import Config
from fuelgauge.sweep.runner import Sweep, prepare_workers
from fuelgauge.tracking.tracker import make_tracker

sweep = Sweep(make_tracker)


@stage("train", sweep.finish, lambda arguments: prepare_workers(params_of(arguments)))
def main(config: Config) -> None:
    """Add the learning curve of one model on one dataset to the sweep."""
    sweep.add(config)


if __name__ == "__main__":
    main()
