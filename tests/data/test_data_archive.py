"""Archives that would do harm are refused as a whole, before anything is written."""

from __future__ import annotations

import errno
import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from data_samples import flat, jpeg, tree, write_zip
from hypothesis import given
from hypothesis import strategies as st

from trackside.data import food11
from trackside.data.archive import Limits, escapes
from trackside.data.errors import DataError
from trackside.data.progress import SILENT

OUTSIDE = [
    "../evil.jpg",
    "training/../../evil.jpg",
    "training/class_00/../../../evil.jpg",
    "/etc/evil.jpg",
    "//server/share/evil.jpg",
    "..\\evil.jpg",
    "training\\..\\..\\evil.jpg",
    "\\windows\\evil.jpg",
    "\\\\server\\share\\evil.jpg",
    "C:\\evil.jpg",
    "c:evil.jpg",
    "C:/evil.jpg",
    "%2e%2e/evil.jpg",
    "%2e%2e%2fevil.jpg",
    "training/..%2f..%2fevil.jpg",
    "..%5cevil.jpg",
    "%252e%252e%252fevil.jpg",
    "%2Fetc/evil.jpg",
    "\uff0e\uff0e/evil.jpg",  # full-width full stops
    "..\uff0fevil.jpg",  # full-width solidus
    "\u2025/evil.jpg",  # two dot leader
    ".. /evil.jpg",  # spaces that Windows drops
    "%c0%ae%c0%ae/evil.jpg",  # overlong UTF-8
    "..%c0%afevil.jpg",
    "%e0%80%ae%e0%80%ae/evil.jpg",
    "training/0_0.jpg%00.txt",
    "training/0\n0.jpg",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_path_outside_is_refused(tmp_path: Path, name: str) -> None:
    refused(write_zip(tmp_path / "x.zip", {**flat(), name: jpeg(1)}), tmp_path)


def refused(
    archive: Path, tmp_path: Path, says: str = "is refused and nothing was unpacked", **limits: int
) -> None:
    """Preparing from the archive fails, and no file but the archive is anywhere afterwards."""
    target = tmp_path / "deep" / "er" / "data"
    with pytest.raises(DataError, match=says):
        food11.prepare(archive, target, progress=SILENT, limits=Limits(**limits))
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"]
    assert left == [archive]


@pytest.mark.parametrize(
    "name",
    [
        "training/0_0.jpg",
        "a..b/0_0.jpg",
        "...",
        "Dairy product/1.jpg",
        "100%/x",
        "%41.jpg",
        "Čaj/1.jpg",
        "12:30.jpg",
    ],
)
def test_honest_names_pass(name: str) -> None:
    assert escapes(name) is None


@given(
    st.text(max_size=8),
    st.text(max_size=8),
    st.sampled_from(["..", "%2e%2e", "%252E.", "\uff0e\uff0e", ".%2E"]),
)
def test_a_step_up_is_found_in_any_disguise(before: str, after: str, up: str) -> None:
    for slash in ("/", "\\", "%2f", "%5C", "%252f", "\uff0f"):
        assert escapes(f"{before}{slash}{up}{slash}{after}") is not None


def edit(archive: Path, changes: dict[bytes, bytes]) -> Path:
    """Change bytes of the finished file: names and flags that zipfile would not write."""
    content = archive.read_bytes()
    for old, new in changes.items():
        assert old in content
        assert len(old) == len(new)
        content = content.replace(old, new)
    archive.write_bytes(content)
    return archive


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"training/0_9.jpgXevil.txt", b"training/0_9.jpg\0evil.txt"),
        (b"AABB/evil.jpg", b"\xc0\xae\xc0\xae/evil.jpg"[:13]),
    ],
)
def test_raw_bytes_in_a_name(tmp_path: Path, old: bytes, new: bytes) -> None:
    archive = write_zip(tmp_path / "x.zip", {**flat(), old.decode(): jpeg(1)})
    refused(edit(archive, {old: new}), tmp_path)


def test_second_name_in_the_unicode_extra_field(tmp_path: Path) -> None:
    archive, second = tmp_path / "x.zip", b"../../evil.jpg"
    with zipfile.ZipFile(archive, "w") as made:
        info = zipfile.ZipInfo("training/0_0.jpg")
        info.extra = struct.pack("<HHBI", 0x7075, 5 + len(second), 1, 0) + second
        made.writestr(info, jpeg(1))
    refused(archive, tmp_path)


@pytest.mark.parametrize(
    ("mode", "says"),
    [(stat.S_IFLNK | 0o777, "symbolic link"), (stat.S_IFIFO | 0o644, "neither a file nor a folder")],
)
def test_links_and_devices(tmp_path: Path, mode: int, says: str) -> None:
    archive = write_zip(tmp_path / "x.zip", flat())
    with zipfile.ZipFile(archive, "a") as made:
        info = zipfile.ZipInfo("training/0_99.jpg")
        info.external_attr = mode << 16
        made.writestr(info, "/etc/passwd")
    refused(archive, tmp_path, says)


