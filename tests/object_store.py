"""A local S3 server that checks who asks, for tests of the DVC remote."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

DVC = str(Path(sys.executable).parent / "dvc")
BUCKET = "store"
REGION = "us-east-1"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


@dataclass(frozen=True)
class ObjectStore:
    """Where the server is, and who may use it."""

    url: str
    key: str
    secret: str

    @property
    def remote(self) -> str:
        return f"s3://{BUCKET}/fuelgauge"

    def environment(self, key: str = "", secret: str = "") -> dict[str, str]:
        """Return an environment whose only credentials are these, by default those that are valid."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FUELGAUGE_", "MLFLOW_"))}
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key or self.key,
            "AWS_SECRET_ACCESS_KEY": secret or self.secret,
        }

    def empty(self) -> None:
        """Lose every object."""
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )
        for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=found["Key"])


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run a server with one bucket and one user."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    root = {
        "endpoint_url": url,
        "region_name": REGION,
        "aws_access_key_id": "root",
        "aws_secret_access_key": "root",
    }
    try:
        iam = boto3.client("iam", **root)
        iam.create_user(UserName="ci")
        key = iam.create_access_key(UserName="ci")["AccessKey"]
        iam.put_user_policy(UserName="ci", PolicyName="store", PolicyDocument=json.dumps(EVERYTHING))
        boto3.client("s3", **root).create_bucket(Bucket=BUCKET)
        check_from_now_on(url)
        yield ObjectStore(url, key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        server.stop()


def check_from_now_on(url: str) -> None:
    """Have the server refuse who is not known."""
    text = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", text, method="POST")
    urllib.request.urlopen(request).read()


def dvc(root: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dvc in a project."""
    return subprocess.run(
        [DVC, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
