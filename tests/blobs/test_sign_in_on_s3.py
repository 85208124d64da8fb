"""A server's start on an S3 store, with nothing there yet."""

from __future__ import annotations

import httpx
from live_server import running

from trackside.config import ServerSettings


def test_a_server_with_sign_in_starts_on_a_new_data_folder(place, tmp_path, caplog):
    data = tmp_path / "new"
    with running(ServerSettings(data_dir=data, port=0, auth=True, storage=place)) as (url, _):
        assert httpx.get(f"{url}/health").status_code == 200
    assert not (data / "artifacts").exists()
    said = [each.getMessage() for each in caplog.records if each.name == "trackside.server"]
    assert not any("can reach the files" in line for line in said)
