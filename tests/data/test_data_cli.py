"""`trackside data`: exit codes, output for people and programs, settings from the environment."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import typer
from data_samples import HASTY, Site, flat, jpeg, tree, write_folder, write_zip
from typer.testing import CliRunner, Result

from trackside.cli.data import app
from trackside.data.layout import PUBLISHED
from trackside.data.progress import Meter, Progress, amount, duration


def call(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "x.zip", flat())


@pytest.mark.usefixtures("one_each")
def test_food11(tmp_path: Path, archive: Path) -> None:
    result = call("food11", "--from", archive, "--to", tmp_path / "data")
    assert result.exit_code == 0
    assert "Vegetable/Fruit" in result.stdout
    assert "33 images" in result.stdout
    assert "complete; prepared in" in result.stdout
    assert "nothing to do" in call("food11", "--to", tmp_path / "data").stdout


def test_counts_that_differ_fail_unless_allowed(tmp_path: Path, archive: Path) -> None:
    result = call("food11", "--from", archive, "--to", tmp_path / "data")
    assert result.exit_code == 1
    assert "training/class_00 (Bread): 1 of 994 images, 993 missing" in result.stdout
    assert "--allow-partial" in result.stderr
    assert call("food11", "--to", tmp_path / "data").exit_code == 1
    assert call("food11", "--to", tmp_path / "data", "--allow-partial").exit_code == 0


def test_json_alone_on_standard_output(tmp_path: Path, site: Site, archive: Path) -> None:
    site.content = archive.read_bytes()
    result = call("food11", "--from", site.url, "--to", tmp_path / "data", "--json", "--allow-partial")
    report = json.loads(result.stdout)
    assert report["counts"] == {split: [1] * 11 for split in PUBLISHED}
    assert report["expected"]["training"][0] == 994
    assert (report["complete"], report["changed"], report["images"]) == (False, True, 33)
    assert "Downloading" in result.stderr
    assert "Checking images" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["food11"], 2, "Get the archive from its publisher"),
        (["food11", "--from", "nowhere.zip"], 1, "does not exist"),
        (["food11", "--from", "nowhere.zip", "--sha256", "zz"], 2, "64 hexadecimal digits"),
        (["food11", "--from", "ftp://host/x.zip"], 2, "only http and https"),
        (["food11", "--from", "https://[::1/x"], 2, "not a valid address"),
        (["food11", "--from", "http://127.0.0.1:9/x.zip"], 1, "Nothing is kept"),
        (["food11", "--unknown"], 2, "No such option"),
        (["mini", "--per-class", "1,2"], 2, "three numbers"),
        (["mini", "--size", "5"], 2, "32 to 4096 pixels"),
        (["mini", "--seed", "-1"], 2, "must not be negative"),
        (["mini", "--pictures", "cats"], 2, "cats"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trackside.data.fetch.Patience", lambda: HASTY)
    result = call(*arguments, FOOD11_DATA_DIR="data/food11")
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_checksum_for_a_folder_is_a_wrong_option(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", flat())
    result = call("food11", "--from", folder, "--to", tmp_path / "data", "--sha256", "0" * 64)
    assert result.exit_code == 2
    assert "--sha256 checks an archive" in result.stderr
    assert list(tmp_path.iterdir()) == [folder]


def test_settings_from_the_environment(tmp_path: Path, archive: Path) -> None:
    where = {"FOOD11_DATA_DIR": str(tmp_path / "one")}
    call("food11", TRACKSIDE_FOOD11_FROM=str(archive), **where)
    assert len(tree(tmp_path / "one")) == 34
    call("food11", TRACKSIDE_FOOD11_FROM=str(archive), TRACKSIDE_FOOD11_TO=str(tmp_path / "two"), **where)
    assert len(tree(tmp_path / "two")) == 34


def test_mini(tmp_path: Path) -> None:
    result = call(
        "mini",
        "--to",
        tmp_path / "m",
        "--per-class",
        "2,1,1",
        "--size",
        "64",
        "--pictures",
        "shapes",
        "--json",
    )
    assert result.exit_code == 0
    assert json.loads(result.stdout)["images"] == 44


@pytest.mark.parametrize("command", ["food11", "mini"])
def test_help_names_every_variable(command: str) -> None:
    shown = call(command, "--help", COLUMNS="300", TERM="dumb").stdout
    for option in typer.main.get_command(app).commands[command].params:  # type: ignore[attr-defined]
        if option.name != "help":
            named = [option.envvar] if isinstance(option.envvar, str) else option.envvar
            assert any(variable.startswith("TRACKSIDE_") for variable in named), option.name
            assert all(re.search(rf"\b{variable}\b", shown) for variable in named), named


@pytest.mark.slow
def test_full_size(tmp_path: Path, site: Site) -> None:
    """All 16,643 images, tiny, over HTTP."""
    photos = [jpeg(n, side=8) for n in range(64)]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for split, counts in PUBLISHED.items():
            for label, count in enumerate(counts):
                for index in range(count):
                    made.writestr(f"Food-11/{split}/{label}_{index}.jpg", photos[(label * 7 + index) % 64])
    site.content = content.getvalue()
    environment = {**os.environ, "FOOD11_DATA_DIR": str(tmp_path / "data")}
    command = [
        sys.executable,
        "-c",
        "from trackside.cli.data import app; app()",
        "food11",
        "--from",
        site.url,
        "--json",
    ]
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)
    )
    report = json.loads(first.stdout)
    assert (report["complete"], report["differences"], report["images"]) == (True, [], 16_643)
    assert [sum(counts) for counts in report["counts"].values()] == [9_866, 3_430, 3_347]
    assert json.loads(second.stdout)["changed"] is False
    assert len(site.requests) == 1


def test_ctrl_c_ends_it_soon_and_it_goes_on(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from trackside.cli.data import app; app()",
        "mini",
        "--to",
        str(tmp_path / "m"),
    ]
    command += ["--pictures", "shapes", "--size", "128", "--per-class"]
    with subprocess.Popen([*command, "1000,1,1"], stderr=subprocess.PIPE, text=True) as process:
        while not list((tmp_path / "m").glob("training/*/*.jpg")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "run the same command again to go on" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "m" / "manifest.json").exists()
    subprocess.run([*command, "1,1,1"], check=True, capture_output=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_on_a_terminal() -> None:
    stream = Terminal()
    with Meter(stream, "Downloading", 2_000_000, "B", 500_000) as meter:
        meter.advance(1_500_000)
    first, last = stream.getvalue().split("\r\x1b[K")[1], stream.getvalue().split("\r\x1b[K")[-1]
    assert first.startswith("Downloading  ██████░░")
    assert " 25%  500.0 kB of 2.0 MB" in first
    assert "100%  2.0 MB of 2.0 MB" in last
    assert last.endswith("\n")


def test_plain_lines_in_a_log() -> None:
    stream = io.StringIO()
    with Meter(stream, "Checking", 100, "images", 0) as meter:
        for _ in range(100):
            meter.advance(1)
    assert stream.getvalue().startswith("Checking  100%  100 of 100 images")
    assert stream.getvalue().count("\n") == 1
    assert "\r" not in stream.getvalue()


def test_a_meter_that_does_not_last_leaves_nothing() -> None:
    for stream, left in ((io.StringIO(), ""), (Terminal(), "\r\x1b[K")):
        with Progress(stream).meter("epoch 1", 100, "images", lasting=False) as meter:
            meter.advance(100)
        assert stream.getvalue().endswith(left)
        assert "100%" not in stream.getvalue()


def test_time_left() -> None:
    stream = Terminal()
    meter = Meter(stream, "Downloading", 100_000_000, "B", 0)
    meter._start -= 10
    meter._shown -= 10
    meter.advance(50_000_000)
    assert "5.0 MB/s  10 s left" in stream.getvalue()


def test_amounts_and_durations() -> None:
    assert [amount(v, "B") for v in (5, 1500, 2.5e6, 1.24e9)] == ["5 B", "1.5 kB", "2.5 MB", "1.2 GB"]
    assert amount(16643, "images") == "16,643 images"
    assert [duration(s) for s in (0.04, 9.99, 59.6, 185, 7800)] == [
        "0.0 s",
        "10 s",
        "1:00 min",
        "3:05 min",
        "2:10 h",
    ]
