"""Loaders of labelled texts, on tiny samples of the formats of the published files."""

import hashlib
import io
import json
import tarfile
import zipfile

import pytest

from fuelgauge import paths
from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.data.sources import labelled
from fuelgauge.data.sources.labelled import body_of, intents, mails, queries, topics
from fuelgauge.errors import ConfigError, DataError


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Return a function that puts a file into the folder of archives and returns its pin."""
    monkeypatch.setenv(OTHER_FOLDER, str(tmp_path))
    monkeypatch.setattr(paths, "ARCHIVES", tmp_path / "none")

    def put(file, content):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
        return {"file": file, "sha256": hashlib.sha256(content).hexdigest()}

    return put


def at(pin):
    return {"url": f"https://example.org/{pin['file']}", **pin}


def test_queries_keep_their_published_parts_and_their_exact_texts(keep):
    train = 'text,category\n"Late, again?",late\nNA,missing\n'
    test = "text,category\nWo ist meine Karte? 💳,late\n"
    files = {
        "train": at(keep("made/train.csv", train.encode())),
        "test": at(keep("made/test.csv", test.encode())),
    }
    rows = queries(files)
    assert rows.to_numpy().tolist() == [
        ["Late, again?", "late", 0],
        ["NA", "missing", 0],
        ["Wo ist meine Karte? 💳", "late", 2],
    ]
    with pytest.raises(ConfigError, match="names a part 'dev'; a part is train, val, test"):
        queries({"dev": files["test"]})
    with pytest.raises(DataError, match="there is no column 'category'"):
        queries({"train": at(keep("made/odd.csv", b"text,label\na,b\n"))})


def test_queries_out_of_scope_are_kept_apart(keep):
    content = {
        "train": [["what is my balance", "balance"]],
        "val": [["pay my bill", "pay_bill"]],
        "test": [["balance please", "balance"]],
        "oos_train": [["how deep is the sea", "oos"]],
        "oos_val": [],
        "oos_test": [["who won", "oos"]],
    }
    file = at(keep("made/data.json", json.dumps(content).encode()))
    inside, outside = intents(file), intents(file, out_of_scope=True)
    assert inside["part"].tolist() == [0, 1, 2]
    assert set(inside["intent"]) == {"balance", "pay_bill"}
    assert outside.to_numpy().tolist() == [["how deep is the sea", "oos", 0], ["who won", "oos", 2]]
    for broken in (b"{", b'{"train": []}', b"[]"):
        with pytest.raises(DataError, match="is not a file of CLINC150"):
            intents(at(keep("made/broken.json", broken)))


def test_topics_begin_after_the_lines_on_types_and_quotation_marks_are_text(keep):
    table = 'Category\tText\nd\tstring\nclass\t\nsci.space\t"orbit and\nrec.autos\tNA\n'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as wheel:
        wheel.writestr("made/train.tab", table)
        wheel.writestr("made/test.tab", table.replace("orbit", "moon"))
    pin = {"package": "made", "version": "1", **keep("made-1-py3-none-any.whl", packed.getvalue())}
    rows = topics(pin, {"train": "made/train.tab", "test": "made/test.tab"})
    assert rows["text"].tolist() == ['"orbit and', "NA", '"moon and', "NA"]
    assert rows["part"].tolist() == [0, 0, 2, 2]


def npm_of(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_mails_have_bodies_and_no_headers(keep, monkeypatch):
    def mail(body):
        return json.dumps({"text": f"From a@b Thu\nSubject: WIN\nReceived: by x\n\n{body}\n"}).encode()

    files = {
        "package/data/spam-1/1.json": mail("Buy <b>now</b> 💰"),
        "package/data/easy-ham-2/1.json": mail("x" * 50),
        "package/data/easy-ham-2/1.txt": b"the same mail again",
        "package/data/file_list.json": b"[]",
    }
    pin = {"package": "made", "version": "1", **keep("made-1.tgz", npm_of(files))}
    rows = mails(pin, "package/data", 20)
    assert rows.to_numpy().tolist() == [["x" * 20, "ham"], ["Buy <b>now</b> 💰", "spam"]]
    with pytest.raises(DataError, match="holds no mail in the folder 'data'"):
        mails(pin, "data", 20)
    monkeypatch.setattr(labelled, "LIMIT", 10)
    with pytest.raises(DataError, match="unpacks to more than"):
        mails(pin, "package/data", 20)


def test_all_text_parts_of_a_mail_are_its_body_whatever_their_encoding():
    mail = (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\nignored\n"
        "--B\nContent-Type: text/plain; charset=iso-8859-1\n"
        "Content-Transfer-Encoding: quoted-printable\n\ncaf=E9\n"
        "--B\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n"
        "--B\nContent-Type: text/html; charset=no-such-set\n\n<p>hi</p>\n--B--\n"
    )
    assert body_of(mail) == "café\n<p>hi</p>"
    assert body_of("Subject: nothing else\n\n") == ""
