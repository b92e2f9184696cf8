"""The image catalogue: what it accepts, what it finds, and how it says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tidegate.core.errors import UsageError
from tidegate.local.images import Catalogues, load, with_backing

DIGEST = "sha256:" + "a" * 64


def write(directory: Path, text: str | bytes) -> Path:
    path = directory / "images.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_reference_finds_its_command_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    path = write(
        tmp_path,
        'images: {"demo/a:v1": {command: [python, app.py], directory: src, env: {LEAK: none, N: 3}}}',
    )
    image = load(path).find("demo/a:v1")
    assert image is not None
    assert image.directory == tmp_path / "src"
    assert image.env == {"LEAK": "none", "N": "3"}
    assert image.command_line((), ()) == ("python", "app.py")


@pytest.mark.parametrize(
    "reference",
    [f"host:5000/demo/a@{DIGEST}", f"host:5000/demo/a:v1@{DIGEST}", "host:5000/demo/a:v1"],
)
def test_a_digest_names_the_image_too(tmp_path: Path, reference: str) -> None:
    path = write(tmp_path, f'images: {{"host:5000/demo/a:v1": {{command: [x], digest: "{DIGEST}"}}}}')
    assert load(path).find(reference) is not None


@pytest.mark.parametrize(
    "reference", ["demo/a:v2", f"demo/b@{DIGEST}", "demo/a@sha256:" + "b" * 64, "", "demo/a"]
)
def test_an_unknown_reference_finds_nothing(tmp_path: Path, reference: str) -> None:
    path = write(tmp_path, f'images: {{"demo/a:v1": {{command: [x], digest: "{DIGEST}"}}}}')
    assert load(path).find(reference) is None


def test_command_and_args_replace_as_in_a_container(tmp_path: Path) -> None:
    path = write(tmp_path, 'images: {"demo/a:v1": {command: [serve], args: [--quiet]}}')
    image = load(path).find("demo/a:v1")
    assert image is not None
    assert image.command_line((), ()) == ("serve", "--quiet")
    assert image.command_line((), ("--loud",)) == ("serve", "--loud")
    assert image.command_line(("other",), ()) == ("other",)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("images: [1, 2]", ":1:1", "mapping"),
        ("images:\n  demo/a:v1: {comand: [x]}\n", ":2:15", "no key 'comand'"),
        ("imges: {}\n", ":1:1", "no key 'imges'"),
        ("images:\n  demo/a:v1: {}\n", ":2:14", "needs a command"),
        ("images:\n  demo/a:v1: {command: run it}\n", ":2:15", "list of words"),
        ("images:\n  demo/a:v1: {command: [x], directory: nowhere}\n", "", "does not exist"),
        ("images:\n  demo/a:v1: {command: [x], env: {A: [1]}}\n", "", "text or a number"),
        ("images:\n  demo/a:v1: {command: [x], digest: 12}\n", "", "digest"),
        ("images:\n  '..': {command: [x]}\n", "", "not an image reference"),
        ("images: {a: {command: [x]}, a: {command: [y]}}", ":1:", "duplicate"),
        ("images: {demo: {command: [x], env: {U: '${backing.up.url}'}}}", "", "backing service up"),
        ("- a\n- b\n", ":1:1", "mapping"),
        ("images: {demo", ":1:", "not valid YAML"),
        ("just words", "", "mapping"),
        (b"\xff\xfe\x00bad", "", "UTF-8"),
        ("a: &x [*x]\n" + "b: {" * 2000, "", "not valid YAML"),
        ("#" + "x" * (1 << 20), "", "larger than 1 MiB"),
    ],
)
def test_each_fault_is_one_sentence_with_its_place(
    tmp_path: Path, text: str | bytes, place: str, said: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(path)
    message = caught.value.message
    assert message.startswith(f"{path}{place}")
    assert said in message
    assert "\n" not in message


def test_a_file_that_is_not_there_or_a_directory(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such image catalogue"):
        load(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path)


def test_a_byte_order_mark_and_an_empty_file_are_fine(tmp_path: Path) -> None:
    assert load(write(tmp_path, b"\xef\xbb\xbfimages: {}\n")).images == {}
    assert load(write(tmp_path, "")).images == {}


def test_an_edited_file_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    said: list[str] = []
    path = write(tmp_path, 'images: {"demo/a:v1": {command: [x]}}')
    catalogues = Catalogues(path, said.append)
    write(tmp_path, 'images: {"demo/a:v22": {command: [x]}}')
    assert catalogues.current().find("demo/a:v22") is not None
    write(tmp_path, "images: [broken")
    os.utime(path, (1, 1))
    assert catalogues.current().find("demo/a:v22") is not None
    assert catalogues.current().find("demo/a:v22") is not None
    assert len(said) == 1


def test_backing_services_are_filled_into_the_environment() -> None:
    env = {"A": "${backing.up.url}/x", "B": "${backing.up.port}", "C": "plain $HOME"}
    filled = with_backing(env, {"up": 1234})
    assert filled == {"A": "http://127.0.0.1:1234/x", "B": "1234", "C": "plain $HOME"}
