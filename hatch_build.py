"""Builds the web UI into the package when a wheel or an sdist is made from a bare checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NO_UI = "TRACKSIDE_BUILD_WITHOUT_UI"


class UiBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Leaves an existing build alone, so that an sdist installs without Node.

    An editable install serves `src/trackside/server/static/` as it is; `scripts/ui` fills it.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        root = Path(self.root)
        static = root / "src/trackside/server/static"
        needed = [static / "index.html", static / "licenses.txt"]
        missing = [path for path in needed if not path.is_file()]
        if version == "editable" or not missing or os.environ.get(NO_UI) == "1":
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                f"The web UI is not built ({missing[0]} is missing) and npm was not found. "
                f"Install Node 20 or newer, or set {NO_UI}=1 to build a package that serves the API only."
            )
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=root / "ui", check=True)
        subprocess.run([npm, "run", "build"], cwd=root / "ui", check=True)
        for path in needed:
            if not path.is_file():
                raise RuntimeError(f"The UI build ended without writing {path}.")
