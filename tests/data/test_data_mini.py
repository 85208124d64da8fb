"""The small stand-in: Food-11's layout, the same bytes every time, with or without the glyph package."""

from __future__ import annotations

import io
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from data_samples import jpeg, tree, write_folder, write_zip
from PIL import Image

from trackside.data import files, food11, glyphs, mini, shapes
from trackside.data.errors import DataError
from trackside.data.layout import CLASSES, SPLITS
from trackside.data.progress import SILENT
from trackside.data.report import Report

COUNTS = (2, 1, 1)


def make(target: Path, **options: object) -> Report:
    settings = {"per_class": COUNTS, "size": 64, "pictures": "shapes", "progress": SILENT, **options}
    return mini.make(target, **settings)  # type: ignore[arg-type]


def test_layout_is_that_of_food11(tmp_path: Path) -> None:
    report = make(tmp_path / "data")
    expected = {
        f"{split}/class_{label:02}/{label}_{index}.jpg"
        for split, count in zip(SPLITS, COUNTS, strict=True)
        for label in range(11)
        for index in range(count)
    }
    assert tree(tmp_path / "data").keys() == expected | {"SHA256SUMS"}
    assert report.complete
    assert report.manifest.classes == list(CLASSES)
    assert report.manifest.source.kind == "shapes"
    assert report.manifest.source.parameters["seed"] == "0"


def test_same_seed_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "one")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    make(tmp_path / "two")
    make(tmp_path / "other", seed=1)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert not set(tree(tmp_path / "one").values()) & set(tree(tmp_path / "other").values())


def test_no_image_is_there_twice(tmp_path: Path) -> None:
    make(tmp_path / "data")
    images = tree(tmp_path / "data")
    assert len(set(images.values())) == len(images)


def test_more_images_begin_with_the_same_ones(tmp_path: Path) -> None:
    make(tmp_path / "few")
    make(tmp_path / "many", per_class=(3, 2, 2))
    few, many = tree(tmp_path / "few"), tree(tmp_path / "many")
    del few["SHA256SUMS"]
    assert few.items() <= many.items()


def test_default_size_is_that_of_photos(tmp_path: Path) -> None:
    make(tmp_path / "data", per_class=(3, 1, 1), size=512)
    images = [content for path, content in tree(tmp_path / "data").items() if path.endswith(".jpg")]
    assert {Image.open(io.BytesIO(content)).size for content in images} <= {
        (512, 512),
        (512, 384),
        (384, 512),
        (512, 341),
    }
    assert 25_000 < np.mean([len(content) for content in images]) < 70_000


def test_twice_is_once(tmp_path: Path) -> None:
    first = make(tmp_path / "data")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    second = make(tmp_path / "data")
    assert (first.changed, second.changed) == (True, False)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == before
    assert second.manifest == first.manifest


@pytest.mark.parametrize("other", [{"seed": 1}, {"per_class": (1, 1, 1)}, {"size": 48}])
def test_other_arguments_make_it_anew(tmp_path: Path, other: dict[str, object]) -> None:
    make(tmp_path / "data")
    assert make(tmp_path / "data", **other).changed
    make(tmp_path / "fresh", **other)
    assert tree(tmp_path / "data") == tree(tmp_path / "fresh")


def test_damage_is_mended(tmp_path: Path) -> None:
    make(tmp_path / "data")
    whole = tree(tmp_path / "data")
    (tmp_path / "data/training/class_03/3_0.jpg").unlink()
    (tmp_path / "data/training/class_04/4_0.jpg").write_bytes(jpeg(1))
    assert make(tmp_path / "data").changed
    assert tree(tmp_path / "data") == whole


def test_images_of_the_user_are_left_and_named(tmp_path: Path) -> None:
    make(tmp_path / "data")
    mine = tmp_path / "data/training/class_00/mine.jpg"
    mine.write_bytes(jpeg(1))
    report = make(tmp_path / "data", seed=1)
    assert mine.read_bytes() == jpeg(1)
    assert report.differences == ["training/class_00/mine.jpg: does not belong here"]


def test_other_data_is_not_touched(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", {"training/0_0.jpg": jpeg(1)})
    with pytest.raises(DataError, match="not made by this command"):
        make(tmp_path / "data")
    food11.prepare(
        write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1)}), tmp_path / "real", progress=SILENT
    )
    with pytest.raises(DataError, match=r"another data set \(food11\)"):
        make(tmp_path / "real")


