"""A service as Cloud Run has it (API v2) → the `tidegate.yaml` that says the same.

Values of environment variables are never written, only their names, as they may be secret; nor is anything
else that looks like a secret. What a spec cannot say is named.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from tidegate.core.adopt.existing_container import Found, container, seconds
from tidegate.core.secrets import secret_value

_INGRESS = {
    "INGRESS_TRAFFIC_INTERNAL_ONLY": "internal",
    "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": "internal-and-load-balancer",
}
_EVERYBODY = frozenset({"allUsers", "allAuthenticatedUsers"})
_COLLECTOR_VOLUME = "collector-config"
_CONCURRENCY, _MOST_INSTANCES = 80, 100
"""Cloud Run's own where a service says nothing."""
_NO_SPEC_SAYS = {
    "defaultUriDisabled": "a switched-off default URL",
    "iapEnabled": "IAP",
    "invokerIamDisabled": "a switched-off check of the invoker",
    "multiRegionSettings": "a service of several regions",
    "buildConfig": "a build from source",
}
_NO_TEMPLATE_SAYS = {
    "revision": "a revision name of its own",
    "sessionAffinity": "session affinity",
    "healthCheckDisabled": "a switched-off health check",
    "nodeSelector": "a GPU",
    "gpuZonalRedundancyDisabled": "zones of a GPU",
    "labels": "labels of the revision",
    "serviceMesh": "a service mesh",
    "encryptionKeyRevocationAction": "what the loss of the key does",
    "encryptionKeyShutdownDuration": "when the loss of the key does it",
}


@dataclass(frozen=True)
class Existing:
    """The text of a spec, and a sentence for each thing that it leaves out."""

    text: str
    left_out: tuple[str, ...]


def spec_of(
    service: Mapping[str, Any], project: str, region: str, invokers: Sequence[str] | None
) -> Existing:
    """`service` is the API's JSON, `invokers` who may call it; None where that could not be read."""
    left: list[str] = []
    template = service.get("template") or {}
    found = _Writer(service, template, left)
    values = {
        "service": str(service.get("name", "")).rpartition("/")[2],
        "project": project,
        "region": region,
        "containers": found.containers(),
        **found.platform(),
        **found.scale(),
        **found.access(invokers),
        "telemetry": {"collector": found.collector()},
    }
    found.unsaid()
    kept = _without_secrets(values, "", left)
    return Existing(_header(left) + _yaml(kept), tuple(left))


