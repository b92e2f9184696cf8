"""What is shipped is complete: the wheel alone, away from the checkout, renders a spec."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = "service: orders\nproject: demo-project\nregion: europe-west1\ncontainers: [{port: 8080}]\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("tidegate-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which sees our dependencies but not the editable installation of ours:
    that hangs on a .pth file, and those count only in an environment's own directory."""
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index"]
    done = subprocess.run([*pip, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (site,) = place.glob("lib/python3*/site-packages")
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(paths)) + "\n")
    return python


def run(python: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TIDEGATE_", "VIRTUAL"))
    }
    return subprocess.run(
        [str(python), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_what_the_checkout_does(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("infra", "templates"):
        ours = {
            f"tidegate/_data/{path.relative_to(ROOT)}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and not any(part.startswith(".") for part in path.parts)
        }
        assert ours
        assert ours <= names
    assert "tidegate/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "examples/", "toolkit/")) for name in names)


def test_it_is_the_wheel_that_runs_there(python: Path, tmp_path: Path) -> None:
    done = run(python, tmp_path, "-c", "import tidegate; print(tidegate.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(python.parents[1]), done.stderr


def test_render_and_validate_away_from_the_checkout(python: Path, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    script = python.parent / "tidegate"
    done = run(python, tmp_path, str(script), "render", "--image", "demo/orders:v1", "-o", "out")
    assert done.returncode == 0, done.stderr
    for root in ("service", "monitoring"):
        assert (tmp_path / "out" / root / "main.tf").read_text()
    assert str(ROOT) not in "".join(p.read_text() for p in (tmp_path / "out").rglob("*.tf*"))
    assert any((tmp_path / "out").rglob("modules/service/main.tf"))
    done = run(python, tmp_path, "-m", "tidegate", "validate", "--no-terraform")
    assert done.returncode in (0, 3)
    assert "Traceback" not in done.stderr
