"""How the charts of `trackside.show` lie beside each other in a real browser."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
from pathlib import Path

import mlflow
import pytest
from conftest import Server
from shown import make_run, state_of

from trackside.notebook import page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MEASURE = """<script>
const all = (what, told) => [...document.querySelectorAll(what)].map(told);
document.title = JSON.stringify({
  tops: all(".plot", plot => plot.getBoundingClientRect().top),
  captions: all(".caption", caption => caption.getBoundingClientRect().height),
  cut: all(".caption b", title => title.scrollWidth > title.clientWidth),
});
</script>"""


def test_a_long_legend_cuts_no_title_and_plots_stand_in_line(
    client: mlflow.MlflowClient, server: Server, tmp_path: Path
) -> None:
    keys = ("loss", "training_top5_accuracy", "validation_top5_accuracy")
    run_id = make_run(client, "look", **{key: [0.1234, 0.5678] for key in keys})
    shown = page.page(state_of(run_id, server.url), "")
    (tmp_path / "page.html").write_text(f'<body style="width: 560px">{shown}{MEASURE}')
    browser = [os.environ.get("CHROMIUM", "chromium"), "--headless", "--no-sandbox", "--disable-gpu"]
    command = [*browser, f"--user-data-dir={tmp_path}/profile", "--dump-dom", f"file://{tmp_path}/page.html"]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    found = re.search("<title>(.*?)</title>", dom)
    assert found, dom
    seen = json.loads(html.unescape(found[1]))
    assert len(set(seen["captions"])) == 1, "neighbours share the height of the tallest"
    assert seen["captions"][0] > 30, "two lines; else this tries nothing"
    assert len(set(seen["tops"])) == 1
    assert seen["cut"] == [False, False]
