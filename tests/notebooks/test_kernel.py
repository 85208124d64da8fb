"""`trackside.show` in a real kernel, as JupyterLab starts one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Server
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

SOON_S = 60.0
pytestmark = pytest.mark.slow

TRAINS = """
import time, mlflow, trackside
mlflow.set_experiment("kernel")
with mlflow.start_run(run_name="from a kernel") as run:
    view = trackside.show(run)
    for step in range(4):
        mlflow.log_metric("loss", 1 / 2**step, step=step)
        time.sleep(1.2)
ended = view.wait(20)
view
"""


# It waits as a training waits, and is interrupted.
IS_INTERRUPTED = """
import time, mlflow, trackside
with mlflow.start_run(run_name="interrupted") as run:
    view = trackside.show(run)
    print("now")
    time.sleep(100)
"""


@pytest.fixture
def manager(server: Server) -> Iterator[KernelManager]:
    """A kernel that has been started."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(
        env={**os.environ, "MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    )
    yield manager
    if manager.is_alive():
        manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


@pytest.fixture
def kernel(manager: KernelManager) -> Iterator[BlockingKernelClient]:
    """A client of it."""
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=SOON_S)
    yield client
    client.stop_channels()


def told(kernel: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Everything the kernel publishes until the code has run."""
    return until_done(kernel, kernel.execute(code))


def until_done(kernel: BlockingKernelClient, asked: str) -> list[dict[str, Any]]:
    """Everything it publishes until it has done what was asked."""
    messages = []
    until = time.monotonic() + SOON_S
    while time.monotonic() < until:
        message = kernel.get_iopub_msg(timeout=SOON_S)
        messages.append(message)
        mine = message["parent_header"].get("msg_id") == asked
        if mine and message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return messages
    raise TimeoutError


def shown(messages: list[dict[str, Any]]) -> list[str]:
    """The pictures, one after the other, in one place of the notebook."""
    found = [m["content"] for m in messages if m["msg_type"] in ("display_data", "update_display_data")]
    assert len({content["transient"]["display_id"] for content in found}) == 1
    assert [m["msg_type"] for m in messages].count("display_data") == 1
    return [content["data"]["text/plain"] for content in found]


def test_a_running_run_is_refreshed_and_ends(kernel: BlockingKernelClient) -> None:
    messages = told(kernel, TRAINS)
    kinds = [message["msg_type"] for message in messages]
    assert "error" not in kinds
    assert "execute_result" not in kinds, "shown once, not again as the cell's value"
    assert "Traceback" not in "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    texts = shown(messages)
    seen = {line for text in texts for line in text.splitlines() if line.startswith("  loss")}
    assert len(texts) >= 4
    assert len(seen) >= 3, seen
    assert "RUNNING" in texts[0]
    assert texts[-1].startswith("run from a kernel FINISHED")
    assert "loss 0.125" in texts[-1]
    (result,) = told(kernel, "assert ended and not view.is_live\nprint(view)")[-2:-1]
    assert "no longer refreshed" in result["content"]["text"]


def test_an_interrupt_ends_the_run_and_its_view_and_a_live_view_keeps_no_kernel(
    manager: KernelManager, kernel: BlockingKernelClient
) -> None:
    asked = kernel.execute(IS_INTERRUPTED)
    while kernel.get_iopub_msg(timeout=SOON_S)["content"].get("text") != "now\n":
        pass
    manager.interrupt_kernel()
    messages = until_done(kernel, asked)
    errors = [message["content"]["ename"] for message in messages if message["msg_type"] == "error"]
    assert errors == ["KeyboardInterrupt"]
    messages = told(kernel, "print(view.wait(20), view.text())")
    assert "True run interrupted FAILED" in "".join(m["content"].get("text", "") for m in messages)
    told(kernel, "run = mlflow.start_run()\nview = trackside.show(run)")
    kernel.shutdown()
    assert manager.provisioner
    assert manager.provisioner.process.wait(SOON_S) == 0
