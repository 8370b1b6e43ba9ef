"""Measure the time that MLflow's scoring server adds to a prediction.

    python benchmarks/serving.py [churn]

Asks the champion of a dataset over HTTP for predictions of one row each, with one client and with sixteen.
Prints the median and the 95th percentile of the latency in milliseconds. The ratio is that of the median to
the median of the bare predict call, which gets the same row with its features ready.

With sixteen clients, sixteen threads ask for the bare call as well. One thread makes these calls in the order
in which they are asked for, because the model answers one query at a time. The server runs in a thread of
this process. The sixteen clients are threads of another process, so that they share its cores and not its
interpreter.
"""

import json
import multiprocessing
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import uvicorn

from fuelgauge.config.compose import compose
from fuelgauge.registry import package
from fuelgauge.registry.loader import Served
from fuelgauge.registry.server import Switchboard
from fuelgauge.registry.versions import Registry

WARM_UP, CALLS, CLIENTS = 20, 320, 16
MOST = 2.0  # largest ratio of the median latency to that of the bare call, with sixteen clients
LIMIT = 50.0  # milliseconds for a query of one row, at the 95th percentile


def milliseconds(call: Callable[[], object], calls: int = CALLS) -> np.ndarray:
    """Return the milliseconds of each call, after some calls that do not count."""
    for _ in range(WARM_UP):
        call()
    spent = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - start))
    return np.array(spent)


def started(board: Switchboard) -> str:
    """Start the server in a thread and return its address."""
    server = uvicorn.Server(uvicorn.Config(board, port=0, log_level="warning", lifespan="off"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/invocations"


def asker(address: str, body: bytes) -> Callable[[], bytes]:
    """Return a function that sends a query and reads the answer."""

    def ask() -> bytes:
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    return ask


def together(call: Callable[[], object], clients: int) -> tuple[np.ndarray, float]:
    """Return the milliseconds of each call of several clients at a time, and their calls per second."""
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        spent = list(pool.map(lambda _: milliseconds(call, CALLS // clients), range(clients)))
        seconds = time.perf_counter() - start
    return np.concatenate(spent), clients * (CALLS // clients + WARM_UP) / seconds


def clients_elsewhere(address: str, body: bytes, clients: int) -> tuple[np.ndarray, float]:
    """Return what `together` returns for queries of clients in another process."""
    with multiprocessing.get_context("spawn").Pool(1) as other:
        return other.apply(ask_together, (address, body, clients))


def ask_together(address: str, body: bytes, clients: int) -> tuple[np.ndarray, float]:
    """Send queries with several clients at a time."""
    return together(asker(address, body), clients)


def main(dataset: str) -> None:
    """Measure the champion of a dataset and print the results."""
    registry = Registry(compose().tracking)
    champion = registry.champion(dataset)
    if champion is None:
        sys.exit(f"{dataset} has no champion; make one with: make register DATASET={dataset}")
    with tempfile.TemporaryDirectory() as room:
        folder = registry.fetch(champion, Path(room) / "bare")
        served = Served(folder / "data" / package.DATA)
        model = package.load(folder)
        assert model.input_example is not None, "every registered package holds example rows"
        row = model.input_example[:1]
        examples = served.query.examples(row)
        wanted = (
            {"dataframe_split": json.loads(row.to_json(orient="split", index=False))}
            if hasattr(row, "to_json")
            else {"inputs": row.tolist()}
        )
        address = started(Switchboard(dataset, registry, Path(room)))
        body = json.dumps(wanted).encode()
        ask = asker(address, body)
        bare = milliseconds(lambda: served.model.predict(examples))
        steps = {
            "bare predict, features ready": bare,
            "features and predict": milliseconds(lambda: served.predict(row)),
            "with MLflow's signature check": milliseconds(lambda: model.predict(row)),
            "over HTTP, one client": milliseconds(ask),
        }
        print(f"{dataset}, version {champion.version}, {champion.tags['model']}, one row per query")
        for name, spent in steps.items():
            p50, p95 = np.percentile(spent, [50, 95])
            print(f"{name:<40} p50 {p50:7.2f} ms  p95 {p95:7.2f} ms  ratio {p50 / np.median(bare):6.2f}")
        with ThreadPoolExecutor(1) as in_turn:  # a lock would let one client go first again and again
            alone, _ = together(lambda: in_turn.submit(served.model.predict, examples).result(), CLIENTS)
        served_all, a_second = clients_elsewhere(address, body, CLIENTS)
        ratio = np.median(served_all) / np.median(alone)
        print(
            f"{CLIENTS} clients: {a_second:.0f} queries per second, p50 {np.median(served_all):.2f} ms, "
            f"bare calls in turn p50 {np.median(alone):.2f} ms"
        )
        print(f"ratio of medians {ratio:.2f}, limit {MOST:.0f}: {'kept' if ratio <= MOST else 'exceeded'}")
        p95 = np.percentile(steps["over HTTP, one client"], 95)
        print(f"limit {LIMIT:.0f} ms at p95: {'kept' if p95 <= LIMIT else 'exceeded'}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "churn")
