"""Food-11 from every layout and source: organised, checked, counted, and never done twice."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from functools import cache
from pathlib import Path

import pytest
from data_samples import (
    flat,
    images_of,
    jpeg,
    organised,
    prepare,
    tree,
    write_folder,
    write_zip,
)
from PIL import Image

from trackside.data import manifest
from trackside.data.errors import DataError
from trackside.data.layout import CLASSES, SPLITS

NAMED = [name.replace("/", "-") for name in CLASSES]  # as a mirror's folders are called


def renamed(pattern: str) -> dict[str, bytes]:
    """The flat set with other paths."""
    result = {}
    for path, content in flat().items():
        split, name = path.split("/")
        label, index = name.removesuffix(".jpg").split("_")
        values = {"split": split, "label": int(label), "index": index, "named": NAMED[int(label)]}
        result[pattern.format(**values)] = content
    return result


LAYOUTS = {
    "flat": "{split}/{label}_{index}.jpg",
    "below a folder": "Food-11/{split}/{label}_{index}.jpg",
    "below two": "data/food11/{split}/{label}_{index}.jpg",
    "organised": "{split}/class_{label:02}/{label}_{index}.jpg",
    "named folders": "{split}/{named}/{index}.jpg",
    "named folders below a folder": "food11/{split}/{named}/{label}_{index}.jpg",
    "numbered folders": "{split}/{label}/{index}.jpg",
    "upper case": "Food-11/{split}/{label}_{index}.JPG",
    "backslashes": "Food-11\\{split}\\{label}_{index}.jpg",
}


@pytest.mark.usefixtures("one_each")
@pytest.mark.parametrize("pattern", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_of_a_zip(tmp_path: Path, pattern: str) -> None:
    report = prepare(write_zip(tmp_path / "x.zip", renamed(pattern)), tmp_path / "data")
    assert report.complete
    assert report.changed
    assert images_of(tmp_path / "data") == organised()


@pytest.mark.usefixtures("one_each")
@pytest.mark.parametrize("layout", ["flat", "below a folder", "organised", "named folders", "upper case"])
def test_layouts_of_a_folder_and_in_place(tmp_path: Path, layout: str) -> None:
    members = renamed(LAYOUTS[layout])
    source = write_folder(tmp_path / "source", members)
    assert prepare(source, tmp_path / "data").complete
    assert images_of(tmp_path / "data") == organised()
    assert tree(source) == members  # copied, the source is left alone
    assert prepare(None, source).complete
    assert images_of(source) == organised()
    assert not [p for p in source.glob("*/*/") if not p.name.startswith("class_") and "Food" not in str(p)]


def test_a_half_organised_folder_is_finished_in_place(tmp_path: Path) -> None:
    half = dict(list(flat().items())[:20]) | dict(list(organised().items())[20:])
    source = write_folder(tmp_path / "data", half)
    prepare(source, source)
    assert images_of(source) == organised()


def test_other_splits_names(tmp_path: Path) -> None:
    members = {p.replace("training", "train").replace("evaluation", "Test"): c for p, c in flat().items()}
    prepare(write_zip(tmp_path / "x.zip", members), tmp_path / "data")
    assert images_of(tmp_path / "data") == organised()


def test_counts_against_those_published(tmp_path: Path) -> None:
    report = prepare(write_zip(tmp_path / "x.zip", flat()), tmp_path / "data")
    assert not report.complete
    assert len(report.differences) == 33
    assert report.differences[3] == "training/class_03 (Egg): 1 of 986 images, 985 missing"
    text = report.text()
    assert "11 of 9,866" in text
    assert "11 of 3,430" in text
    assert "11 of 3,347" in text
    assert "NOT complete" in text


@pytest.mark.usefixtures("one_each")
def test_too_many_are_a_difference_too(tmp_path: Path) -> None:
    members = {**flat(), "training/4_1.jpg": jpeg(4)}
    report = prepare(write_zip(tmp_path / "x.zip", members), tmp_path / "data")
    assert report.differences == ["training/class_04 (Fried food): 2 of 1 images, 1 too many"]


@cache
def broken() -> dict[str, bytes]:
    bomb = io.BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    return {
        **flat(),
        "training/0_1.jpg": jpeg(5, side=64)[:700],
        "training/0_2.jpg": b"<html>not found</html>",
        "training/1_1.jpg": b"",
        "validation/2_1.jpg": bomb.getvalue(),
        "evaluation/10_1.jpg": b"\xff\xd8\xff\xe0" + bytes(500),
    }


REASONS = {
    "training/0_1.jpg": "corrupt: image file is truncated",
    "training/0_2.jpg": "not an image",
    "training/1_1.jpg": "empty file",
    "validation/2_1.jpg": "too large: 9000 x 9000 pixels",
    "evaluation/10_1.jpg": "not an image",
}


@pytest.mark.usefixtures("one_each")
@pytest.mark.parametrize("source", ["zip", "folder", "in place"])
def test_broken_images_are_put_aside_and_named(tmp_path: Path, source: str) -> None:
    target = tmp_path / "data"
    given = {
        "zip": lambda: write_zip(tmp_path / "x.zip", broken()),
        "folder": lambda: write_folder(tmp_path / "source", broken()),
        "in place": lambda: write_folder(target, broken()),
    }[source]()
    report = prepare(given, target)
    assert report.complete
    found = {reject.path: reject for reject in report.manifest.rejected}
    assert found.keys() == REASONS.keys()
    for path, reason in REASONS.items():
        assert found[path].reason.startswith(reason)
        assert found[path].moved_to
        assert (target / found[path].moved_to).read_bytes() == broken()[path]
        assert path in report.text()
    assert {p: c for p, c in images_of(target).items() if not p.startswith("rejected/")} == organised()
    (target / "manifest.json").unlink()
    again = prepare(given, target)  # from the beginning: the same outcome
    assert {r.reason for r in again.manifest.rejected} == {r.reason for r in report.manifest.rejected}
    assert again.manifest.digest == report.manifest.digest


@pytest.mark.usefixtures("one_each")
def test_what_does_not_belong_is_named(tmp_path: Path) -> None:
    members = {
        **flat(),
        "README.txt": b"hello",
        "training/11_0.jpg": jpeg(1),
        "training/holiday.jpg": jpeg(2),
        "training/Pizza/1.jpg": jpeg(3),
        "elsewhere/0_1.jpg": jpeg(4),
        "training/class_03/4_7.jpg": jpeg(5),
        "__MACOSX/training/._0_0.jpg": b"litter",
        "training/.DS_Store": b"litter",
    }
    report = prepare(write_zip(tmp_path / "x.zip", members), tmp_path / "data")
    assert {r.path: r.reason for r in report.manifest.unplaced} == {
        "README.txt": "not an image by its name",
        "training/11_0.jpg": "class 11 is not one of 0 to 10",
        "training/holiday.jpg": "its name is not CLASS_INDEX",
        "training/Pizza/1.jpg": "'Pizza' is not a class of Food-11",
        "elsewhere/0_1.jpg": "in none of the folders training, validation, evaluation",
    }
    assert [(r.path, r.reason) for r in report.manifest.rejected] == [
        ("training/class_03/4_7.jpg", "its name says class 4, its folder class_03")
    ]
    assert report.complete


@pytest.mark.usefixtures("one_each")
def test_copies_are_counted_and_rivals_put_aside(tmp_path: Path) -> None:
    members = {**flat(), **{f"copy/{path}": content for path, content in flat().items()}}
    members["copy/training/0_0.jpg"] = jpeg(99)
    report = prepare(write_zip(tmp_path / "x.zip", members), tmp_path / "data")
    assert report.manifest.duplicates == 32
    assert [r.reason for r in report.manifest.rejected] == ["same place as copy/training/0_0.jpg"]
    assert report.complete


NAMES = {
    "training/Egg/my holiday.jpg": "training/class_03/my holiday.jpg",
    "training/Egg/7 (1).JPEG": "training/class_03/7 (1).jpg",
    "training/Egg/Čaj.png": "training/class_03/Čaj.png",
    f"training/Egg/{'1' * 20}.jpg": f"training/class_03/3_{'1' * 20}.jpg",
    "training/Egg/a:b.jpg": None,
    "training/Egg/.hidden.jpg": None,
    "training/Egg/<b>.jpg": None,
    "training/Egg/a~2.jpg": None,
    "rejected/elsewhere/class_00/a~2.jpg": None,
    "rejected/training/.trackside/a~2.jpg": None,
    f"training/Egg/{'x' * 300}.jpg": None,
    f"training/3_{'1' * 300}.jpg": None,
    f"rejected/training/class_03/{'x' * 300}~2.jpg": None,
}


@pytest.mark.parametrize(("path", "becomes"), NAMES.items())
def test_names_are_usable_everywhere(tmp_path: Path, path: str, becomes: str | None) -> None:
    source = write_zip(tmp_path / "x.zip", {"evaluation/0_0.jpg": jpeg(1), path: jpeg(2)})
    report = prepare(source, tmp_path / "data")
    made = images_of(tmp_path / "data").keys() - {"evaluation/class_00/0_0.jpg"}
    assert made == ({becomes} if becomes else set())
    assert [reject.path for reject in report.manifest.unplaced] == ([] if becomes else [path])


RIVALS = ["training/", "training/Bread/", "training/0/", *(f"{top}/training/" for top in "abcd")]


@pytest.mark.parametrize("attempt", range(10))  # threads must not find the same free name: by chance
@pytest.mark.parametrize("source", ["zip", "folder", "in place"])
def test_no_rival_is_lost(tmp_path: Path, source: str, attempt: int) -> None:
    members = {f"{folder}0_0.jpg": jpeg(10 * attempt + n, side=64) for n, folder in enumerate(RIVALS)}
    members |= {f"{folder}0_1.jpg": b"broken %d" % n for n, folder in enumerate(RIVALS)}
    members |= {f"{n}/training/Egg/4_7.jpg": b"in the wrong folder %d" % n for n in range(8)}
    target = tmp_path / "data"
    given = {
        "zip": lambda: write_zip(tmp_path / "x.zip", members),
        "folder": lambda: write_folder(tmp_path / "source", members),
        "in place": lambda: write_folder(target, members),
    }[source]()
    report = prepare(given, target)
    assert sorted(images_of(target).values()) == sorted(members.values())
    assert len({reject.moved_to for reject in report.manifest.rejected}) == len(members) - 1


@pytest.mark.usefixtures("one_each")
def test_good_copy_of_a_broken_image_replaces_it_in_place(tmp_path: Path) -> None:
    target = write_folder(tmp_path / "data", {**flat(), "training/0_0.jpg": b"broken"})
    assert not prepare(None, target).complete
    write_folder(target, {"training/0_0.jpg": flat()["training/0_0.jpg"]})
    assert prepare(None, target).complete
    good = {path: content for path, content in images_of(target).items() if not path.startswith("rejected/")}
    assert good == organised()
    assert (target / "rejected/training/class_00/0_0.jpg").read_bytes() == b"broken"


@pytest.mark.usefixtures("one_each")
@pytest.mark.parametrize("source", ["zip", "folder", "in place"])
def test_the_first_good_rival_gets_the_place(tmp_path: Path, source: str) -> None:
    members = {**flat(top="b/"), "a/training/0_0.jpg": b"broken", "c/training/0_0.jpg": jpeg(99)}
    target = tmp_path / "data"
    given = {
        "zip": lambda: write_zip(tmp_path / "x.zip", members),
        "folder": lambda: write_folder(tmp_path / "source", members),
        "in place": lambda: write_folder(target, members),
    }[source]()
    report = prepare(given, target)
    assert report.complete
    assert [(r.path, r.reason, r.moved_to) for r in report.manifest.rejected] == [
        ("a/training/0_0.jpg", "not an image", "rejected/training/class_00/0_0.jpg"),
        ("c/training/0_0.jpg", "same place as b/training/0_0.jpg", "rejected/training/class_00/0_0~2.jpg"),
    ]
    good = {path: content for path, content in images_of(target).items() if not path.startswith("rejected/")}
    assert good == organised()


@pytest.mark.usefixtures("one_each")
def test_images_of_other_origin_in_the_folder_are_named(tmp_path: Path) -> None:
    source, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
    write_folder(target, {"training/class_00/mine.jpg": jpeg(1), "training/class_99/0.jpg": jpeg(2)})
    report = prepare(source, target)
    assert report.manifest.strays == [
        "training/class_00/mine.jpg",
        "training/class_99/0.jpg",
        "training/class_99/",
    ]
    assert not report.complete
    assert (target / "training/class_00/mine.jpg").exists()


def test_another_data_set_is_not_touched(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "x.zip", flat())
    prepare(source, tmp_path / "data")
    text = (tmp_path / "data/manifest.json").read_text()
    (tmp_path / "data/manifest.json").write_text(text.replace('"food11"', '"mini"'))
    with pytest.raises(DataError, match=r"holds another data set \(mini\)"):
        prepare(source, tmp_path / "data")


def test_manifest_and_sums(tmp_path: Path) -> None:
    target = tmp_path / "data"
    report = prepare(write_zip(tmp_path / "x.zip", flat()), target)
    record = json.loads((target / "manifest.json").read_text())
    assert record["counts"] == {split: [1] * 11 for split in SPLITS}
    assert record["bytes"] == sum(map(len, flat().values()))
    assert record["digest"] == hashlib.sha256((target / "SHA256SUMS").read_bytes()).hexdigest()
    check = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=target, check=False)
    assert check.returncode == 0
    assert report.as_dict()["digest"] == record["digest"]


def test_digest_is_that_of_the_content(tmp_path: Path) -> None:
    one = prepare(write_zip(tmp_path / "x.zip", flat()), tmp_path / "one")
    two = prepare(write_folder(tmp_path / "f", renamed(LAYOUTS["named folders"])), tmp_path / "two")
    assert one.manifest.digest == two.manifest.digest


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 99}'])
def test_damaged_manifest_is_made_again(tmp_path: Path, content: bytes) -> None:
    source, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
    prepare(source, target)
    (target / "manifest.json").write_bytes(content)
    assert prepare(source, target).changed
    assert manifest.read(target) is not None
