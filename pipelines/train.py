"""Stage 3: a Hydra multirun in which one job is one learning curve.

python pipelines/train.py                                    all models on all datasets of params.yaml
python pipelines/train.py -m model=xgboost,mlp dataset=letter
"""

from fuelgauge.config import Config
from fuelgauge.entry import stage
from fuelgauge.sweep.runner import run_curve
from fuelgauge.tracking import make_tracker


@stage("train")
def main(config: Config) -> None:
    """Measure the learning curve of one model on one dataset."""
    run_curve(config, make_tracker)


if __name__ == "__main__":
    main()
