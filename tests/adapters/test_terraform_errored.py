"""An apply whose backend takes no state: real Terraform, and an HTTP backend that refuses to write."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from adapters.web import answer, serving
from tidegate.adapters.terraform import TerraformCli, find
from tidegate.core.errors import TerraformError

pytestmark = pytest.mark.terraform
ROOT = """
terraform {
  backend "http" {
    address   = "ADDRESS"
    retry_max = 0
  }
}

resource "terraform_data" "thing" {}
"""


@dataclass
class Backend:
    """Keeps a state. The next `refusals` writes are refused."""

    root: Path
    state: bytes = b""
    refusals: int = 0
    bodies: list[bytes] = field(default_factory=list)

    @property
    def cli(self) -> TerraformCli:
        return TerraformCli(lambda: find(os.environ), environment=os.environ)

    @property
    def errored(self) -> Path:
        return self.root / "errored.tfstate"

    @property
    def resources(self) -> list[str]:
        return [resource["name"] for resource in json.loads(self.state or b'{"resources": []}')["resources"]]

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.command == "GET":
            answer(handler, 200 if self.state else 404, self.state)
        elif self.refusals > 0:
            self.refusals -= 1
            answer(handler, 500)
        else:
            self.state = self.bodies[-1]
            answer(handler, 200)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    found = Backend(tmp_path / "root")
    found.root.mkdir()
    with serving() as web:

        def respond(handler: BaseHTTPRequestHandler) -> None:
            found.bodies.append(web.requests[-1][2])
            found.respond(handler)

        web.respond = respond
        (found.root / "main.tf").write_text(ROOT.replace("ADDRESS", f"{web.url}/state"))
        found.cli.init(found.root)
        yield found


def test_what_an_apply_did_is_saved_at_a_second_attempt(backend: Backend) -> None:
    saved = backend.cli.plan(backend.root)
    backend.refusals = 1
    with pytest.raises(TerraformError, match="was at a second attempt"):
        backend.cli.apply(backend.root, saved)
    assert backend.resources == ["thing"]
    assert not backend.errored.exists()
    assert not backend.cli.plan(backend.root).has_changes


def test_while_the_backend_stays_deaf_the_file_is_named_and_kept(backend: Backend) -> None:
    saved = backend.cli.plan(backend.root)
    backend.refusals = 1000
    with pytest.raises(TerraformError) as caught:
        backend.cli.apply(backend.root, saved)
    assert str(backend.errored) in caught.value.message
    assert "keep that file" in caught.value.message
    with pytest.raises(TerraformError, match="cannot be saved now either"):
        backend.cli.push(backend.root)
    assert backend.errored.exists()
    backend.refusals = 0
    assert backend.cli.push(backend.root) == "errored.tfstate.saved"
    assert backend.resources == ["thing"]
    assert backend.cli.push(backend.root) == ""
