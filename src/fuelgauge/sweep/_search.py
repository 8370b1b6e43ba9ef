"""Hyperparameter search inside a trial, using only the rows of its anchor."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fuelgauge.models.base import Model
from fuelgauge.spec.hyperparameters import changed
from fuelgauge.sweep.timing import Cost, Measured, now

if TYPE_CHECKING:
    import optuna

log = logging.getLogger("fuelgauge")


@dataclass(frozen=True)
class Fitted:
    """A fitted model, the cost of its fit and its losses on the validation rows.

    `val_loss` is NaN where the metric cannot be computed on the validation rows. `choice_loss` is their
    cross-entropy or mean squared error (fuelgauge.sweep.scores).
    """

    model: Model
    hyperparameters: Mapping[str, Any]
    fit: Measured[int]
    val_loss: float
    choice_loss: float = math.nan

    @property
    def rank(self) -> float:
        """Validation loss, or infinity where it is NaN."""
        return math.inf if math.isnan(self.val_loss) else self.val_loss


@dataclass(frozen=True)
class Found:
    """The result of a search: the best fit, the number of fits and their total cost.

    `n_fits` and `cost` include failed fits. `cost` covers fitting and predicting the validation rows.
    """

    best: Fitted
    n_fits: int
    cost: Cost


# A function that fits a model with given hyperparameters.
Attempt = Callable[[Mapping[str, Any]], Fitted]


def find(
    attempt: Attempt,
    defaults: Mapping[str, Any],
    settings: Mapping[str, Any],
    seed: int,
    clock: Callable[[], Cost] = now,
) -> Found:
    """Fit the defaults, then the sampler's proposals, and keep the fit with the lowest validation loss.

    Among equal losses the earliest fit wins. A proposal whose fit fails, for whatever reason, still counts
    towards the budget.

    Parameters
    ----------
    attempt
        Function that makes one fit.
    defaults
        Hyperparameters of the first fit.
    settings
        `method`, `trials`, `seconds` and `ranges` (fuelgauge.spec.model.SearchConfig and Range as mappings).
        Empty for no search.
    seed
        Random seed of the sampler.
    clock
        Function that returns the wall and CPU seconds so far.

    Raises
    ------
    FitError
        The fit with the defaults failed.

    References
    ----------
    Random search: Bergstra and Bengio, JMLR 13 (2012). TPE: Bergstra, Bardenet, Bengio and Kegl,
    NeurIPS 24 (2011), as implemented by Optuna (Akiba et al., KDD 2019).
    """
    budget = Budget(settings.get("trials"), settings.get("seconds"), clock)
    with budget.one_fit():
        best = attempt(defaults)
    if settings.get("method", "none") == "none" or not settings["ranges"]:
        return budget.found(best)
    sampler = Sampler(settings, defaults, seed)
    sampler.learn_defaults(best.rank)
    while budget.is_left():
        proposal = sampler.propose()
        try:
            with budget.one_fit():
                fitted = attempt(changed(defaults, proposal, "the search"))
        except Exception as error:
            log.warning("a proposal of the search failed (%s: %s)", type(error).__name__, error)
            sampler.tell(None)
            continue
        sampler.tell(fitted.rank)
        if fitted.rank < best.rank:
            best = fitted
    return budget.found(best)


@dataclass
class Budget:
    """The number of fits, or seconds of fits, that a search may use and has used."""

    trials: int | None
    seconds: float | None
    clock: Callable[[], Cost]
    n_fits: int = 0
    cost: Cost = field(default_factory=lambda: Cost(0.0, 0.0))

    @contextlib.contextmanager
    def one_fit(self) -> Iterator[None]:
        """Count the block as one fit, whether it succeeds or fails."""
        start = self.clock()
        try:
            yield
        finally:
            self.n_fits += 1
            self.cost += self.clock() - start

    def is_left(self) -> bool:
        """Return whether another fit may begin."""
        trials_left = self.trials is None or self.n_fits < self.trials
        return trials_left and (self.seconds is None or self.cost.seconds < self.seconds)

    def found(self, best: Fitted) -> Found:
        """Return the result of the search."""
        return Found(best, self.n_fits, self.cost)


class Sampler:
    """Optuna's sampler behind an ask-and-tell interface.

    Parameters
    ----------
    settings
        Settings of the search, as in `find`.
    defaults
        Hyperparameters that TPE learns from first, if they lie within the ranges.
    seed
        Random seed of the proposals.
    """

    def __init__(self, settings: Mapping[str, Any], defaults: Mapping[str, Any], seed: int):
        import optuna

        optuna.logging.set_verbosity(logging.ERROR)
        samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
        self.study = optuna.create_study(sampler=samplers[settings["method"]](seed=seed % 2**32))
        self.ranges = {name: distribution(choice) for name, choice in settings["ranges"].items()}
        self.defaults = {name: value_of(defaults, name) for name in self.ranges}

    def learn_defaults(self, loss: float) -> None:
        """Tell the sampler the loss of the defaults."""
        import optuna

        within = {k: v for k, v in self.defaults.items() if contains(self.ranges[k], v)}
        if math.isfinite(loss) and len(within) == len(self.ranges):
            known = optuna.trial.create_trial(params=within, distributions=self.ranges, value=loss)
            self.study.add_trial(known)

    def propose(self) -> dict[str, Any]:
        """Return the next hyperparameters."""
        self.asked = self.study.ask(self.ranges)
        return dict(self.asked.params)

    def tell(self, loss: float | None) -> None:
        """Tell the sampler the loss of the last proposal; None or infinity marks it as failed."""
        import optuna

        if loss is None or math.isinf(loss):
            self.study.tell(self.asked, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(self.asked, loss)


def value_of(hyperparameters: Mapping[str, Any], name: str) -> Any:
    """Return a hyperparameter by its dotted name, None if it is not set."""
    outer, _, inner = name.partition(".")
    value = hyperparameters[outer]
    return value.get(inner) if inner else value


def distribution(choice: Mapping[str, Any]) -> optuna.distributions.BaseDistribution:
    """Return a range as an Optuna distribution."""
    from optuna import distributions

    if choice["type"] == "choice":
        return distributions.CategoricalDistribution(choice["values"])
    low, high, log, step = (choice[key] for key in ("low", "high", "log", "step"))
    if choice["type"] == "int":
        return distributions.IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return distributions.FloatDistribution(low, high, log=log, step=step)


def contains(range_: optuna.distributions.BaseDistribution, value: Any) -> bool:
    """Return whether a range contains a value."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return range_._contains(range_.to_internal_repr(value))
    except (ValueError, TypeError):
        return False
