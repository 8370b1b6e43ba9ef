"""Hydra's own sweeper, without the rehearsal."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class CurveSweeper(BasicSweeper):
    """Hydra's sweeper composes every job twice: to see that it can be, and to run it. This one does it once.

    The check stage has composed every option already, and a dataset of ten models is started two seconds
    earlier.
    """

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Leave it to the launcher."""
