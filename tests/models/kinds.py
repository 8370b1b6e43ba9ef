"""Small examples of every kind of input. Their target can be learned from the input."""

from dataclasses import replace
from string import ascii_lowercase

import numpy as np
import pandas as pd

from fuelgauge.data.dataset import Examples

KINDS = {
    "tabular": ("table", "matrix"),  # engineered features of texts, images and sequences are a matrix
    "sequence": ("sequence", "channels"),
    "image": ("image", "colour"),
    "text": ("text",),
}
STEPS = 8
FILLERS = np.array(["the", "a", "film", "of", "and", "tea", "was", "it", "this", "box", "with", "in", "plot"])
NOTES = np.array(["bad", "good"])
LETTERS = np.array(list(ascii_lowercase))


def examples(kind: str, task: str, n: int, seed: int = 0, noise: float = 0.1) -> Examples:
    """Return rows whose target is a noisy function of their input."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=n)
    x, signal = MAKERS[kind](rng, signal)
    categorical = ("kind",) if kind == "table" else ()
    noisy = 2 * signal + noise * rng.normal(size=n)
    if task == "regression":
        return Examples(x, noisy.astype(np.float64), task, 0, categorical)
    bounds = np.array([0.3] if task == "binary" else [-1.0, 1.0])
    y = np.searchsorted(bounds, noisy).astype(np.int64)
    return Examples(x, y, task, len(bounds) + 1, categorical)


def table(rng: np.random.Generator, signal: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Return numbers and a category, with missing values in both."""
    kind = rng.integers(0, 2, len(signal))
    numbers, shown = matrix(rng, signal)
    frame = pd.DataFrame(numbers, columns=list("abcdefgh"))
    frame.loc[::7, "h"] = np.nan
    frame["kind"] = np.where(kind == 1, "one", "zero").astype(object)
    frame.loc[::11, "kind"] = None
    return frame, shown + 0.5 * kind


def matrix(rng: np.random.Generator, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eight numbers, of which only the first two matter."""
    numbers = rng.normal(size=(len(signal), STEPS)).astype(np.float32)
    return numbers, numbers[:, 0] + 0.5 * numbers[:, 1]


def sequence(rng: np.random.Generator, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one channel with a rising or falling line."""
    slopes = np.linspace(-1, 1, STEPS) * signal[:, None]
    return (slopes + 0.3 * rng.normal(size=slopes.shape)).astype(np.float32)[:, :, None], signal


def channels(rng: np.random.Generator, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return three channels with missing values: the line, large noise, and one missing in most rows."""
    line, _ = sequence(rng, signal)
    noise = 1000 * rng.normal(size=line.shape).astype(np.float32)
    sparse = np.full(line.shape, np.nan, dtype=np.float32)
    sparse[::5] = 1
    line[::7, 3] = np.nan
    return np.concatenate([line, noise, sparse], axis=2), signal


def image(rng: np.random.Generator, signal: np.ndarray, colours: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return a bright area whose height is the signal."""
    rows = np.arange(STEPS)[None, :, None, None]
    heights = np.clip(np.round(STEPS / 2 + 2 * signal), 0, STEPS)[:, None, None, None]
    shape = (len(signal), STEPS, STEPS, colours)
    return (200 * (rows < heights) + rng.integers(0, 50, shape)).astype(np.uint8), signal


def colour(rng: np.random.Generator, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bright area in three colours."""
    return image(rng, signal, colours=3)


def text(rng: np.random.Generator, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return texts of good and bad words. The signal decides the share of good ones."""
    share = 1 / (1 + np.exp(-2 * signal))
    is_good = rng.random((len(signal), 6)) < share[:, None]
    fillers = FILLERS[rng.integers(0, len(FILLERS), is_good.shape)]
    words = np.stack([fillers, NOTES[is_good.astype(int)]], axis=2).reshape(len(signal), -1)
    return np.array([" ".join(row) for row in words], dtype=object), 2 * is_good.mean(axis=1) - 1


def many_worded(given: Examples) -> Examples:
    """Return the same texts with ten random words added to each."""
    letters = np.random.default_rng(0).choice(LETTERS, (len(given), 10, 8))
    added = [" ".join("".join(word) for word in words) for words in letters]
    texts = [f"{text} {words}" for text, words in zip(given.x, added, strict=True)]
    return replace(given, x=np.array(texts, dtype=object))


MAKERS = {
    "table": table,
    "matrix": matrix,
    "sequence": sequence,
    "channels": channels,
    "image": image,
    "colour": colour,
    "text": text,
}
