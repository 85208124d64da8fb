"""Downloads that are cut, changed, refused: the file is whole and right, or there is a clear error."""

from __future__ import annotations

import io
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from data_samples import HASTY, Site

from trackside.data import fetch
from trackside.data.errors import DataError
from trackside.data.progress import SILENT, Progress

CONTENT = os.urandom(300_000)
OTHER = os.urandom(280_000)
LIMIT = 1_000_000
ONE_TRY = fetch.Patience(attempts=1)


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "archive.zip"


def download(site: Site, to: Path, *, limit: int = LIMIT, patience: fetch.Patience = HASTY) -> None:
    fetch.download(site.url, to, limit=limit, progress=SILENT, patience=patience)


def cut_off(site: Site, to: Path, at: int = 100_000) -> None:
    """A first try that ends early and leaves a part."""
    site.content = CONTENT
    site.send_at_most = [at]
    with pytest.raises(DataError):
        download(site, to, patience=ONE_TRY)
    assert part(to).stat().st_size == at
    assert not to.exists()


def part(to: Path) -> Path:
    return to.with_name("archive.zip.part")


def test_whole(site: Site, to: Path) -> None:
    site.content = CONTENT
    download(site, to)
    assert to.read_bytes() == CONTENT
    assert list(to.parent.iterdir()) == [to]


@pytest.mark.parametrize("first", ["comes to the end", "breaks off"])
def test_two_at_once(site: Site, to: Path, first: str) -> None:
    site.content, second_waits = CONTENT, threading.Event()
    site.chunk_pause = lambda: second_waits.wait(10) and None
    if first == "breaks off":
        site.send_at_most = [100_000]
    said = io.StringIO()
    said.flush = second_waits.set  # type: ignore[method-assign]  (the first thing it says)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(download, site, to, patience=ONE_TRY)
        while not site.requests:
            time.sleep(0.01)
        two = pool.submit(fetch.download, site.url, to, limit=LIMIT, progress=Progress(said), patience=HASTY)
        two.result()
    assert said.getvalue().startswith(f"Another process is downloading {to}; waiting for it.")
    assert isinstance(one.exception(), DataError) == (first == "breaks off")
    assert to.read_bytes() == CONTENT
    assert list(to.parent.iterdir()) == [to]
    assert len(site.requests) == (2 if first == "breaks off" else 1)


def test_file_that_is_there_is_not_fetched(site: Site, to: Path) -> None:
    to.write_bytes(b"here")
    download(site, to)
    assert site.requests == []


def test_truncated_is_an_error_that_says_how_to_go_on(site: Site, to: Path) -> None:
    site.content, site.send_at_most = CONTENT, [100_000, 0, 0]
    with pytest.raises(
        DataError, match=r"stopped.*100\.0 kB of 300\.0 kB are kept in .*run the same command again"
    ):
        download(site, to)
    assert part(to).read_bytes() == CONTENT[:100_000]


def test_goes_on_where_it_stopped(site: Site, to: Path) -> None:
    cut_off(site, to)
    download(site, to)
    assert to.read_bytes() == CONTENT
    assert site.requests[-1]["Range"] == "bytes=100000-"
    assert site.requests[-1]["If-Range"] == '"one"'


def test_goes_on_by_itself_as_long_as_bytes_come(site: Site, to: Path) -> None:
    site.content, site.send_at_most = CONTENT, [50_000] * 5
    download(site, to)  # five cuts, with patience for two failures in a row only
    assert to.read_bytes() == CONTENT
    assert len(site.requests) == 6


def test_server_without_ranges_starts_afresh(site: Site, to: Path) -> None:
    cut_off(site, to)
    site.ranges = False
    download(site, to)
    assert to.read_bytes() == CONTENT


def test_server_that_always_cuts_and_ignores_ranges_is_given_up(site: Site, to: Path) -> None:
    site.content, site.ranges, site.send_at_most = CONTENT, False, [1000] * 50
    with pytest.raises(DataError, match="stopped"):
        download(site, to)
    assert len(site.requests) == 2


def test_changed_file_starts_afresh(site: Site, to: Path) -> None:
    cut_off(site, to)
    site.content, site.etag = OTHER, '"two"'
    download(site, to)
    assert to.read_bytes() == OTHER


def test_changed_file_whose_part_was_nearly_whole(site: Site, to: Path) -> None:
    cut_off(site, to, at=299_999)
    site.content, site.etag = OTHER, '"two"'  # shorter than the part
    download(site, to)
    assert to.read_bytes() == OTHER


