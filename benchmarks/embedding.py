"""Compare the embedding of a dataset by the pipeline with its encoder called by hand, in CPU seconds.

    python benchmarks/embedding.py --rows 2000 --rounds 2

Needs the archive of `make weights`. The texts are made up of words of the encoder's vocabulary. Both sides
read the weights and embed the same texts, in turns. The pipeline also hashes rows and writes embeddings.
Prints the ratio with its limit, 1.1, the peak memory with its limit, 3 GB, and how many rows the second trial
embeds, which must be 0. The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[1]
ROOT = Path(tempfile.mkdtemp(prefix="fuelgauge-benchmark-"))
os.environ["FUELGAUGE_ROOT"] = str(ROOT)
os.environ.setdefault("FUELGAUGE_ARCHIVES", str(CHECKOUT / "data" / "archives"))
NAME, TARGET = "made", "fuelgauge.models.minilm.MiniLM"
RATIO_ALLOWED, MEMORY_ALLOWED = 1.1, 3000.0
FEWEST_WORDS, MOST_WORDS = 5, 25


def main() -> None:
    """Print the measurements with their limits."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2000, help="number of texts (default: 2000)")
    parser.add_argument("--rounds", type=int, default=2, help="times each side runs (default: 2)")
    asked = parser.parse_args()
    shutil.copytree(CHECKOUT / "conf", ROOT / "conf")
    shutil.copy(CHECKOUT / "params.yaml", ROOT / "params.yaml")
    from fuelgauge.config.compose import compose
    from fuelgauge.models.frozen import checked_weights
    from fuelgauge.models.minilm import sentence_encoder
    from fuelgauge.sweep.embedding import embed
    from fuelgauge.sweep.embedding_costs import costs_of

    encoder = compose("model=minilm").model.hyperparameters["encoder"]
    archive, tokens = checked_weights(encoder), encoder["tokens"]
    texts = made_texts(list(sentence_encoder(archive, tokens).tokenizer.get_vocab()), asked.rows)
    write_dataset(texts)
    from fuelgauge.models.embeddings import folder_of, identity_of

    folder = folder_of(identity_of(TARGET, encoder)) / NAME
    seconds: dict[str, list[float]] = {"pipeline": [], "by hand": []}
    for _ in range(asked.rounds):
        shutil.rmtree(folder, ignore_errors=True)
        sentence_encoder.cache_clear()
        started = time.process_time()
        embed(NAME, "raw", TARGET, encoder, folder)
        seconds["pipeline"].append(time.process_time() - started)
        sentence_encoder.cache_clear()
        started = time.process_time()
        sentence_encoder(archive, tokens).embed(texts)
        seconds["by hand"].append(time.process_time() - started)
    memory = costs_of(NAME)[0]["peak_memory_mb"]
    embed(NAME, "raw", TARGET, encoder, folder)
    again = costs_of(NAME)[0]["n_embedded"]
    ours, plain = (float(np.median(each)) for each in seconds.values())
    print(f"{asked.rows} texts: {ours:.1f} CPU seconds by the pipeline, {plain:.1f} by hand")
    print(f"ratio {ours / plain:.2f} (at most {RATIO_ALLOWED})")
    print(f"peak memory {memory:,.0f} MB (at most {MEMORY_ALLOWED:,.0f})")
    print(f"rows embedded by the second trial: {again} (0)")
    shutil.rmtree(ROOT)
    sys.exit(int(ours / plain > RATIO_ALLOWED or memory > MEMORY_ALLOWED or again > 0))


def made_texts(words: list[str], n: int) -> list[str]:
    """Return different texts of random words, as long as a customer's sentence."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(FEWEST_WORDS, MOST_WORDS, n)
    return [" ".join(rng.choice(words, length)) for length in lengths]


def write_dataset(texts: list[str]) -> None:
    """Featurize the texts as a dataset of the temporary project."""
    from fuelgauge import paths

    sys.path.insert(0, str(CHECKOUT))
    import pandas as pd
    from tests.data.made import make

    from fuelgauge.spec.dataset import FeatureTypes

    table = pd.DataFrame({"text": texts, "y": np.arange(len(texts)) % 2})
    make(paths.DATA, table, name=NAME, modality="text", features=FeatureTypes(text="text"))


if __name__ == "__main__":
    main()