def test_what_another_process_made_meanwhile_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = glyphs.pictures

    def slowly(*arguments: object) -> glyphs.Pictures:
        monkeypatch.setattr(glyphs, "pictures", pictures)
        make(tmp_path / "data", seed=0)
        return pictures(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(glyphs, "pictures", slowly)
    report = make(tmp_path / "data", seed=1)
    assert report.manifest.digest == make(tmp_path / "fresh", seed=1).manifest.digest


def test_food11_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, source = glyphs.pictures, write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1)})

    def slowly(*arguments: object) -> glyphs.Pictures:
        food11.prepare(source, tmp_path / "data", progress=SILENT)
        return pictures(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(glyphs, "pictures", slowly)
    with pytest.raises(DataError, match=r"another data set \(food11\)"):
        make(tmp_path / "data")


def test_food11_leaves_what_was_made_meanwhile_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1)})
    claim = files.claim

    def late(target: Path) -> AbstractContextManager[None]:
        monkeypatch.setattr(files, "claim", claim)
        make(target)
        return claim(target)

    monkeypatch.setattr(files, "claim", late)
    with pytest.raises(DataError, match=r"another data set \(mini\)"):
        food11.prepare(source, tmp_path / "data", progress=SILENT)
    assert make(tmp_path / "data").changed is False


def test_unfinished_is_not_taken_for_food11(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("trackside.data.manifest.write", lambda *_: pytest.fail("stopped here"))
        with pytest.raises(pytest.fail.Exception):
            make(tmp_path / "data")
    for source in (None, write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1)})):
        with pytest.raises(DataError, match=r"not finished.*trackside data mini"):
            food11.prepare(source, tmp_path / "data", progress=SILENT)
    with pytest.raises(DataError, match=r"not finished.*trackside data mini"):
        food11.prepare(tmp_path / "data", tmp_path / "other", progress=SILENT)
    assert make(tmp_path / "data").complete


def test_finished_is_no_source_of_food11(tmp_path: Path) -> None:
    make(tmp_path / "data")
    with pytest.raises(DataError, match=r"another data set \(mini\)"):
        food11.prepare(tmp_path / "data", tmp_path / "other", progress=SILENT)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_class": (0, 1, 1)},
        {"per_class": (99_999, 1, 1)},
        {"size": 8},
        {"seed": -1},
        {"pictures": "cats"},
    ],
)
def test_wrong_arguments(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(DataError):
        make(tmp_path / "data", **wrong)
    assert not (tmp_path / "data").exists()


def test_shapes_of_the_classes_differ() -> None:
    drawn = shapes.all_classes()
    assert len(drawn) == 11
    outlines = [np.asarray(Image.open(io.BytesIO(many[0])).getchannel("A")) > 127 for many in drawn]
    for one in range(11):
        for other in range(one):
            union = (outlines[one] | outlines[other]).sum()
            assert (outlines[one] ^ outlines[other]).sum() > 0.15 * union, (CLASSES[one], CLASSES[other])


class TestWithoutPackage:
    """The glyph package cannot be had."""

    @pytest.fixture(autouse=True)
    def no_npm(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def npm(self, tmp_path: Path, script: str) -> None:
        write_folder(tmp_path / "bin", {"npm": f"#!/bin/sh\n{script}\n".encode()})
        (tmp_path / "bin/npm").chmod(0o755)

    def test_shapes_stand_in_and_say_so(self, tmp_path: Path) -> None:
        report = make(tmp_path / "data", pictures="auto", cache=tmp_path / "cache")
        assert report.manifest.source.kind == "shapes"
        assert "Drawn shapes stand in for the food glyphs: npm is not installed" in report.text()
        assert make(tmp_path / "data", pictures="auto", cache=tmp_path / "cache").changed is False

    def test_glyphs_wanted_in_words(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="npm is not installed"):
            make(tmp_path / "data", pictures="glyphs", cache=tmp_path / "cache")

    def test_npm_fails(self, tmp_path: Path) -> None:
        self.npm(tmp_path, 'echo "npm error code ENOTFOUND" >&2; exit 1')
        report = make(tmp_path / "data", pictures="auto", cache=tmp_path / "cache")
        assert "could not fetch @lobehub/fluent-emoji-3d: npm error code ENOTFOUND" in report.text()
        assert list((tmp_path / "cache").iterdir()) == []

    def test_npm_brings_something_else(self, tmp_path: Path) -> None:
        self.npm(tmp_path, "echo malice > other-1.1.0.tgz")
        report = make(tmp_path / "data", pictures="auto", cache=tmp_path / "cache")
        assert "npm fetched another @lobehub/fluent-emoji-3d@1.1.0 than the one known" in report.text()
        assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_glyphs_of_the_package(tmp_path: Path) -> None:
    report = make(tmp_path / "data", pictures="glyphs", cache=tmp_path / "cache")
    assert report.manifest.source.kind == "glyphs"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [glyphs.FILE]
    again = make(tmp_path / "again", pictures="glyphs", cache=tmp_path / "cache")
    assert again.manifest.digest == report.manifest.digest
    damaged = tmp_path / "cache" / glyphs.FILE
    damaged.write_bytes(damaged.read_bytes()[:-1])
    make(tmp_path / "third", pictures="glyphs", cache=tmp_path / "cache")
    assert tree(tmp_path / "third") == tree(tmp_path / "data")
