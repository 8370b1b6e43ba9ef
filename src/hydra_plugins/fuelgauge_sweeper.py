"""A sweeper for Hydra that composes each job only once."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class CurveSweeper(BasicSweeper):
    """Hydra's basic sweeper without its check of the batch, which composes every job a second time.

    The check stage has already composed every option. Without the second composition, a dataset with ten
    models starts two seconds earlier.
    """

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Skip the check; the launcher composes the jobs anyway."""
