"""TF-IDF of words and characters: the linear model for texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, make_union

from fuelgauge.data.dataset import Examples
from fuelgauge.models.base import FitContext, FitError, Model, all_classes
from fuelgauge.models.linear import fit_logistic
from fuelgauge.models.texts import TOKEN

__all__ = ["TfIdf"]


@dataclass
class TfIdf(Model):
    """Logistic or ridge regression on the TF-IDF of n-grams of words and of characters within words.

    The n-grams are those of the training rows. Of each kind, the `max_features` most frequent are kept.

    Parameters
    ----------
    C
        Inverse strength of the penalty.
    word_n
        Longest n-gram of words, in words. The shortest is one word.
    char_min, char_max
        Shortest and longest n-gram of characters, in characters.
    max_features
        Largest number of n-grams of each kind.
    max_iter
        Upper bound on iterations of L-BFGS.
    """

    own_format: ClassVar[tuple[str, ...]] = ("encoder",)

    C: float = 1.0
    word_n: int = 2
    char_min: int = 2
    char_max: int = 5
    max_features: int = 50_000
    max_iter: int = 1000

    def fit(self, train: Examples, validation: Examples, context: FitContext) -> int:
        """Fit the vocabulary, the weights of the n-grams and the coefficients."""
        grams = self.fit_vocabulary(train)
        if train.task == "regression":
            self.regression = Ridge(alpha=1 / self.C, random_state=context.seed).fit(grams, train.y)
            return 1
        limit = context.step_limit or self.max_iter
        self.regression = fit_logistic(grams, train.y, self.C, limit, context.seed)
        return int(np.max(self.regression.n_iter_))

    def fit_vocabulary(self, train: Examples) -> csr_matrix:
        """Learn the n-grams of the training texts and return the weights of n-grams in these texts."""
        self.encoder = self.union()
        try:
            return self.encoder.fit_transform(train.x)
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            raise FitError(f"none of the {len(train)} training texts holds a word or a sign.") from error

    def union(self) -> FeatureUnion:
        """Return the union of the two unfitted vectorizers."""
        shared = {"sublinear_tf": True, "max_features": self.max_features, "dtype": np.float32}
        words = TfidfVectorizer(token_pattern=TOKEN, ngram_range=(1, self.word_n), **shared)
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(self.char_min, self.char_max), **shared)
        return make_union(words, characters)

    def save_own(self, folder: Path) -> None:
        """Write the n-grams in the order of their numbers, and their weights."""
        for name, vectorizer in self.encoder.transformer_list:
            grams = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
            content = {"grams": grams, "weights": vectorizer.idf_.tolist()}
            (folder / f"{name}.json").write_text(json.dumps(content))

    def load_own(self, folder: Path) -> None:
        """Build the vectorizers again."""
        self.encoder = self.union()
        for name, vectorizer in self.encoder.transformer_list:
            content = json.loads((folder / f"{name}.json").read_text())
            vectorizer.vocabulary = content["grams"]
            vectorizer.idf_ = np.array(content["weights"], dtype=np.float32)

    def count_parameters(self) -> int:
        """Return the number of coefficients and intercepts."""
        return self.regression.coef_.size + np.size(self.regression.intercept_)

    def predict(self, examples: Examples) -> np.ndarray:
        """Return values, or class probabilities. A class without a training row gets 0."""
        grams = self.encoder.transform(examples.x)
        if examples.task == "regression":
            return self.regression.predict(grams)
        return all_classes(self.regression.predict_proba(grams), self.regression.classes_, examples.n_classes)
