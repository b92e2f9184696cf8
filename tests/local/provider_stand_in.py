"""The few REST APIs the provider needs, in memory: whatever is written is answered, with what a service adds.

Faults are switched on by name in `Api.faults`; every request is kept in `Api.requests`.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Api:
    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.payloads: dict[str, str] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.faults: set[str] = set()
        self.counter = 0
        self.lock = threading.RLock()
        self.url = ""

    def handle(self, verb: str, target: str, body: Any) -> tuple[int, Any]:
        with self.lock:
            self.requests.append((verb, target, copy.deepcopy(body)))
            self.counter += 1
            parts = urlsplit(target)
            path, query = unquote(parts.path), parse_qs(parts.query)
            if "edits" in self.faults and verb != "GET" and "/v3/" in path:
                self.faults.discard("edits")
                return _error(
                    409, "Too many concurrent edits to the project configuration. Please try again."
                )
            if "down" in self.faults:
                self.faults.discard("down")
                return _error(503, "The service is currently unavailable.")
            name, _, method = path.partition(":") if not path.startswith("/v3") else (path, "", "")
            if method:
                return self._method(name, method, body)
            if verb == "POST":
                return self._create(path, query, body)
            if "/operations/" in path:
                return 200, {"name": path[4:], "done": False}
            if path not in self.objects:
                return _error(404, f"Resource '{path[1:]}' was not found")
            if verb == "DELETE":
                return 200, self._answer(path, self.objects.pop(path))
            if verb in {"PATCH", "PUT"}:
                return 200, self._change(path, query, body)
            return 200, self.objects[path]

    def _create(self, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        kind = path.rsplit("/", 1)[-1]
        given = next((value[0] for key, value in query.items() if key.endswith("Id")), None)
        if kind == "serviceAccounts":
            project = path.split("/")[3]
            email = f"{body['accountId']}@{project}.iam.gserviceaccount.com"
            body = {**body["serviceAccount"], "email": email, "uniqueId": str(self.counter)}
            given = email
        elif kind == "metricDescriptors":
            given = body["type"]
        elif kind in {"metrics", "jobs"} and not given:
            given = body["name"].rsplit("/", 1)[-1]
        item = f"{path}/{given or 1000 + self.counter}"
        if item in self.objects and kind != "metricDescriptors":
            return _error(409, f"Resource '{given}' already exists.")
        version = path.split("/")[1]
        made = {**body, "name": item.removeprefix(f"/{version}/")}
        if kind == "metrics":
            made["name"] = given
        if kind == "alertPolicies":
            _name_conditions(made)
        if kind == "services" and version == "v2":
            _fill_service(made, 1)
        self.objects[item] = made
        if "start" in self.faults and version == "v2":
            made["reconciling"] = False
            error = {"code": 9, "message": "Revision 'r1' is not ready: the container failed to start"}
            return 200, {"name": f"{made['name']}/operations/1", "done": True, "error": error}
        if "hang" in self.faults and version == "v2":
            return 200, {"name": "projects/p/locations/l/operations/1", "done": False}
        return 200, self._answer(item, made)

    def _change(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        old = self.objects[path]
        if "serviceAccount" in body:
            mask, body = body["updateMask"].split(","), body["serviceAccount"]
        else:
            mask = query["updateMask"][0].split(",") if "updateMask" in query else None
        new = {**old, **body} if mask is None else dict(old)
        for name in mask or ():
            if name in body:
                new[name] = body[name]
            else:
                new.pop(name, None)
        if mask is None and path.startswith("/v2/") and "/services/" in path:
            new = {**body, "name": old["name"], "traffic": body.get("traffic", old["traffic"])}
            _fill_service(new, int(old["generation"]) + 1)
        _name_conditions(new)
        if "/dashboards/" in path:
            new["name"] = old["name"]
        self.objects[path] = new
        return self._answer(path, new)

    def _answer(self, path: str, found: Any) -> Any:
        if path.startswith("/v2/") and ("/services/" in path or "/locations/" in path):
            return {"name": f"{found['name']}/operations/1", "done": True, "response": found}
        return found

    def _method(self, name: str, method: str, body: Any) -> tuple[int, Any]:
        if method == "getIamPolicy":
            return 200, self.policies.setdefault(name, {"etag": "e0", "bindings": []})
        if method == "setIamPolicy":
            if "etag" in self.faults:
                self.faults.discard("etag")
                return _error(409, "There were concurrent policy changes.")
            self.policies[name] = {**body["policy"], "etag": f"e{self.counter}"}
            return 200, self.policies[name]
        if method == "addVersion":
            versions = [key for key in self.objects if key.startswith(f"{name}/versions/")]
            item = f"{name}/versions/{len(versions) + 1}"
            self.payloads[item] = body["payload"]["data"]
            self.objects[item] = {"name": item[4:], "state": "ENABLED", "createTime": "2026-01-01T00:00:00Z"}
            return 200, self.objects[item]
        found = self.objects[name]
        if method == "access":
            return 200, {"name": found["name"], "payload": {"data": self.payloads[name]}}
        if method in {"enable", "disable", "destroy"} and "/versions/" in name:
            found["state"] = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}[method]
            if method == "destroy":
                found["destroyTime"] = "2026-01-01T00:00:00Z"
            return 200, found
        if method in {"enable", "disable"}:
            found["disabled"] = method == "disable"
            return 200, {}
        return _error(404, f"no method {method}")


def _error(code: int, message: str) -> tuple[int, Any]:
    return code, {"error": {"code": code, "message": message, "status": "FAILED"}}


def _name_conditions(policy: dict[str, Any]) -> None:
    for at, condition in enumerate(policy.get("conditions", [])):
        if isinstance(condition, dict):
            condition.setdefault("name", f"{policy['name']}/conditions/{at}")


def _fill_service(service: dict[str, Any], generation: int) -> None:
    revision = f"{service['name'].rsplit('/', 1)[-1]}-{generation:05d}"
    service.setdefault("ingress", "INGRESS_TRAFFIC_ALL")
    service.setdefault("launchStage", "GA")
    service.setdefault("traffic", [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}])
    template = service["template"]
    template.setdefault("timeout", "300s")
    template.setdefault("maxInstanceRequestConcurrency", 80)
    template.setdefault("serviceAccount", "1-compute@developer.gserviceaccount.com")
    template.setdefault("scaling", {"maxInstanceCount": 100})
    for container in template["containers"]:
        container.setdefault("ports", [{"name": "http1", "containerPort": 8080}])
        resources = container.setdefault("resources", {"cpuIdle": True, "startupCpuBoost": True})
        limits = resources.setdefault("limits", {"memory": "512Mi"})
        limits.setdefault("cpu", "1000m")
        container.setdefault(
            "startupProbe",
            {"timeoutSeconds": 240, "periodSeconds": 240, "failureThreshold": 1, "tcpSocket": {"port": 8080}},
        )
    service |= {
        "uid": "u1",
        "generation": str(generation),
        "observedGeneration": str(generation),
        "etag": f'"{generation}"',
        "latestCreatedRevision": f"{service['name']}/revisions/{revision}",
        "latestReadyRevision": f"{service['name']}/revisions/{revision}",
        "terminalCondition": {"type": "Ready", "state": "CONDITION_SUCCEEDED"},
        "conditions": [{"type": "RoutesReady", "state": "CONDITION_SUCCEEDED"}],
        "trafficStatuses": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
        "uri": "http://127.0.0.1:1/",
        "urls": ["http://127.0.0.1:1/"],
    }


@contextmanager
def serving() -> Iterator[Api]:
    """The APIs on a loopback port, for the length of the block."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _run(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(size)
            try:
                code, answer = api.handle(self.command, self.path, json.loads(raw) if raw else None)
            except (KeyError, TypeError) as error:
                code, answer = _error(400, f"{type(error).__name__} {error}")
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _run  # noqa: N815 - the base class names them

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
