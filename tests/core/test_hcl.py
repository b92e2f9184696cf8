"""Values written as HCL, read back by two other readers: python-hcl2 and Terraform itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.core.hcl import Hcl, Unrepresentable, literal

NASTY = (
    "${", "$${", "$$${", "%{", "%%{", "$", "%", "{", "}", "~}", '"', "\\", "\\\\", "\n", "\r", "\t",
    "\x08", "\x0c", "<<EOT\n", "EOT", "#", "//", "/*", "*/", "{{", "}}", "{%", "\u2028", "\u2029",
    "\ufeff", "\x7f", "\x85", "\u202e", "\u200d", "\uffff", "\U0010ffff", "\x01", "\u0301", "é",
    "한", "😀", 'file("/etc/passwd")', "a", " ",
)  # fmt: skip
anything = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
nasty = st.lists(st.sampled_from(NASTY), max_size=8).map("".join)
texts = st.one_of(anything, nasty).map(lambda text: unicodedata.normalize("NFC", text))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**400), 2**400),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
keys = st.one_of(
    texts, st.sampled_from(["for", "null", "true", "in", "if", "a-b", "a", "long_name", "0", ""])
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=8,
)
needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH")


def terraform(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def outputs(texts_of_values: list[str]) -> str:
    return "\n".join(f'output "v{i}" {{\n  value = {text}\n}}\n' for i, text in enumerate(texts_of_values))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-7, "-7"),
        (2.0, "2"),
        (0.25, "0.25"),
        (1e-7, "1e-07"),
        (2**70, "1180591620717411303424"),
        ("plain", '"plain"'),
        ('say "hi"\\', '"say \\"hi\\"\\\\"'),
        ("${x} %{if} $ %", '"\\u0024{x} \\u0025{if} $ %"'),
        ("a\nb\tc\x08", '"a\\nb\\tc\\u0008"'),
        ("é\u2028\U0001f600\U000e0041", '"é\\u2028😀\\U000e0041"'),
        ([], "[]"),
        ({}, "{}"),
        (["a", 1, None], '["a", 1, null]'),
        ((1, (2, 3)), "[\n  1,\n  [2, 3],\n]"),
        (
            {"a": 1, "long": 2, "b": {"x": 1}, "c": {}},
            "{\n  a    = 1\n  long = 2\n  b = {\n    x = 1\n  }\n  c = {}\n}",
        ),
        ({"for": 1, "a-b": 2, "é": 3}, '{\n  "for"    = 1\n  "a-b"    = 2\n  "\\u00e9" = 3\n}'),
    ],
)  # fmt: skip
def test_a_value_is_written_as(value: Any, text: str) -> None:
    assert literal(value) == text


def test_indentation_applies_to_every_line_but_the_first() -> None:
    assert literal({"a": ["x" * 60, "y" * 60]}, 2).splitlines()[1:] == [
        "    a = [",
        f'      "{"x" * 60}",',
        f'      "{"y" * 60}",',
        "    ]",
        "  }",
    ]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\0b", "NUL"),
        ("\ud800", "surrogate"),
        ("e\u0301", "normal form C"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (2**513, "too large"),
        ({1: 2}, "key of type int"),
        ({"a\0": 2}, "NUL"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (object(), "object"),
    ],
)
def test_what_terraform_would_not_read_back_is_refused(value: Any, why: str) -> None:
    with pytest.raises(Unrepresentable, match=re.escape(why)):
        literal([{"deep": value}])


def test_a_refusal_says_where_in_the_value() -> None:
    with pytest.raises(Unrepresentable, match=r"NUL.* \(at app\.args\.1\)") as error:
        literal({"app": {"args": ["a", "\0"]}})
    assert error.value.path == ("app", "args", 1)


def test_nesting_without_end_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(Unrepresentable, match="nested"):
        literal(value)


def test_a_literal_stays_marked_until_somebody_changes_it() -> None:
    assert type(literal("a")) is Hcl
    assert type(literal("a").upper()) is str
    assert type(literal("a") + "b") is str


@settings(deadline=None, max_examples=60)
@given(texts)
def test_python_hcl2_reads_the_same_text(text: str) -> None:
    read = hcl2.loads(f"value = {literal(text)}\nafter = 1\n")
    assert set(read) - {"__comments__"} == {"value", "after"}
    assert undone(read["value"]) == text


def undone(quoted: str) -> str:
    """python-hcl2 keeps quotes and escapes as they were written."""
    plain = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}

    def one(found: re.Match[str]) -> str:
        return plain.get(found[1]) or chr(int(found[1][1:], 16))

    return re.sub(r'\\([nrt"\\]|u[0-9a-f]{4}|U[0-9a-f]{8})', one, quoted[1:-1])


@needs_terraform
@pytest.mark.terraform
@settings(deadline=None, max_examples=4, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_terraform_reads_the_same_values_in_the_layout_it_would_choose(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    many = [[value] for value in data.draw(st.lists(values, min_size=60, max_size=120))]
    folder = tmp_path_factory.mktemp("values")
    (folder / "main.tf").write_text(outputs([literal(value, 2) for value in many]), encoding="utf-8")
    terraform(folder, "fmt", "-check", "-diff")
    terraform(folder, "apply", "-auto-approve")
    read = json.loads(terraform(folder, "output", "-json"))
    assert [as_terraform(read[f"v{i}"]["value"]) for i in range(len(many))] == [as_terraform(v) for v in many]


def as_terraform(value: Any) -> Any:
    """Numbers compare as numbers, whatever their notation; a tuple is a list."""
    if isinstance(value, dict):
        return {key: as_terraform(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_terraform(inner) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value


@needs_terraform
@pytest.mark.terraform
def test_terraform_reads_every_nasty_pair_the_same(tmp_path: Path) -> None:
    pairs = [a + b for a in NASTY for b in NASTY]
    many = [text for text in pairs if unicodedata.is_normalized("NFC", text)]
    (tmp_path / "main.tf").write_text(outputs([literal(many, 2)]), encoding="utf-8")
    terraform(tmp_path, "apply", "-auto-approve")
    assert json.loads(terraform(tmp_path, "output", "-json"))["v0"]["value"] == many
