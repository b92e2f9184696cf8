"""The local Cloud Run of the crash points, and what is asked of it beside the rollouts."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport

from tidegate.core.errors import TerraformError
from tidegate.local.state import LocalCloud
from tidegate.ports import ServiceName

REGION = "europe-west1"
IMAGES = f"""
images:
  crash/v1: &good {{command: [python, -S, -E, app.py], directory: {Path(__file__).parent}}}
  crash/v2: *good
  crash/bad: {{command: [python, -S, -E, app.py, bad], directory: {Path(__file__).parent}}}
"""
_PATIENCE = 30.0

# proto-plus gives its message classes untyped constructors.
_messages: Any = run_v2


def name_of(service: str) -> ServiceName:
    """In a project of its own, so that no other point's samples are looked through for it."""
    return ServiceName(f"demo-{service}", REGION, service)


@dataclass(frozen=True)
class Templates:
    """Changes of the template by the Admin API: what Terraform does, without the seconds it takes."""

    client: run_v2.ServicesClient
    name: ServiceName

    def create(self, image: str) -> None:
        """Returns when the service serves."""
        self.send_new(image)
        self.wait()

    def send_new(self, image: str) -> None:
        parent = f"projects/{self.name.project}/locations/{self.name.region}"
        request = _messages.CreateServiceRequest(
            parent=parent, service_id=self.name.service, service={"template": self._template(image)}
        )
        with _told():
            self.client.create_service(request, retry=None)

    def send(self, image: str) -> None:
        request = _messages.UpdateServiceRequest(
            service={"name": self.name.path, "template": self._template(image)},
            update_mask={"paths": ["template"]},
        )
        with _told():
            self.client.update_service(request, retry=None)

    def wait(self) -> None:
        """Until the newest revision is ready; raises TerraformError when it breaks."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with _told():
                found = self.client.get_service(name=self.name.path)
            if not found.reconciling:
                if found.latest_created_revision == found.latest_ready_revision:
                    return
                raise TerraformError(f"the revision does not start: {found.terminal_condition.message}")
            time.sleep(0.05)
        raise TerraformError("the revision was not ready in time")

    def delete(self) -> None:
        with contextlib.suppress(GoogleAPICallError):
            self.client.delete_service(name=self.name.path)

    def _template(self, image: str) -> dict[str, Any]:
        """Another one each time, so that there is always a new revision."""
        container = {"image": f"crash/{image}", "env": [{"name": "MADE", "value": str(time.time())}]}
        return {"containers": [container], "scaling": {"max_instance_count": 1}}


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except GoogleAPICallError as error:
        raise TerraformError(f"the Admin API answered: {error}") from error


@contextlib.contextmanager
def templates(cloud: LocalCloud, service: str) -> Iterator[Templates]:
    with grpc.insecure_channel(cloud.grpc) as channel:
        client = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
        yield Templates(client, name_of(service))


@contextlib.contextmanager
def load(cloud: LocalCloud, service: str, rate: float) -> Iterator[None]:
    """Requests to the service while the block runs; none with a rate of 0."""
    if not rate:
        yield
        return
    ended = threading.Event()
    address = urlsplit(_address(cloud, service)).netloc
    thread = threading.Thread(target=_send, args=(address, rate, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _send(address: str, rate: float, ended: threading.Event) -> None:
    connection = http.client.HTTPConnection(address, timeout=5)
    while not ended.wait(1 / rate):
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
    connection.close()


def _address(cloud: LocalCloud, service: str) -> str:
    """From the status page: a read by the API would take a fault that is meant for somebody else."""
    with urllib.request.urlopen(cloud.status, timeout=20) as answer:
        services = json.load(answer)["services"]
    return str(next(one["uri"] for one in services if one["name"] == service))


def api(cloud: LocalCloud, verb: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The REST side of the local Cloud Run, also what is special to it under `/_local/`."""
    data = None if body is None else json.dumps(body).encode()
    assert cloud.rest.startswith("http://127.0.0.1:")
    request = urllib.request.Request(cloud.rest + path, data=data, method=verb)
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def losing(cloud: LocalCloud, service: str) -> Callable[[], None]:
    """Makes the answer to the next write of the service get lost."""

    def lose() -> None:
        fault = {"method": "Services/*ateService", "resource": f"services/{service}", "response_lost": True}
        api(cloud, "POST", "/_local/faults", {"faults": [fault]})

    return lose
