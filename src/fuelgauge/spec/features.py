"""Feature sets and their settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from fuelgauge.errors import ConfigError

__all__ = ["FeatureSetConfig", "ImageSettings", "SequenceSettings", "TextSettings"]


@dataclass
class TextSettings:
    """Settings for the hashing of texts.

    Parameters
    ----------
    word_buckets
        Number of columns for the n-grams of words.
    word_ngrams
        Smallest and largest length of an n-gram of words.
    character_buckets
        Number of columns for the n-grams of characters.
    character_ngrams
        Smallest and largest length of an n-gram of characters, which does not cross the edges of a word.
    """

    word_buckets: int = 512
    word_ngrams: list[int] = field(default_factory=lambda: [1, 2])
    character_buckets: int = 512
    character_ngrams: list[int] = field(default_factory=lambda: [2, 4])

    def __post_init__(self) -> None:
        for name in ("word_buckets", "character_buckets"):
            if getattr(self, name) < 1:
                raise ConfigError(f"feature_set.text.{name} is {getattr(self, name)}; it must be at least 1.")
        for name in ("word_ngrams", "character_ngrams"):
            lengths = getattr(self, name)
            if len(lengths) != 2 or not 1 <= lengths[0] <= lengths[1]:
                raise ConfigError(
                    f"feature_set.text.{name} is {lengths}; write the least and the greatest length: [1, 2]."
                )


@dataclass
class ImageSettings:
    """Resolution of the features of an image.

    Parameters
    ----------
    orientations
        Number of bins for the direction of a gradient, over 180 degrees.
    cell
        Smallest height and width of a cell of gradients, in pixels.
    cells
        Largest number of cells along a side. A large image has larger cells.
    block
        Number of cells along a side of the blocks in which contrast is normalised.
    bins
        Largest number of bins for the mean brightness of rows, and of columns.
    """

    orientations: int = 9
    cell: int = 2
    cells: int = 5
    block: int = 2
    bins: int = 8

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ConfigError(f"feature_set.image.{name} is {value}; it must be at least 1.")


@dataclass
class SequenceSettings:
    """Features of each channel of a sequence.

    Parameters
    ----------
    quantiles
        Quantiles of the values, each between 0 and 1.
    autocorrelations
        Lags in steps. A lag for which a sequence is too short is left out.
    frequencies
        Number of Fourier amplitudes, from one cycle per sequence upwards; at most half the number of steps.
    """

    quantiles: list[float] = field(default_factory=lambda: [0.1, 0.25, 0.5, 0.75, 0.9])
    autocorrelations: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 24])
    frequencies: int = 16

    def __post_init__(self) -> None:
        if any(not 0 <= quantile <= 1 for quantile in self.quantiles):
            raise ConfigError(
                f"feature_set.sequence.quantiles is {self.quantiles}; each must lie between 0 and 1."
            )
        if any(lag < 1 for lag in self.autocorrelations):
            raise ConfigError(
                f"feature_set.sequence.autocorrelations is {self.autocorrelations}; each must be at least 1."
            )
        if self.frequencies < 0:
            raise ConfigError(
                f"feature_set.sequence.frequencies is {self.frequencies}; it must be at least 0."
            )


@dataclass
class FeatureSetConfig:
    """A feature set: `raw`, or `engineered` with its settings by modality."""

    name: str = MISSING
    text: TextSettings = field(default_factory=TextSettings)
    image: ImageSettings = field(default_factory=ImageSettings)
    sequence: SequenceSettings = field(default_factory=SequenceSettings)