@pytest.mark.parametrize(("flag", "says"), [(0x01, "is encrypted"), (0x20, "is a patch")])
def test_flags_in_the_directory(tmp_path: Path, flag: int, says: str) -> None:
    archive = write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1)})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= flag
    archive.write_bytes(content)
    refused(archive, tmp_path, says)


@pytest.mark.parametrize("second", ["training/0_0.jpg", "training\\0_0.jpg"])
def test_two_members_of_one_name(tmp_path: Path, second: str) -> None:
    archive = write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1), "training/0_1.jpg": jpeg(2)})
    if "\\" not in second:
        edit(archive, {b"training/0_1.jpg": second.encode()})
    else:
        write_zip(archive, {"training/0_0.jpg": jpeg(1), second: jpeg(2)})
    refused(archive, tmp_path, r"two members of the name 'training/0_0\.jpg'")


def damage_offset(content: bytearray) -> None:
    end = content.index(b"PK\x05\x06")
    start = struct.unpack_from("<I", content, end + 16)[0]
    struct.pack_into("<I", content, end + 16, start + 40)  # so that the first member begins at -40


def damage_name(content: bytearray) -> None:
    content[7] |= 0x08  # UTF-8, says the member of a name that is not
    content[30] = 0xFF


@pytest.mark.parametrize("damage", [damage_offset, damage_name])
def test_member_that_cannot_be_read_is_put_aside(tmp_path: Path, damage: Callable[[bytearray], None]) -> None:
    archive = write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1), "training/1_0.jpg": jpeg(2)})
    content = bytearray(archive.read_bytes())
    damage(content)
    archive.write_bytes(content)
    report = food11.prepare(archive, tmp_path / "data", progress=SILENT)
    assert report.manifest.rejected[0].reason.startswith("damaged in the archive: ")


def test_disk_that_fails_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(zipfile.ZipFile, "read", fail)
    with pytest.raises(OSError, match="Input/output error"):
        food11.prepare(write_zip(tmp_path / "x.zip", flat()), tmp_path / "data", progress=SILENT)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_whose_memory_has_no_bound(tmp_path: Path, method: int) -> None:
    refused(write_zip(tmp_path / "x.zip", flat(), method), tmp_path, "packed with method")


def test_bomb(tmp_path: Path) -> None:
    members = {f"training/0_{n}.jpg": bytes(4_000_000) for n in range(3)}
    archive = write_zip(tmp_path / "x.zip", members, zipfile.ZIP_DEFLATED)
    assert archive.stat().st_size < 20_000
    refused(archive, tmp_path, "as a zip bomb does")


def test_bomb_of_members_that_share_their_bytes(tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("training/0_0.jpg", random.Random(0).randbytes(100_000))
        for n in range(1, 300):
            copy = zipfile.ZipInfo(f"training/0_{n}.jpg")
            first = made.filelist[0]
            copy.header_offset, copy.CRC = first.header_offset, first.CRC
            copy.file_size = copy.compress_size = first.file_size
            made.filelist.append(copy)
    refused(archive, tmp_path, "as a zip bomb does")


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"members": 30}, "33 members, more than 30"),
        ({"file_bytes": 100}, "more than 100 B"),
        ({"total_bytes": 1000}, "unpacks to .* more than 1.0 kB"),
    ],
)
def test_limits(tmp_path: Path, limits: dict[str, int], says: str) -> None:
    refused(write_zip(tmp_path / "x.zip", flat()), tmp_path, says, **limits)


def test_member_larger_than_it_says(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"training/0_0.jpg": jpeg(1), "training/1_0.jpg": jpeg(2)})
    content = bytearray(archive.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 100)
    archive.write_bytes(content)
    report = food11.prepare(archive, tmp_path / "data", progress=SILENT)
    assert [(r.path, r.reason.partition(":")[0]) for r in report.manifest.rejected] == [
        ("training/0_0.jpg", "damaged in the archive")
    ]
    assert [path for path in tree(tmp_path / "data") if path.endswith(".jpg")] == [
        "training/class_01/1_0.jpg"
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not a zip archive"),
        (b"<!DOCTYPE html><title>Sign in</title>", "a page or message of a web server"),
        (b"not a zip at all", "is not a zip archive"),
    ],
)
def test_not_a_zip(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    refused(tmp_path / "x.zip", tmp_path, says)


def test_truncated_zip(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", flat())
    archive.write_bytes(archive.read_bytes()[:-100])
    refused(archive, tmp_path, "not a whole zip.*truncated or damaged")


def test_archive_in_an_archive_is_named(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"outer/Food-11.zip": b"PK"})
    refused(archive, tmp_path, r"another archive, outer/Food-11\.zip")
