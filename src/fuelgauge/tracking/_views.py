"""Saved views of the MLflow UI, and links that open them.

By default the UI opens an experiment on a table without metrics, and draws curves on linear axes. A saved
view is a tag of the experiment, as the button "Share" of the UI makes it. It says which columns and charts
are shown. A version of MLflow that does not know such tags shows its default page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fuelgauge.tracking._measures import CURVES, LEADERBOARD, SCORE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

__all__ = ["CURVE_VIEWS", "compare_link", "has_views", "link", "save_views", "table_view"]

View = Mapping[str, Any]
SHARED = "mlflow.sharedViewState."
NOTE = "mlflow.note.content"
# Without it, the UI shows pages for language models.
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"
CURRENT = 'tags.current = "true"'
SECTION = "section-curve"


def line_chart(metric: str) -> View:
    """Return a line chart of a metric over n_train, on logarithmic axes except for scores."""
    return {
        "type": "LINE",
        "uuid": f"chart-{metric}",
        "metricSectionId": SECTION,
        "deleted": False,
        "isGenerated": True,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": metric.rpartition("/")[2],
        "lineSmoothness": 0,
        "xAxisKey": "step",
        "useGlobalXaxisKey": False,
        "xAxisScaleType": "log",
        "scaleType": "linear" if metric == SCORE else "log",
        "range": {},
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalLineSmoothing": True,
    }


def table_view(columns: Iterable[str], order_by: str = "", search: str = "") -> View:
    """Return a view of the table of runs with some columns, such as `metrics.loss`, in this order."""
    shown = [quoted(column) for column in columns]
    view: dict[str, Any] = {"selectedColumns": shown, "columnOrder": shown, "searchFilter": search}
    if order_by:
        view |= {"orderByKey": quoted(order_by), "orderByAsc": True}
    return view


def quoted(column: str) -> str:
    """Return the name by which the UI knows a column."""
    kind, _, name = column.partition(".")
    return f"{kind}.`{name}`"


SECTION_OF_CURVES = {"uuid": SECTION, "name": "curve", "display": True, "deleted": False, "isGenerated": True}
# Views of an experiment of learning curves, by key: name in the menu, and content.
CURVE_VIEWS: Mapping[str, tuple[str, View]] = {
    "curves": (
        "Learning curves",
        {
            "searchFilter": CURRENT,
            "runsHiddenMode": "SHOW_ALL",
            "compareRunSections": [{**SECTION_OF_CURVES, "isReordered": False}],
            "compareRunCharts": [line_chart(metric) for metric in CURVES],
        },
    ),
    "leaderboard": (
        "Leaderboard",
        {**table_view(LEADERBOARD, "metrics.loss_vs_constant", CURRENT), "runsHiddenMode": "SHOW_ALL"},
    ),
}


def save_views(
    client: MlflowClient, experiment: str, views: Mapping[str, tuple[str, View]], description: str
) -> None:
    """Save views and a description in an experiment; what is already there is not written again."""
    wanted = {KIND: TRAINING, NOTE: description}
    for number, (key, (name, view)) in enumerate(views.items()):
        envelope = {"name": name, "createdAt": number, "updatedAt": number, "state": json.dumps(view)}
        wanted[f"{SHARED}{key}"] = json.dumps(envelope)
    present = client.get_experiment(experiment).tags
    for tag, value in wanted.items():
        if present.get(tag) != value:
            client.set_experiment_tag(experiment, tag, value)


def has_views(experiment: Experiment) -> bool:
    """Return whether an experiment is one of ours, with saved views; a server may hold others."""
    return any(tag.startswith(SHARED) for tag in experiment.tags)


def link(address: str, experiment: str, key: str, mode: str) -> str:
    """Return the address of a saved view of an experiment.

    Parameters
    ----------
    address
        Address of the UI, such as http://127.0.0.1:5000.
    experiment
        Id of the experiment.
    key
        Key of the view.
    mode
        CHART or TABLE.
    """
    return f"{address}/#/experiments/{experiment}/runs?{query(key, mode)}"


def compare_link(address: str, experiments: Iterable[str], key: str, mode: str) -> str:
    """Return the address of a saved view of several experiments together."""
    ids = quote(json.dumps(list(experiments), separators=(",", ":")))
    return f"{address}/#/compare-experiments/s?experiments={ids}&{query(key, mode)}"


def query(key: str, mode: str) -> str:
    """Return the part of an address that names view and page."""
    return f"compareRunsMode={mode}&viewStateShareKey={key}&workflowType=machine_learning"
