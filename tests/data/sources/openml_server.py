"""A substitute for www.openml.org that answers in its format, for tests that must not use the network."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from urllib.error import HTTPError, URLError

API = "https://www.openml.org/api/v1/json/"
DOWNLOAD = "https://www.openml.org/data/v1/download/"


class Answer(io.BytesIO):
    """The answer that urlopen returns."""

    def __init__(self, content: bytes, packed: bool):
        super().__init__(content)
        self.packed = packed

    def info(self):
        return {"Content-Encoding": "gzip"} if self.packed else {}


class Server:
    """A server with a few datasets and studies."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.away = False

    def add(self, data_id, name, arff, target, n_classes, **about):
        """Add a dataset; its attributes and types are read from the ARFF text."""
        number = str(data_id)
        description = {
            "id": number,
            "name": name,
            "version": "1",
            "description": "made for a test",
            "format": "ARFF",
            "upload_date": "2014-04-06T23:19:28",
            "licence": "Public",
            "url": f"{DOWNLOAD}{number}/{name}.arff",
            "file_id": number,
            "default_target_attribute": target,
            "status": "active",
            "visibility": "public",
            "md5_checksum": hashlib.md5(arff.encode()).hexdigest(),
            **about,
        }
        features = [feature(i, line, target) for i, line in enumerate(attributes(arff))]
        qualities = [
            {"name": "NumberOfInstances", "value": f"{len(arff.split('@data')[1].split()):.1f}"},
            {"name": "NumberOfClasses", "value": f"{n_classes:.1f}"},
            {"name": "EquivalentNumberOfAtts", "value": []},
        ]
        self.record(f"data/{number}", {"data_set_description": description})
        self.record(f"data/features/{number}", {"data_features": {"feature": features}})
        self.record(f"data/qualities/{number}", {"data_qualities": {"quality": qualities}})
        self.answers[description["url"]] = arff.encode()

    def record(self, path, content):
        self.answers[API + path] = json.dumps(content).encode()

    def urlopen(self, request, timeout=None):
        """Answer as urllib.request.urlopen does."""
        url = request if isinstance(request, str) else request.full_url
        self.asked.append(url)
        if self.away:
            raise URLError("Name or service not known")
        if url not in self.answers:
            raise HTTPError(url, 412, "Unknown dataset", None, io.BytesIO())
        packed = not isinstance(request, str) and request.get_header("Accept-encoding") == "gzip"
        content = self.answers[url]
        return Answer(gzip.compress(content) if packed else content, packed)


def attributes(arff):
    """Return the name and the type of each attribute."""
    lines = [line for line in arff.splitlines() if line.lower().startswith("@attribute")]
    return [line.split(maxsplit=2)[1:] for line in lines]


def feature(index, attribute, target):
    """Return the record of an attribute."""
    name, kind = attribute
    nominal = kind.startswith("{")
    found = {
        "index": str(index),
        "name": name,
        "data_type": "nominal" if nominal else kind.lower(),
        "is_target": str(name == target).lower(),
        "is_ignore": "false",
        "is_row_identifier": str(name == "row_id").lower(),
        "number_of_missing_values": "0",
    }
    return {**found, "nominal_value": kind.strip("{}").split(",")} if nominal else found