@pytest.mark.parametrize("etag", [None, 'W/"one"'])
def test_without_proof_that_the_file_is_the_same_nothing_is_joined(
    site: Site, to: Path, etag: str | None
) -> None:
    site.etag = etag
    site.content, site.send_at_most = CONTENT, [100_000]
    with pytest.raises(DataError, match=r"stopped: .*\. Nothing is kept"):
        download(site, to, patience=ONE_TRY)
    assert list(to.parent.iterdir()) == []
    to.with_name("archive.zip.part").write_bytes(CONTENT[:100_000])  # by a process that was killed
    site.content = os.urandom(len(CONTENT))  # even its length gives nothing away
    download(site, to)
    assert to.read_bytes() == site.content
    assert not any("Range" in request for request in site.requests)


def test_another_range_than_asked_for_starts_afresh(site: Site, to: Path) -> None:
    cut_off(site, to)
    site.shift = 7
    download(site, to)
    assert to.read_bytes() == CONTENT


def test_range_beyond_the_end_starts_afresh(site: Site, to: Path) -> None:
    cut_off(site, to)
    site.answers = [(416, {})]
    download(site, to)
    assert to.read_bytes() == CONTENT


def test_part_of_another_address_is_not_used(site: Site, to: Path) -> None:
    cut_off(site, to)
    site.url += "?other"
    download(site, to)
    assert to.read_bytes() == CONTENT
    assert "Range" not in site.requests[-1]


def test_part_that_is_whole_needs_no_request(site: Site, to: Path) -> None:
    cut_off(site, to)
    part(to).write_bytes(CONTENT)  # killed between the last byte and the rename
    asked = len(site.requests)
    download(site, to)
    assert to.read_bytes() == CONTENT
    assert len(site.requests) == asked


@pytest.mark.parametrize(
    ("status", "says"), [(404, "404.*Check the address"), (403, "403.*sign-in"), (401, "sign-in")]
)
def test_refusal_is_final(site: Site, to: Path, status: int, says: str) -> None:
    site.answers = [(status, {})] * 5
    with pytest.raises(DataError, match=says):
        download(site, to)
    assert len(site.requests) == 1
    assert list(to.parent.iterdir()) == []


def test_a_part_outlives_a_refusal(site: Site, to: Path) -> None:
    cut_off(site, to)
    site.answers = [(404, {})]
    with pytest.raises(DataError, match="404"):
        download(site, to)
    download(site, to)
    assert site.requests[-1]["Range"] == "bytes=100000-"


def test_busy_server_is_asked_again_when_it_says(site: Site, to: Path) -> None:
    waits: list[float] = []
    site.content, site.answers = CONTENT, [(503, {"Retry-After": "7"}), (429, {})]
    download(site, to, patience=fetch.Patience(attempts=3, first_wait=0.5, sleep=waits.append))
    assert to.read_bytes() == CONTENT
    assert waits == [7, 1.0]


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"connection failed.*Nothing is kept"):
        fetch.download("http://127.0.0.1:9/x.zip", tmp_path / "x", limit=9, progress=SILENT, patience=HASTY)
    assert list(tmp_path.iterdir()) == []


def test_larger_than_allowed_is_refused_before_it_comes(site: Site, to: Path) -> None:
    site.content = CONTENT
    with pytest.raises(DataError, match=r"it has 300\.0 kB\. More than 100\.0 kB is refused"):
        download(site, to, limit=100_000)
    assert list(to.parent.iterdir()) == []


def test_larger_than_allowed_without_a_length_is_stopped(site: Site, to: Path) -> None:
    site.content, site.length = CONTENT, False
    with pytest.raises(DataError, match=r"more keeps coming\. More than 100\.0 kB is refused"):
        download(site, to, limit=100_000)
    assert list(to.parent.iterdir()) == []


def test_unknown_length(site: Site, to: Path) -> None:
    site.content, site.length = CONTENT, False
    download(site, to)
    assert to.read_bytes() == CONTENT


def test_secrets_of_an_address_are_not_shown(site: Site, to: Path) -> None:
    site.answers = [(404, {})]
    with pytest.raises(DataError) as error:
        fetch.download(f"{site.url}?token=secret", to, limit=LIMIT, progress=SILENT, patience=HASTY)
    assert "secret" not in str(error.value)
    assert fetch.shown("https://me:pw@host/a.zip?X-Signature=1#f") == "https://host/a.zip"
