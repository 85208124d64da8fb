"""Food-11 from a URL, a zip, a folder, or in place; and again, when nothing is left to do."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from data_samples import Site, flat, images_of, jpeg, organised, prepare, tree, write_folder, write_zip

from trackside.data import manifest
from trackside.data.errors import DataError, NoSourceError, OptionsError
from trackside.data.layout import SPLITS


class TestSources:
    @pytest.fixture(autouse=True)
    def small(self, one_each: None) -> None: ...

    def test_url(self, tmp_path: Path, site: Site) -> None:
        site.content = write_zip(tmp_path / "x.zip", flat()).read_bytes()
        report = prepare(f"{site.url}?token=secret", tmp_path / "data")
        assert report.complete
        assert report.manifest.source.sha256 == hashlib.sha256(site.content).hexdigest()
        assert "secret" not in (tmp_path / "data/manifest.json").read_text()
        assert sorted(p.name for p in (tmp_path / "data/.trackside").iterdir()) == ["lock"]

    def test_keep_archive(self, tmp_path: Path, site: Site) -> None:
        site.content = write_zip(tmp_path / "x.zip", flat()).read_bytes()
        prepare(site.url, tmp_path / "data", keep_archive=True)
        assert [p.read_bytes() for p in (tmp_path / "data/.trackside/download").iterdir()] == [site.content]

    def test_truncated_download_then_the_rest(self, tmp_path: Path, site: Site) -> None:
        site.content = write_zip(tmp_path / "x.zip", flat()).read_bytes()
        site.send_at_most = [5000, 0, 0]
        with pytest.raises(DataError, match="run the same command again"):
            prepare(site.url, tmp_path / "data")
        assert tree(tmp_path / "data") == {}
        assert prepare(site.url, tmp_path / "data").complete
        assert site.requests[-1]["Range"] == "bytes=5000-"

    def test_sha256(self, tmp_path: Path) -> None:
        source = write_zip(tmp_path / "x.zip", flat())
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
        with pytest.raises(DataError, match=f"its SHA-256 is {digest}.*Nothing was unpacked"):
            prepare(source, tmp_path / "data", sha256=wrong)
        assert tree(tmp_path / "data") == {}
        assert prepare(source, tmp_path / "data", sha256=digest.upper()).complete
        with pytest.raises(DataError, match="SHA-256"):  # what is there did not come from such an archive
            prepare(source, tmp_path / "data", sha256=wrong)
        assert prepare(source, tmp_path / "data", sha256=digest).changed is False
        with pytest.raises(DataError, match="64 hexadecimal digits"):
            prepare(source, tmp_path / "data", sha256="abc")

    def test_wrong_download_is_removed_and_fetched_anew(self, tmp_path: Path, site: Site) -> None:
        good = write_zip(tmp_path / "x.zip", flat()).read_bytes()
        digest = hashlib.sha256(good).hexdigest()
        site.content = b"PK" + good
        with pytest.raises(DataError, match="The download has been removed"):
            prepare(site.url, tmp_path / "data", sha256=digest)
        site.content, site.etag = good, '"two"'
        assert prepare(site.url, tmp_path / "data", sha256=digest).complete

    @pytest.mark.parametrize("keep_archive", [False, True])
    def test_incomplete_is_fetched_again_only_if_told_so(
        self, tmp_path: Path, site: Site, keep_archive: bool
    ) -> None:
        few = {**flat(), "training/0_0.jpg": b"broken"}
        site.content = write_zip(tmp_path / "x.zip", few).read_bytes()
        first = prepare(site.url, tmp_path / "data", keep_archive=keep_archive)
        second = prepare(site.url, tmp_path / "data", keep_archive=keep_archive)
        assert [(report.changed, report.complete) for report in (first, second)] == [
            (True, False),
            (False, False),
        ]
        assert len(site.requests) == 1
        site.content, site.etag = write_zip(tmp_path / "x.zip", flat()).read_bytes(), '"two"'
        report = prepare(site.url, tmp_path / "data", refetch=True)
        assert (report.changed, report.complete, len(site.requests)) == (True, True, 2)

    def test_a_web_page_instead(self, tmp_path: Path, site: Site) -> None:
        site.content = b"<!DOCTYPE html><title>Sign in</title>"
        with pytest.raises(DataError, match="page about the file"):
            prepare(site.url, tmp_path / "data")

    @pytest.mark.parametrize("before", ["nothing", "an empty folder", "images"])
    @pytest.mark.parametrize("failure", ["404", "unsafe", "another checksum", "unsafe zip"])
    def test_a_failure_leaves_the_target_as_it_was(
        self, tmp_path: Path, site: Site, failure: str, before: str
    ) -> None:
        archive = write_zip(tmp_path / "x.zip", {"../evil.jpg": b""} if "unsafe" in failure else flat())
        site.content = archive.read_bytes()
        target = tmp_path / "parent" / "data"
        if before != "nothing":
            write_folder(target, organised()) if before == "images" else target.mkdir(parents=True)
        was = everything(target.parent)
        site.answers = [(404, {})] if failure == "404" else []
        source = archive if failure == "unsafe zip" else site.url
        with pytest.raises(DataError):
            prepare(source, target, sha256="0" * 64 if failure == "another checksum" else None)
        assert everything(target.parent) == was
        assert target.parent.exists() == (before != "nothing")
        assert not manifest.unfinished(target)

    def test_a_part_of_no_use_goes_with_the_folder_it_made(self, tmp_path: Path, site: Site) -> None:
        site.content = write_zip(tmp_path / "x.zip", flat()).read_bytes()
        site.send_at_most = [5000, 0, 0]
        with pytest.raises(DataError, match="are kept in"):
            prepare(site.url, tmp_path / "data")
        # The part, and what it is a part of.
        assert len(everything(tmp_path / "data/.trackside/download")) == 2
        site.content, site.etag = b"no zip at all", '"two"'
        with pytest.raises(DataError, match="The download has been removed"):
            prepare(site.url, tmp_path / "data")
        assert not (tmp_path / "data").exists()

    def test_a_download_without_images_is_kept_and_named(self, tmp_path: Path, site: Site) -> None:
        site.content = write_zip(tmp_path / "x.zip", {"Food-11.zip": b"another archive"}).read_bytes()
        with pytest.raises(DataError, match=r"unpack that .* The download is kept: (\S+\.zip)\. ") as caught:
            prepare(site.url, tmp_path / "data")
        (kept,) = (tmp_path / "data/.trackside/download").iterdir()
        assert f"kept: {kept}. With --refetch it is downloaded again." in str(caught.value)
        site.content, site.etag = write_zip(tmp_path / "y.zip", flat()).read_bytes(), '"two"'
        assert prepare(site.url, tmp_path / "data", refetch=True).complete

    def test_a_failure_among_the_images_leaves_the_folder_unfinished(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
        with monkeypatch.context() as patch:
            patch.setattr("trackside.data.manifest.write", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                prepare(archive, target)
        with pytest.raises(DataError, match="does not exist"):
            prepare(tmp_path / "gone.zip", target)
        with pytest.raises(DataError, match="Nothing was unpacked"):
            prepare(archive, target, sha256="0" * 64)
        assert manifest.unfinished(target)
        assert prepare(archive, target).complete
        assert not manifest.unfinished(target)

    @pytest.mark.parametrize(
        "source", ["ftp://host/x.zip", "file:///etc/passwd", "http://", "https://[::1/x"]
    )
    def test_other_addresses(self, tmp_path: Path, source: str) -> None:
        with pytest.raises(OptionsError, match=r"only http and https|not a valid address"):
            prepare(source, tmp_path / "data")

    def test_no_source(self, tmp_path: Path) -> None:
        with pytest.raises(NoSourceError, match=r"publisher.*epfl.*--from ARCHIVE"):
            prepare(None, tmp_path / "data")
        assert not (tmp_path / "data").exists()

    def test_target_inside_the_source(self, tmp_path: Path) -> None:
        write_folder(tmp_path, flat())
        for _ in range(2):
            assert prepare(tmp_path, tmp_path / "data").complete
        assert images_of(tmp_path / "data") == organised()

    def test_links_in_a_folder_are_read_through(self, tmp_path: Path) -> None:
        real = write_folder(tmp_path / "real", flat())
        linked = tmp_path / "linked"
        for path in flat():
            (linked / path).parent.mkdir(parents=True, exist_ok=True)
            (linked / path).symlink_to(real / path)
        assert prepare(linked, tmp_path / "data").complete
        assert images_of(tmp_path / "data") == organised()


def everything(root: Path) -> dict[str, bytes | None]:
    """All files and folders, our working files too."""
    return {p.relative_to(root).as_posix(): p.read_bytes() if p.is_file() else None for p in root.rglob("*")}


def flip(path: Path) -> None:
    """Change a file, but not its size."""
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.usefixtures("one_each")
class TestLinkedSplits:
    """Splits that are links to folders elsewhere."""

    @pytest.fixture
    def linked(self, tmp_path: Path) -> Path:
        real = write_folder(tmp_path / "real", flat())
        linked = tmp_path / "linked"
        linked.mkdir()
        for split in SPLITS:
            (linked / split).symlink_to(real / split)
        return linked

    @pytest.mark.timeout(20)
    def test_are_followed(self, tmp_path: Path, linked: Path) -> None:
        (tmp_path / "real/training/training").symlink_to(tmp_path / "linked")  # round in a circle
        (linked / "loop").symlink_to(tmp_path)
        report = prepare(linked, tmp_path / "data")
        assert report.complete
        assert report.manifest.unplaced == []
        assert images_of(tmp_path / "data") == organised()
        assert prepare(linked, tmp_path / "data").changed is False

    def test_are_organised_in_place(self, linked: Path) -> None:
        assert prepare(None, linked).complete
        found = {
            p.relative_to(linked).as_posix(): p for split in SPLITS for p in (linked / split).glob("*/*")
        }
        assert {path: file.read_bytes() for path, file in found.items()} == organised()
        assert prepare(None, linked).changed is False


class TestTwice:
    """Running it again on a finished folder only looks."""

    @pytest.fixture(autouse=True)
    def small(self, one_each: None) -> None: ...

    @pytest.mark.parametrize("kind", ["zip", "folder", "url", "in place"])
    def test_nothing_is_written(self, tmp_path: Path, site: Site, kind: str) -> None:
        target = tmp_path / "data"
        site.content = write_zip(tmp_path / "x.zip", flat()).read_bytes()
        source = {
            "zip": tmp_path / "x.zip",
            "folder": write_folder(tmp_path / "source", flat()),
            "url": site.url,
            "in place": write_folder(target, flat()) if kind == "in place" else None,
        }[kind]
        first = prepare(source, target)
        asked = len(site.requests)
        before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
        second = prepare(source, target)
        assert (first.changed, second.changed) == (True, False)
        assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == before
        assert len(site.requests) == asked
        assert second.manifest == first.manifest
        assert prepare(None, target).changed is False

    def test_source_may_be_gone(self, tmp_path: Path) -> None:
        source = write_zip(tmp_path / "x.zip", flat())
        prepare(source, tmp_path / "data")
        source.unlink()
        assert prepare(source, tmp_path / "data").changed is False
        with pytest.raises(DataError, match="does not exist"):
            prepare(tmp_path / "y.zip", tmp_path / "data")

    def test_touched_zip_is_the_same_by_its_content(self, tmp_path: Path) -> None:
        source = write_zip(tmp_path / "x.zip", flat())
        prepare(source, tmp_path / "data")
        os.utime(source, (1, 1))
        assert prepare(source, tmp_path / "data").changed is False

    def test_another_zip_of_the_same_name_is_noticed(self, tmp_path: Path) -> None:
        source = write_zip(tmp_path / "x.zip", flat())
        prepare(source, tmp_path / "data")
        write_zip(source, {**flat(), "training/0_0.jpg": jpeg(77, side=40)})
        assert prepare(source, tmp_path / "data").changed
        assert (tmp_path / "data/training/class_00/0_0.jpg").read_bytes() == jpeg(77, side=40)

    @pytest.mark.parametrize("harm", ["lost", "shortened", "added"])
    def test_changed_images_are_noticed_and_mended(self, tmp_path: Path, harm: str) -> None:
        source, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
        prepare(source, target)
        victim = target / "training/class_05/5_0.jpg"
        if harm == "lost":
            victim.unlink()
        elif harm == "shortened":
            victim.write_bytes(b"x")
        else:
            victim.with_name("5_1.jpg").write_bytes(jpeg(1))
        report = prepare(source, target)
        assert report.changed
        assert report.complete == (harm != "added")
        assert victim.read_bytes() == flat()["training/5_0.jpg"]

    def test_other_source_replaces(self, tmp_path: Path) -> None:
        target = tmp_path / "data"
        prepare(write_zip(tmp_path / "x.zip", flat()), target)
        other = {**flat(), "training/0_0.jpg": jpeg(77)}
        assert prepare(write_zip(tmp_path / "y.zip", other), target).changed
        assert (target / "training/class_00/0_0.jpg").read_bytes() == jpeg(77)

    @pytest.mark.parametrize("kind", ["zip", "folder", "url"])
    def test_verify_reads_every_byte_and_mends(self, tmp_path: Path, site: Site, kind: str) -> None:
        archive, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
        site.content = archive.read_bytes()
        folder = write_folder(tmp_path / "source", flat())
        source = {"zip": archive, "folder": folder, "url": site.url}[kind]
        prepare(source, target)
        whole = tree(target)
        assert prepare(source, target, verify=True).changed is False
        flip(target / "training/class_05/5_0.jpg")
        assert prepare(source, target).changed is False  # the quick look cannot see it
        assert prepare(source, target, verify=True).changed
        assert tree(target) == whole
        assert prepare(source, target, verify=True).changed is False

    def test_verify_in_place_says_how_to_mend(self, tmp_path: Path) -> None:
        source, target = write_zip(tmp_path / "x.zip", flat()), write_folder(tmp_path / "data", flat())
        prepare(None, target)
        whole = tree(target)
        flip(target / "training/class_05/5_0.jpg")
        with pytest.raises(
            DataError, match=r"1 files .* not as they were .*class_05/5_0\.jpg\. .*--verify --from SOURCE"
        ):
            prepare(None, target, verify=True)
        assert prepare(source, target, verify=True).changed
        assert tree(target) == whole

    @pytest.mark.parametrize("harm", ["lost", "changed"])
    def test_verify_without_sums(self, tmp_path: Path, harm: str) -> None:
        source, target = write_zip(tmp_path / "x.zip", flat()), tmp_path / "data"
        prepare(source, target)
        whole, sums = tree(target), target / "SHA256SUMS"
        sums.unlink() if harm == "lost" else sums.write_text("")
        with pytest.raises(DataError, match=r"(?s): SHA256SUMS\..*remove .*manifest\.json"):
            prepare(None, target, verify=True)
        assert prepare(source, target, verify=True).changed
        assert tree(target) == whole
        (target / "manifest.json").unlink()  # as the message says
        sums.unlink()
        assert prepare(None, target).changed
        assert prepare(None, target, verify=True).changed is False
