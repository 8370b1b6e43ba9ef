"""Embeddings of a frozen encoder: computed once for each dataset, kept, and found by the hash of a row.

data/embeddings/ENCODER/DATASET/ holds what an encoder makes of the rows of a dataset:

- `keys.npy`: the hash of each distinct row, shape (rows, 16);
- `vectors.npy`: the embeddings, float32, shape (rows, width);
- `about.json`: the fingerprint of the dataset, the checksum of the vectors, and what they cost.

ENCODER is a hash of the weights, the settings and the code of the encoder, so that a change of any of these
finds nothing. A row that is not kept is embedded when it is asked for, as a query to a champion is.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fuelgauge import paths
from fuelgauge.files import whole

__all__ = ["ABOUT", "embedded", "folder_of", "identity_of", "keep", "keys_of", "read_about"]

log = logging.getLogger("fuelgauge")

KEYS, VECTORS, ABOUT = "keys.npy", "vectors.npy", "about.json"
KEY_BYTES = 16


@dataclass(frozen=True)
class Part:
    """The kept embeddings of one dataset.

    Parameters
    ----------
    places
        Row of `vectors` by the hash of a row of the dataset.
    vectors
        Embeddings, float32, shape (rows, width), mapped from the disk.
    """

    places: Mapping[bytes, int]
    vectors: np.ndarray


def identity_of(target: str, encoder: Mapping[str, Any]) -> str:
    """Return a hash of all that decides the embeddings: weights, settings, and the module of the class.

    Parameters
    ----------
    target
        Dotted path of the model's class.
    encoder
        Settings of the encoder. Of `weights`, the hash counts and the place does not.
    """
    module = find_spec(target.rpartition(".")[0])
    code = Path(module.origin).read_bytes() if module and module.origin else b""
    weights = encoder["weights"]["sha256"]
    others = {name: value for name, value in encoder.items() if name != "weights"}
    about = json.dumps([target, weights, others], sort_keys=True)
    return hashlib.sha256(about.encode() + code).hexdigest()[:KEY_BYTES]


def folder_of(identity: str) -> Path:
    """Return the folder of an encoder's embeddings."""
    return paths.DATA / "embeddings" / identity


def keys_of(rows: Iterable[Any]) -> list[bytes]:
    """Return the hash of each row: of a text, or of an array."""
    return [hashlib.blake2b(content_of(row), digest_size=KEY_BYTES).digest() for row in rows]


def content_of(row: Any) -> bytes:
    """Return a row as bytes."""
    return row.tobytes() if isinstance(row, np.ndarray) else str(row).encode("utf-8", "surrogatepass")


def embedded(rows: np.ndarray, identity: str, encode: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the embeddings of rows: the kept ones, and newly computed ones for the others.

    Parameters
    ----------
    rows
        Rows of a dataset, shape (rows, ...).
    identity
        Identity of the encoder.
    encode
        Function that embeds rows. It is called for rows that are not kept alone.

    Returns
    -------
    numpy.ndarray
        Embeddings, float32, shape (rows, width).
    """
    keys, parts = keys_of(rows), kept(identity)
    found = {key: (part, part.places[key]) for part in parts for key in set(keys) & part.places.keys()}
    unknown = [at for at, key in enumerate(keys) if key not in found]
    if not found:
        return encode(rows)
    vectors = np.empty((len(keys), parts[0].vectors.shape[1]), dtype=np.float32)
    if unknown:
        vectors[unknown] = encode(rows[unknown])
    for at, key in enumerate(keys):
        if key in found:
            part, place = found[key]
            vectors[at] = part.vectors[place]
    return vectors


def kept(identity: str) -> tuple[Part, ...]:
    """Return the embeddings that are kept of an encoder; they stay open for the next call."""
    abouts = sorted(folder_of(identity).glob(f"*/{ABOUT}"))
    parts = (opened(path.parent, path.stat().st_mtime_ns) for path in abouts)
    return tuple(part for part in parts if part is not None)


@functools.lru_cache(maxsize=64)
def opened(folder: Path, changed: int) -> Part | None:
    """Return the embeddings in a folder, or None if they are not those that were written.

    Parameters
    ----------
    changed
        Time of change of the folder's description, as a part of the cache key.
    """
    try:
        keys, vectors = np.load(folder / KEYS), np.load(folder / VECTORS, mmap_mode="r")
        intact = read_about(folder)["sha256"] == checksum(keys, vectors)
    except (OSError, ValueError, KeyError):
        intact = False
    if not intact:
        log.warning("%s is damaged and not used; remove it, and it is made again", folder)
        return None
    return Part({key.tobytes(): at for at, key in enumerate(keys)}, vectors)


def read_about(folder: Path) -> dict[str, Any]:
    """Return the description of the embeddings in a folder; empty if there is none."""
    path = folder / ABOUT
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def keep(folder: Path, keys: list[bytes], vectors: np.ndarray, about: Mapping[str, Any]) -> None:
    """Write the embeddings of a dataset, the folder whole or not at all.

    Parameters
    ----------
    keys
        Hashes of the rows, all different.
    vectors
        Their embeddings, shape (rows, width).
    about
        Fingerprint of the dataset and costs.
    """
    table = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, KEY_BYTES)
    written = vectors.astype(np.float32)
    with whole(folder) as partial:
        partial.mkdir()
        np.save(partial / KEYS, table)
        np.save(partial / VECTORS, written)
        content = {**about, "sha256": checksum(table, written)}
        (partial / ABOUT).write_text(json.dumps(content, indent=2), encoding="utf-8")


def checksum(keys: np.ndarray, vectors: np.ndarray) -> str:
    """Return a SHA-256 of keys and embeddings."""
    digest = hashlib.sha256(np.ascontiguousarray(keys).data)
    digest.update(np.ascontiguousarray(vectors).data)
    return digest.hexdigest()
