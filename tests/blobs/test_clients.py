"""The unmodified client on S3: files and models, large ones past the server when it is told to."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest
import servers
from stored import left_over

from trackside.blobs.objects import ObjectBlobs

SCRIPT = Path(__file__).with_name("client_script.py")
MEGABYTES = 66
DIRECT = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
}
SMALL = {
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(50 << 20),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(10 << 20),
    "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(10 << 20),
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize(
    ("version", "how"),
    [("2.20.2", "asked for"), (servers.AUTHORITY, "through the server"), (servers.AUTHORITY, "offered")],
)
def test_a_script_keeps_its_files(weed, place, tmp_path, version, how):
    options = [
        "--artifacts",
        place.url,
        *(["--s3-public-endpoint", weed.endpoint] if how == "offered" else []),
    ]
    server = servers.trackside(tmp_path, *options)
    server.environment |= weed.environment
    environment = servers.client_environment(**SMALL, **(DIRECT if how == "asked for" else {}))
    with server:
        command = [servers.client_python(version), SCRIPT, server.url, str(MEGABYTES)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=150, env=environment, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr[-3000:]
    with sqlite3.connect(tmp_path / "data" / "trackside.db") as connection:
        known = {path for (path,) in connection.execute("SELECT path FROM artifact")}
    # What went past the server has no checksum of ours. Clients before 3.17 do not ask what is offered.
    past = how == "asked for" or (how == "offered" and version == servers.AUTHORITY)
    assert any(path.endswith("large.bin") for path in known) is not past
    assert any(path.endswith("/dict.json") for path in known)
    assert left_over(ObjectBlobs(place)) == []
    assert "secret" not in server.log.read_text()