class _Writer:
    def __init__(self, service: Mapping[str, Any], template: Mapping[str, Any], left: list[str]) -> None:
        self.service, self.template, self.left = service, template, left
        volumes = {str(v.get("name")): v for v in template.get("volumes") or ()}
        self.volumes = {name: volume for name, volume in volumes.items() if name != _COLLECTOR_VOLUME}
        self.given = [one for one in template.get("containers") or () if not _is_collector(one)]

    def collector(self) -> Found:
        """That of the service module, by its volume. One that is not there is nobody's to add unasked."""
        there = next(filter(_is_collector, self.template.get("containers") or ()), None)
        if there is None:
            return {"enabled": False}
        self.left.append("what its collector looks at, and how often: written with the defaults of a spec")
        limits = (there.get("resources") or {}).get("limits") or {}
        return {
            "image": there.get("image"),
            **{name: str(limits[name]) for name in ("cpu", "memory") if name in limits},
        }

    def containers(self) -> list[Found]:
        given = self.given
        sockets = {name for name, volume in self.volumes.items() if "cloudSqlInstance" in volume}
        return [container(one, len(given) == 1, sockets, self.left) for one in given]

    def platform(self) -> Found:
        service, template = self.service, self.template
        environment = str(template.get("executionEnvironment") or "").removeprefix("EXECUTION_ENVIRONMENT_")
        found: Found = {
            "description": service.get("description"),
            "volumes": dict(self._volumes()),
            "cloud_sql": [
                instance
                for volume in self.volumes.values()
                for instance in (volume.get("cloudSqlInstance") or {}).get("instances") or ()
            ],
            "vpc": self._vpc(),
            "execution_environment": environment.lower() if environment in ("GEN1", "GEN2") else None,
            "encryption_key": template.get("encryptionKey"),
            "binary_authorization": self._binary_authorization(),
            "ingress": _INGRESS.get(str(service.get("ingress")), "all"),
            "billing": self._billing(),
            "request_timeout": seconds(template.get("timeout") or "300s"),
            "service_account": template.get("serviceAccount"),
            "custom_audiences": list(service.get("customAudiences") or ()),
            "labels": {k: v for k, v in (service.get("labels") or {}).items() if not k.startswith("goog-")},
        }
        if not found["service_account"]:
            self.left.append("an account: it runs as the project's default one, a spec makes one of its own")
        return {name: value for name, value in found.items() if value not in (None, "", [], {})}

    def _volumes(self) -> Iterator[tuple[str, Found]]:
        for name, volume in self.volumes.items():
            if secret := volume.get("secret"):
                mode = secret.get("defaultMode")
                files = {i["path"]: str(i.get("version") or "latest") for i in secret.get("items") or ()}
                yield name, {"secret": {
                    "secret": secret.get("secret"),
                    **({"files": files} if files else {}),
                    **({"mode": f"0{int(mode):03o}"} if mode else {}),
                }}  # fmt: skip
            elif bucket := volume.get("gcs"):
                options = list(bucket.get("mountOptions") or ())
                yield name, {"bucket": {
                    "name": bucket.get("bucket"),
                    "read_only": bool(bucket.get("readOnly")),
                    **({"mount_options": options} if options else {}),
                }}  # fmt: skip
            elif "emptyDir" in volume:
                size = (volume["emptyDir"] or {}).get("sizeLimit")
                yield name, {"memory": {"size": size} if size else {}}
                if not size:
                    self.left.append(f"that volume {name} has no limit: written with the default of a spec")
            elif "cloudSqlInstance" not in volume:
                self.left.append(f"volume {name}, of a kind that no spec has")

    def _vpc(self) -> Found:
        access = self.template.get("vpcAccess") or {}
        interfaces = access.get("networkInterfaces") or ()
        if len(interfaces) > 1:
            self.left.append("all network interfaces but the first")
        first = interfaces[0] if interfaces else {}
        found = {name: first[name] for name in ("network", "subnetwork", "tags") if first.get(name)}
        if access.get("connector"):
            found["connector"] = access["connector"]
        if found and access.get("egress") == "ALL_TRAFFIC":
            found["egress"] = "all"
        return found

    def _binary_authorization(self) -> Found:
        given = self.service.get("binaryAuthorization") or {}
        if not (given.get("useDefault") or given.get("policy")):
            return {}
        names = {"policy": "policy", "breakglassJustification": "breakglass_justification"}
        return {"enabled": True, **{ours: given[its] for its, ours in names.items() if given.get(its)}}

    def _billing(self) -> str:
        idle = {bool((one.get("resources") or {}).get("cpuIdle")) for one in self.given}
        if len(idle) > 1:
            self.left.append("that its containers are billed in different ways")
        return "request" if True in idle else "instance"

    def scale(self) -> Found:
        revision = self.template.get("scaling") or {}
        whole = self.service.get("scaling") or {}
        most = revision.get("maxInstanceCount")
        if not most:
            self.left.append(f"that it names no maximum of instances: written as {_MOST_INSTANCES}")
        names = {"minInstanceCount": "min_instances", "maxInstanceCount": "max_instances"}
        if whole.get("scalingMode") == "MANUAL":
            names = {"manualInstanceCount": "instances"}
        service = {ours: int(whole[its]) for its, ours in names.items() if whole.get(its)}
        return {
            "scaling": {
                "min_instances": int(revision.get("minInstanceCount") or 0),
                "max_instances": int(most or _MOST_INSTANCES),
                "concurrency": int(self.template.get("maxInstanceRequestConcurrency") or _CONCURRENCY),
                **({"service": service} if service else {}),
            }
        }

    def access(self, invokers: Sequence[str] | None) -> Found:
        if invokers is None:
            self.left.append("who may call it: that could not be read")
            return {}
        found: Found = {"invokers": sorted(set(invokers))} if invokers else {}
        return found | ({"allow_public": True} if _EVERYBODY & set(invokers) else {})

    def unsaid(self) -> None:
        for table, given in ((_NO_SPEC_SAYS, self.service), (_NO_TEMPLATE_SAYS, self.template)):
            self.left += [what for name, what in table.items() if given.get(name)]


def _is_collector(container: Mapping[str, Any]) -> bool:
    return any(mount.get("name") == _COLLECTOR_VOLUME for mount in container.get("volumeMounts") or ())


_PLAIN_NAME = re.compile(r"[\w.,:;/ ()\[\]@'-]*")


def _header(left: Sequence[str]) -> str:
    lines = ["Written from the service as it is. Look through it before the first deployment."]
    if left:
        lines += ["A deployment would change or refuse to lose what is not in here:"]
        lines += [f"- {one if _PLAIN_NAME.fullmatch(one) else ascii(one)}" for one in left]
    return "".join(f"# {line}\n" for line in lines)


def _without_secrets(value: Any, place: str, left: list[str]) -> Any:
    """The same values without texts of the shape of a secret, whose places are told."""
    if isinstance(value, Mapping):
        inner = {k: _without_secrets(v, f"{place}.{k}".lstrip("."), left) for k, v in value.items()}
        return {k: v for k, v in inner.items() if v is not None}
    if isinstance(value, list):
        kept = [_without_secrets(one, f"{place}[{at}]", left) for at, one in enumerate(value)]
        return [one for one in kept if one is not None]
    if isinstance(value, str) and secret_value(value):
        left.append(f"{place}, which looks like {secret_value(value)}")
        return None
    return value


def _yaml(values: Mapping[str, Any]) -> str:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # untyped there
    writer.width = 4096
    stream = io.StringIO()
    writer.dump(dict(values), stream)
    return stream.getvalue()
