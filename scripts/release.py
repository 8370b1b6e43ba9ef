"""Check a release, and write its notes and its bill of materials.

    python scripts/release.py v0.2.0 --out build/dist

The tag must be `v` and the version in pyproject.toml. CHANGELOG.md must have a dated section of that version,
which becomes notes.md. sbom.json lists the packages of requirements/lock.txt with versions and hashes in the
format CycloneDX 1.6. The exit code is 1, with one sentence, if something does not fit.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def version_of(pyproject: str) -> str:
    """Return the version in the text of pyproject.toml."""
    return str(tomllib.loads(pyproject)["project"]["version"])


def notes_of(changelog: str, version: str) -> str:
    """Return the text of a version's section.

    Raises
    ------
    ValueError
        There is no section of the version with a date, or it is empty.
    """
    found = re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)",
        changelog,
        re.MULTILINE | re.DOTALL,
    )
    if not found or not found[1].strip():
        raise ValueError(
            f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD' with entries; rename 'Unreleased'."
        )
    return found[1].strip() + "\n"


def components(lock: str) -> list[dict[str, Any]]:
    """Return the packages of a lock file as components of CycloneDX, sorted by name."""
    pinned = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if package := pinned.match(line):
            name, version = package.groups()
            purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
            found.append(
                {
                    "type": "library",
                    "name": name,
                    "version": version,
                    "purl": purl,
                    "bom-ref": purl,
                    "hashes": [],
                }
            )
        elif hashed := re.search(r"--hash=sha256:([0-9a-f]{64})", line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": hashed[1]})
    return sorted(found, key=lambda component: str(component["name"]).lower())


def bill_of_materials(lock: str, version: str) -> dict[str, Any]:
    """Return the packages of a lock file as a document of CycloneDX."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "fuelgauge", "version": version}},
        "components": components(lock),
    }


def main() -> int:
    """Check the tag and write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tag", help="tag of the release, such as v0.2.0")
    parser.add_argument("--out", type=Path, default=ROOT / "build/dist", help="folder (default: build/dist)")
    asked = parser.parse_args()
    version = version_of((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if asked.tag != f"v{version}":
        print(
            f"the tag is {asked.tag} and pyproject.toml has version {version}; make the two agree.",
            file=sys.stderr,
        )
        return 1
    try:
        notes = notes_of((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    lock = (ROOT / "requirements/lock.txt").read_text(encoding="utf-8")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "notes.md").write_text(notes, encoding="utf-8")
    (asked.out / "sbom.json").write_text(
        json.dumps(bill_of_materials(lock, version), indent=1), encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
