"""What a spec says of containers, volumes, network and the guard: taken, or refused with the place."""

from __future__ import annotations

import pytest

from tidegate.core.errors import InvalidInput
from tidegate.core.render import render
from tidegate.core.spec import load

HEAD = "service: orders\nproject: shop-prod\nregion: europe-west1\n"
BARE = HEAD + "containers: [{image: example/orders:1}]\n"


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load(text.encode(), "tidegate.yaml")
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("volumes: {data: {}}", "volumes.data needs exactly one of secret, bucket and memory"),
        ("volumes: {cloudsql: {memory: {}}}", "volumes has the name cloudsql, which is taken"),
        ("volumes: {Data: {memory: {}}}", "is not a volume name"),
        ("volumes: {d: {secret: {secret: k, files: {../x: '1'}}}}", "is not a relative path"),
        ("volumes: {d: {secret: {secret: k, mode: '444'}}}", "write it in octal"),
        ("volumes: {d: {bucket: {name: b-1}}}\nexecution_environment: gen1", "needs execution_environment"),
        ("cloud_sql: [db]", "write PROJECT:REGION:INSTANCE"),
        ("vpc: {egress: all}", "has egress all, and no network"),
        ("vpc: {tags: [web]}", "has tags, which need a network"),
        ("vpc: {connector: vpc}", "is not a connector"),
        ("binary_authorization: {policy: projects/p/platforms/cloudRun/policies/x}", "is not enabled"),
        ("encryption_key: mine", "is not a key"),
        ("roles: [roles/owner]", "far more than a service needs"),
        (
            "roles: [roles/cloudtrace.agent]\nservice_account: a@b.com",
            "roles are for the account that is made",
        ),
        ("scaling: {service: {min_instances: 3, max_instances: 2}}", "has min_instances above max_instances"),
        ("scaling: {service: {instances: 2, min_instances: 1}}", "has fixed instances beside"),
        ("vpc: {conector: x}", "did you mean connector?"),
        ("guard: {enabled: true}", "guard is enabled and has no image"),
        ("guard: {schedule: hourly}", "is not a schedule"),
    ],
)
def test_what_would_fail_later_is_told_at_once(line: str, told: str) -> None:
    [fault] = faults(BARE + line + "\n")
    assert told in fault
    assert fault.startswith("tidegate.yaml:")


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ("mounts: {data: /data}", "volumes has no data, which the container app mounts"),
        ("mounts: {data: /proc/1}", "is below /proc"),
        ("mounts: {data: data}", "is not an absolute path"),
        ("mounts: {a: /x, b: /x}", "mounts two volumes at /x"),
        ("probes: {startup: {tcp: {}, grpc: {}}}", "exactly one of http, tcp and grpc"),
        ("probes: {startup: {tcp: {}, period: 10s, failure_threshold: 25}}", "more than 240 s"),
    ],
)
def test_what_a_container_cannot_have(container: str, told: str) -> None:
    [fault] = faults(HEAD + f"containers: [{{image: example/orders:1, {container}}}]\n")
    assert told in fault


def test_containers_that_wait_for_each_other() -> None:
    text = HEAD + (
        "containers:\n"
        "  - {name: app, image: a, port: 8080}\n"
        "  - {name: b, image: b, depends_on: [c], probes: {startup: {tcp: {port: 1}}}}\n"
        "  - {name: c, image: c, depends_on: [b], probes: {startup: {tcp: {port: 2}}}}\n"
    )
    [fault] = faults(text)
    assert "goes round in a circle: b, c" in fault


def test_what_is_not_said_is_not_rendered() -> None:
    files = render(load(BARE.encode(), "tidegate.yaml"), *texts())
    main = files["service/main.tf"]
    assert not any(word in main for word in ("volumes", "vpc", "cloud_sql", "roles", "service = {"))
    assert "service/guard.tf" not in files
    assert not any(path.startswith("service/modules/guard/") for path in files)


def texts() -> tuple[dict[str, str], dict[str, str]]:
    from tidegate.adapters import rootdir

    return rootdir.template_texts(), rootdir.module_texts()
