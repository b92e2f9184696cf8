"""`tidegate provision`: what it refuses, what it writes, what it applies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tidegate import cli, wiring
from tidegate.core.adopt import Look

SERVICE = {
    "name": "projects/shop-prod/locations/europe-west1/services/orders",
    "template": {
        "serviceAccount": "a@shop-prod.iam.gserviceaccount.com",
        "scaling": {"maxInstanceCount": 3},
        "containers": [
            {
                "name": "web",
                "image": "example/web:1",
                "ports": [{"containerPort": 8080}],
                "env": [{"name": "MODE", "value": "hunter2"}],
            }
        ],
    },
}
WHERE = ("--existing", "orders", "--project", "shop-prod", "--region", "europe-west1")
Run = Callable[..., tuple[int, str, str]]


class Estate:
    def read(self, look: Look) -> Mapping[str, Any] | None:
        return SERVICE if look.path == SERVICE["name"] else None


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wiring, "estate", lambda settings: Estate())

    def start(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["provision", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(code), out, err

    return start


def test_a_printed_spec_is_on_standard_output_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(*WHERE, "--print")
    assert code == 0
    assert "\nservice: orders\n" in out
    assert "MODE" in out
    assert "hunter2" not in out
    assert list(tmp_path.iterdir()) == []


def test_a_spec_that_is_there_is_not_written_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text("mine")
    code, _, err = run(*WHERE, "--auto-approve")
    assert code == 2
    assert "tidegate.yaml exists already and was not written over" in err
    assert "--force" in err
    assert (tmp_path / "tidegate.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--existing", "orders", "--auto-approve"), "needs --project and --region"),
        (("--print",), "go with --existing"),
        ((), "nobody is here to approve the plan"),
        (("--existing", "other", *WHERE[2:], "--print"), "there is no service other in europe-west1"),
        (("--auto-approve",), "there is no file tidegate.yaml"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    code, _, err = run(*arguments)
    assert code != 0
    assert sentence in err


def test_alerts_that_are_off_leave_nothing_to_do(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(
        "{service: orders, project: shop-prod, region: europe-west1, containers: [{}],"
        " alerts: {enabled: false}}"
    )
    code, _, err = run("--auto-approve")
    assert code == 2
    assert "nothing to provision" in err
