"""Compare ingest and featurize with reading and writing the same table once.

    python benchmarks/ingest.py [rows]

The table is a Parquet file of ten million rows and twenty columns. pyarrow reads and writes it once. Then
ingest and featurize run on it in a subprocess. Prints the ratio of their time to that of pyarrow, and the
peak memory of the subprocess, with their limits: three times the time of pyarrow, and 6 GiB.
The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 10_000_000
CHUNK = 500_000
MAX_RATIO = 3.0
MAX_GIB = 6.0
NUMERIC, CATEGORICAL = [f"n{i}" for i in range(14)], [f"c{i}" for i in range(4)]


def main() -> int:
    """Run the benchmark and return the exit code."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "data/own/large.parquet"
        source.parent.mkdir(parents=True)
        write_source(source, n_rows)
        plain = seconds_of(lambda: read_and_write(source, folder / "copy.parquet"))
        ours = run_stages(folder)
    ratio, gib = ours["seconds"] / plain, ours["peak_bytes"] / 2**30
    print(f"{n_rows:,} rows, 20 columns: pyarrow reads and writes them in {plain:.1f} s")
    print(f"ingest takes {ours['ingest']:.1f} s, featurize {ours['featurize']:.1f} s")
    print(f"ratio {ratio:.2f} (limit {MAX_RATIO})")
    print(f"peak memory {gib:.2f} GiB (limit {MAX_GIB})")
    return int(ratio > MAX_RATIO or gib > MAX_GIB)


def write_source(path: Path, n_rows: int) -> None:
    """Write the table in row groups, so that this process needs little memory."""
    rng = np.random.default_rng(0)
    writer = None
    for start in range(0, n_rows, CHUNK):
        table = chunk(rng, start, min(CHUNK, n_rows - start))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def chunk(rng: np.random.Generator, start: int, n_rows: int) -> pa.Table:
    """Return rows of fourteen numbers, four categories, a date and a target."""
    columns: dict[str, pa.Array] = {}
    for i, name in enumerate(NUMERIC):
        values = rng.integers(0, 1000, n_rows) if i % 2 else rng.normal(size=n_rows)
        columns[name] = pa.array(values)
    for i, name in enumerate(CATEGORICAL):
        names = pa.array([f"{name}-{k}" for k in range(5 ** (i + 1))])
        columns[name] = names.take(pa.array(rng.integers(0, len(names), n_rows)))
    columns["day"] = pa.array(np.arange(start, start + n_rows) * 60_000_000, pa.timestamp("us"))
    columns["y"] = pa.array((rng.normal(size=n_rows) > 1).astype(np.int64))
    return pa.table(columns)


def read_and_write(source: Path, copy: Path) -> None:
    """Read the table with pyarrow and write a copy."""
    pq.write_table(pq.read_table(source), copy)


def seconds_of(work: Callable[[], object]) -> float:
    """Return the wall seconds of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run_stages(folder: Path) -> dict[str, float]:
    """Run ingest and featurize on the source in a subprocess; return what it measured."""
    command = [sys.executable, __file__, "--stages", str(folder)]
    environment = {**os.environ, "FUELGAUGE_ROOT": str(folder)}
    result = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment, encoding="utf-8"
    )
    return json.loads(result.stdout.splitlines()[-1])


def stages(folder: Path) -> None:
    """Run ingest and featurize; print the seconds and the peak memory as JSON."""
    from fuelgauge.data.ingest import ingest
    from fuelgauge.features.featurize import featurize
    from fuelgauge.spec.dataset import DatasetConfig, FeatureTypes
    from fuelgauge.spec.features import FeatureSetConfig

    dataset = DatasetConfig(
        name="large", title="large", modality="tabular", task="binary", metric="roc_auc", target="y",
        features=FeatureTypes(numeric=NUMERIC, categorical=CATEGORICAL, dates=["day"]),
        source={"_target_": "fuelgauge.data.sources.files.table", "path": "data/own/large.parquet"},
    )  # fmt: skip
    ingested = seconds_of(lambda: ingest(dataset, folder / "raw"))
    featurized = seconds_of(
        lambda: featurize(dataset, FeatureSetConfig(name="raw"), folder / "raw", folder / "features")
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = {"ingest": ingested, "featurize": featurized, "seconds": ingested + featurized}
    print(json.dumps({**seconds, "peak_bytes": peak}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stages"]:
        stages(Path(sys.argv[2]))
    else:
        sys.exit(main())
