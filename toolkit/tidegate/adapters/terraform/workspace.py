"""The files tidegate keeps beside Terraform's own: the mark of a finished init, and plans with secrets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tidegate.core.errors import TerraformError
from tidegate.ports import TerraformVersion

MARK = "tidegate-init.json"
PLAN_PREFIX = "tidegate-"
PLAN_SUFFIX = ".tfplan"
FORGOTTEN_AFTER = 24 * 3600.0
"""Seconds after which a plan file that nobody removed is taken for the leftover of a killed process."""
RELEVANT = (
    "TF_CLI_CONFIG_FILE",
    "TF_DATA_DIR",
    "TF_PLUGIN_CACHE_DIR",
    "TF_WORKSPACE",
    "TF_CLI_ARGS",
    "TF_CLI_ARGS_init",
)
"""Environment variables that change what `init` prepares."""


class Workspace:
    """The data folder (`.terraform`, or what TF_DATA_DIR says) of one root module."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self.data = directory / (environment.get("TF_DATA_DIR") or ".terraform")

    def fingerprint(self, version: TerraformVersion) -> str:
        """Changes whenever an `init` could have something to do."""
        digest = hashlib.sha256()
        for part in (*version.command, *map(str, version.version), *self._environment_parts()):
            digest.update(part.encode() + b"\0")
        for path in self._sources():
            digest.update(str(path).encode() + b"\0")
            with contextlib.suppress(OSError):
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def is_ready(self, fingerprint: str) -> bool:
        """Whether the last init of this folder ran with this fingerprint and its results are still there."""
        try:
            mark = json.loads((self.data / MARK).read_text())
            return mark["fingerprint"] == fingerprint and all(
                (self.data / name).exists() for name in mark["made"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def set_ready(self, fingerprint: str) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        made = [name for name in ("terraform.tfstate", "providers", "modules") if (self.data / name).exists()]
        (self.data / MARK).write_text(json.dumps({"fingerprint": fingerprint, "made": made}))

    def forget_ready(self) -> None:
        (self.data / MARK).unlink(missing_ok=True)

    def new_plan_file(self) -> Path:
        """An empty file of mode 0600 for Terraform to write into, so that nobody else could ever read it."""
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self._remove_forgotten()
            descriptor, name = tempfile.mkstemp(suffix=PLAN_SUFFIX, prefix=PLAN_PREFIX, dir=self.data)
        except OSError as error:
            raise TerraformError(
                f"{self.data} cannot hold a plan file: {error.strerror}", hint="make the folder writable"
            ) from error
        os.close(descriptor)
        return Path(name).absolute()

    def _remove_forgotten(self) -> None:
        limit = time.time() - FORGOTTEN_AFTER
        for path in self.data.glob(f"{PLAN_PREFIX}*{PLAN_SUFFIX}"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < limit:
                    path.unlink()

    def _environment_parts(self) -> Iterator[str]:
        for name in RELEVANT:
            yield f"{name}={self._environment.get(name, '')}"
        # Which providers are attached matters, not at which port they listen this time.
        attached = self._environment.get("TF_REATTACH_PROVIDERS", "")
        try:
            yield ",".join(sorted(json.loads(attached))) if attached else ""
        except (ValueError, TypeError):
            yield attached

    def _sources(self) -> Sequence[Path]:
        folders = {self._directory}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            modules = json.loads((self.data / "modules" / "modules.json").read_text())["Modules"]
            folders |= {self._directory / module["Dir"] for module in modules}
        files = {
            path
            for folder in folders
            for pattern in ("*.tf", "*.tf.json", "*.tofu", "*.tofu.json")
            for path in folder.glob(pattern)
        }
        return (*sorted(files), self._directory / ".terraform.lock.hcl")
