"""HCL text → blocks, values and places; every way a file can be wrong."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.rootdir import module_texts, template_texts
from tidegate.core.document import MAX_BYTES, Document, Expression, Object, parse, parse_all, plain, quick
from tidegate.core.document.read import by_grammar
from tidegate.core.errors import InvalidInput
from tidegate.core.hcl import literal
from tidegate.core.render import ROOTS, render
from tidegate.core.spec import load

ROOT = Path(__file__).parents[2]

FILE = """\
# who runs what
resource "google_cloud_run_v2_service" "this" {
  name     = "orders"
  location = var.region // computed

  template {
    containers {
      image = "shop/orders:v1"
      env {
        name  = "A"
        value = "1"
      }
      env {
        name  = "B"
        value = "2"
      }
    }
    dynamic "volumes" {
      for_each = var.volumes
      content {
        name = "data"
      }
    }
  }
}

module "service" {
  source = "./modules/service"
  containers = {
    app = {
      "port" = 8080
      env = { LEVEL = "debug", (var.key) = "x" }
    }
  }
}
"""


def one(text: str | bytes) -> Document:
    return parse(text, "main.tf")


def value(expression: str) -> object:
    return plain(one(f"a = {expression}\n").attributes["a"])


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        one(text)
    return [str(fault) for fault in caught.value.faults]


# ------------------------------------------------------------------------------------- blocks and places


def test_blocks_have_type_labels_and_the_line_they_begin_in() -> None:
    service, module = one(FILE).blocks
    assert (service.type, service.labels, service.place.line) == (
        "resource",
        ("google_cloud_run_v2_service", "this"),
        2,
    )
    assert (service.address, module.address) == ("google_cloud_run_v2_service.this", "module.service")
    assert [b.place.line for b in service.all("template", "containers", "env")] == [9, 13]


def test_every_attribute_and_every_entry_of_an_object_has_its_own_line() -> None:
    service, module = one(FILE).blocks
    assert {n: a.place.line for n, a in service.attributes.items()} == {"name": 3, "location": 4}
    containers = module.attributes["containers"].value
    assert isinstance(containers, Object)
    app = containers["app"].value
    assert isinstance(app, Object)
    assert (containers["app"].place.line, app["port"].place[1:3], app["env"].place.line) == (30, (31, 7), 32)
    env = app["env"].value
    assert isinstance(env, Object)
    assert env["LEVEL"].place[1:3] == (32, 15)


def test_an_object_with_a_computed_key_is_not_complete() -> None:
    env = one('a = { LEVEL = "debug", (var.key) = "x" }').attributes["a"].value
    assert isinstance(env, Object)
    assert (plain(env), env.complete) == ({"LEVEL": "debug"}, False)


def test_what_a_dynamic_block_writes_out_is_seen_and_said_to_be_computed() -> None:
    template = one(FILE).blocks[0].all("template")[0]
    assert [plain(b.attributes["name"]) for b in template.all("volumes")] == ["data"]
    assert (template.computed("volumes"), template.computed("containers")) == (True, False)


def test_comments_are_kept_with_their_line_and_whether_they_stand_alone() -> None:
    comments = one('# one\na = "# no" # two\n/* three\n */\nb = 1 // four\n').comments
    assert [(c.text, c.line, c.alone) for c in comments] == [
        ("one", 1, True),
        ("two", 2, False),
        ("three", 3, True),
        ("four", 5, False),
    ]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "   \r\n\t"])
def test_a_file_with_nothing_in_it_is_a_document(text: str) -> None:
    assert (one(text).blocks, one(text).attributes) == ((), {})


def test_windows_line_ends_change_nothing() -> None:
    unix, dos = one(FILE), one(FILE.replace("\n", "\r\n"))
    assert unix.blocks == dos.blocks


# ------------------------------------------------------------------------------------------------ values

LITERALS = {
    '"plain"': "plain",
    '""': "",
    '"   "': "   ",
    '" a # b // c /* d "': " a # b // c /* d ",
    r'"a\n\t\r\"\\b"': 'a\n\t\r"\\b',
    r'"é\U0001F600"': "é😀",
    '"$${x} %%{y} $ % $$ {"': "${x} %{y} $ % $$ {",
    '"$$${"': "$${",
    '"%%%{ }"': "%%{ }",
    '"$${"': "${",
    '"a$"': "a$",
    "0": 0,
    "-1": -1,
    "-15": -15,
    "2.5": 2.5,
    "1e3": 1000.0,
    "true": True,
    "false": False,
    "null": None,
    '("a")': "a",
    "[]": [],
    "[\n  1,\n  # two\n  2,\n]": [1, 2],
    '[1, "a", [true], { b = null }]': [1, "a", [True], {"b": None}],
    "{}": {},
    '{ a = 1, "b c" = 2, d : 3 }': {"a": 1, "b c": 2, "d": 3},
    "{ true = 1, 5 = 2 }": {"true": 1, "5": 2},
    "<<EOT\n  a\n\n    b $${c}\\n\nEOT\n": "  a\n\n    b ${c}\\n\n",
    "<<-EOT\n    a\n\n      b\n    EOT\n": "a\n\n  b\n",
    "<<EOT\nEOT\n": "",
}


@pytest.mark.parametrize(("text", "expected"), LITERALS.items())
def test_a_literal_is_its_value(text: str, expected: object) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.terraform
@pytest.mark.skipif(shutil.which("terraform") is None, reason="needs a terraform binary")
def test_terraform_reads_the_same_literals_the_same_way(tmp_path: Path) -> None:
    lines = "".join(f"  v{n} = {text}\n" for n, text in enumerate(LITERALS))
    (tmp_path / "main.tf").write_text(f"locals {{\n{lines}}}\n")
    asked = f"jsonencode([{', '.join(f'local.v{n}' for n in range(len(LITERALS)))}])\n"
    done = subprocess.run(
        ["terraform", "console"],
        cwd=tmp_path,
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"},
    )
    assert json.loads(ast.literal_eval(done.stdout.strip())) == list(LITERALS.values())


EXPRESSIONS = [
    "var.x",
    'foo("a")',
    '"a${var.b}"',
    '"${"a"}"',
    '"%{ if true }a%{ endif }"',
    "<<EOT\na ${var.b}\nEOT\n",
    "1 + 1",
    "!true",
    "-var.x",
    'true ? "a" : "b"',
    "[for x in [1] : x]",
    "{ for x in [1] : x => x }",
    "var.x[0]",
    "var.x.*.y",
    "module.a.b",
    "allUsers",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_what_terraform_computes_is_never_a_literal(text: str) -> None:
    assert value(text) == Expression(text.strip())


def test_only_the_computed_element_of_a_list_is_an_expression() -> None:
    assert value('["a", var.b]') == ["a", Expression("var.b")]


def test_a_number_nothing_can_hold_is_left_to_terraform() -> None:
    assert isinstance(value("9" * 5000), Expression)
    assert isinstance(value("1e999"), Expression)


def test_a_chain_of_thousands_of_operators_is_read() -> None:
    assert isinstance(value(" + ".join(["1"] * 3000)), Expression)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_a_quoted_text_comes_back_whatever_it_holds(text: str) -> None:
    text = unicodedata.normalize("NFC", text)  # what Terraform would make of it
    document = one(f'a = {literal(text)}\nb = "}}"\n')
    assert plain(document.attributes["a"]) == text
    assert set(document.attributes) == {"a", "b"}


# ------------------------------------------------------------------------------------------------ faults

SYNTAX = {
    "a = 1\nb = \n": "2:5: found the end of the line, expected a value",
    "a = {\n  b = 1\n": "1:5: { is opened here and never closed; } is missing",
    'resource "a" "b" {\n  c = [1, 2\n}\n': '3:1: found "}", expected "," or "]"',
    "a = [1,\n2": "1:5: [ is opened here and never closed; ] is missing",
    "a = foo(1": "1:8: ( is opened here and never closed; ) is missing",
    'a = "abc\nb = 1\n': '1:5: a text begins here and its closing " is missing',
    'a = "abc\nb = "x"\n': '1:5: a text begins here and its closing " is missing',
    'a = "abc\nb = ""\n': '1:5: a text begins here and its closing " is missing',
    "a = <<EOT\nfoo\n": "1:5: a heredoc begins here and the line EOT that ends it is missing",
    "/* a": "1:1: a comment begins here and its closing */ is missing",
    "a = 'x'\n": '1:5: found a text in single quotes; HCL knows only "double" ones',
    "a: 1\n": '1:2: found ":", expected "=" or "{"',
    "a == 1\n": '1:3: found "==", expected "=" or "{"',
    "}\n": '1:1: found "}" that closes nothing',
    "a = [1 2]\n": '1:8: found "2", expected "," or "]"',
    "a = 1;\n": '1:6: found ";"; arguments are parted by the end of the line',
    "a = ${b}\n": (
        '1:5: found "${" outside a text; write the reference without it, or put quotes around the whole'
    ),
    'resource "a" "b"\n  c = 1\n': '2:3: found "c", expected "{"',
    "a = 1 b = 2\n": "1:7: stands on the line of what comes before; it needs its own",
    'a = "\\/"\n': (
        "1:5: a text holds \\/, which HCL does not know; "
        'it has \\n, \\r, \\t, \\", \\\\, \\uNNNN and \\UNNNNNNNN'
    ),
    'a = "\\uD800"\n': "1:5: a text holds \\uD800, which is no character",
    'x "${a}" {}\n': "1:3: the label of a block must be a plain text",
    "@\n": '1:1: found "@", expected the name of an argument or a block',
}


@pytest.mark.parametrize(("text", "expected"), SYNTAX.items())
def test_a_syntax_error_has_its_place_and_a_sentence(text: str, expected: str) -> None:
    assert faults(text) == [f"main.tf:{expected}"]


@pytest.mark.parametrize("text", SYNTAX)
@pytest.mark.terraform
@pytest.mark.skipif(shutil.which("terraform") is None, reason="needs a terraform binary")
def test_terraform_refuses_it_too(text: str, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(text)
    done = subprocess.run(["terraform", "fmt", "-check", str(tmp_path)], capture_output=True)
    refused = done.returncode not in (0, 3)
    # What fmt lets pass, being only a lexical matter to it, the full parser refuses.
    assert (
        refused
        or subprocess.run(
            ["terraform", "validate"], cwd=tmp_path, capture_output=True, env={"PATH": os.environ["PATH"]}
        ).returncode
    )


def test_an_argument_set_twice_is_found_with_both_lines() -> None:
    text = 'resource "a" "b" {\n  c = 1\n  d = 2\n  c = 3\n  e {\n    f = 1\n    f = 2\n  }\n}\n'
    assert faults(text) == [
        "main.tf:4:3: the argument c is set twice; the first time in line 2",
        "main.tf:7:5: the argument f is set twice; the first time in line 6",
    ]


def test_a_key_set_twice_in_an_object_is_found() -> None:
    assert faults('a = {\n  X = "1"\n  "X" = "2"\n}\n') == [
        "main.tf:3:3: the key X is set twice; the first time in line 2"
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbfa = 1", "main.tf:1:1: starts with a byte-order mark; save it as UTF-8 without one"),
        (
            "a = 1".encode("utf-16"),
            "main.tf:1:1: starts with a byte-order mark; save it as UTF-8 without one",
        ),
        (b"a = 1\nb = \0", "main.tf:2:5: has a NUL byte; this is no text"),
        (b'a = 1\nb = "\xff"', "main.tf:2:6: is not UTF-8: byte 0xff"),
        (b"#" * (MAX_BYTES + 1), f"main.tf: is {MAX_BYTES + 1:,} bytes long; at most {MAX_BYTES:,} are read"),
        (
            b"a = <<E\n" + b" \n" * 100_000,
            "main.tf:1002:1: is the last of more than 1,000 blank lines; that many are not read",
        ),
    ],
)
def test_what_is_no_text_is_refused_at_the_door(data: bytes, expected: str) -> None:
    assert faults(data) == [expected]


@pytest.mark.parametrize("text", ["a = " + "[" * 500 + "]" * 500, "a {\n" * 500 + "}\n" * 500])
def test_deep_nesting_is_a_fault_and_no_crash(text: str) -> None:
    assert "nested more than 60 levels deep" in faults(text)[0]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from([*'{}[]()"=,.$%\\#\n /*<-~?:!+', "a", "1", "${", "<<E\n", "E\n", "for", "if", "é"])
    )
)
def test_whatever_the_text_it_is_read_or_refused_in_one_line_with_its_place(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        one(text)
    except InvalidInput as error:
        for fault in error.faults:
            assert "\n" not in str(fault)
            assert 1 <= fault.line <= text.count("\n") + 1
            assert fault.column >= 1


# ------------------------------------------------------------------------------------------ many files


def test_all_files_are_read_and_all_their_faults_are_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_all({"b.tf": b"b =\n", "a.tf": b"a = [\n", "c.tf": b"c = 1\n"})
    assert [f.path for f in caught.value.faults] == ["a.tf", "b.tf"]


DECLARED_TWICE = {
    "resource a.b": 'resource "a" "b" {}\n',
    "data a.b": 'data "a" "b" {}\n',
    "module a": 'module "a" {}\n',
    "variable a": 'variable "a" {}\n',
    "output a": 'output "a" {}\n',
    "local.a": "locals {\n  a = 1\n}\n",
    "provider google": 'provider "google" {}\n',
    "provider google with the alias b": 'provider "google" {\n  alias = "b"\n}\n',
    "the backend": 'terraform {\n  backend "local" {}\n}\n',
    "required_providers": "terraform {\n  required_providers {}\n}\n",
}


@pytest.mark.parametrize(("what", "text"), DECLARED_TWICE.items())
def test_a_declaration_repeated_in_a_directory_is_found_with_both_places(what: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_all({"m/a.tf": text, "m/b.tf": "\n" + text, "n/a.tf": text})
    (fault,) = caught.value.faults
    assert (fault.path, fault.message.split(" is declared ")[0]) == ("m/b.tf", what)
    assert fault.message.startswith(f"{what} is declared twice; the first time in m/a.tf:")


def test_different_aliases_and_override_files_are_no_repetition() -> None:
    provider = 'provider "google" {}\nprovider "google" {\n  alias = "b"\n}\n'
    override = 'provider "google" {}\n'
    assert len(parse_all({"a.tf": provider, "override.tf": override, "local_override.tf": override})) == 3


# -------------------------------------------------------------------------------------- without the grammar

PLAIN = [
    FILE,
    "a = 1\nb = {\n  c = [[1], []]\n}\n# $${x} in a comment\n",
    'locals {\n  a = module.m.uri # of one\n  b = [\n    -2.5,\n    "x",\n  ]\n  c = {}\n}\nempty "b" {}\n',
]
NOISE = [
    *'{}[]"=,.:$%\\#\n /*<-1a()?+\r',
    "${",
    "$${",
    "%%{",
    "for",
    "null",
    "=>",
    "/* c */",
    "\r\n",
    "a = 1\n",
    "é",
]
EDIT = st.tuples(st.integers(0, 400), st.integers(0, 3), st.sampled_from(NOISE))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLAIN), st.lists(EDIT, max_size=3))
def test_what_is_read_without_the_grammar_is_what_the_grammar_reads(
    text: str, edits: list[tuple[int, int, str]]
) -> None:
    for at, length, noise in edits:
        at %= len(text) + 1
        text = text[:at] + noise + text[at + length :]
    found = quick.read(text, "main.tf")
    assert found is None or found == by_grammar(text, "main.tf")


def test_a_rendered_root_needs_no_grammar() -> None:
    spec = load((ROOT / "examples" / "python-service" / "tidegate.yaml").read_bytes(), "tidegate.yaml")
    files = render(spec.with_image("demo/orders:v1"), template_texts(), module_texts())
    for root in ROOTS:
        assert quick.read(files[f"{root}/main.tf"], "main.tf") is not None


# -------------------------------------------------------------------------------------- the parser itself


def test_the_grammar_is_loaded_only_when_a_document_needs_it() -> None:
    script = (
        "import sys, tidegate.core.document, tidegate.core.policies\n"
        "assert not {'hcl2', 'lark'} & set(sys.modules)\n"
        "tidegate.core.document.parse('a = 1', 'x')\n"
        "assert 'hcl2' not in sys.modules\n"
        "tidegate.core.document.parse('a = 1 + 1', 'x')\n"
        "assert 'hcl2' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_it_works_and_is_silent_where_the_grammar_cache_cannot_be_written(tmp_path: Path) -> None:
    import hcl2

    # A directory in the place of the cache file cannot be opened, whoever asks, root too.
    copy = tmp_path / "hcl2"
    shutil.copytree(Path(hcl2.__file__).parent, copy, ignore=shutil.ignore_patterns(".lark_cache.bin"))
    (copy / ".lark_cache.bin").mkdir()
    script = (
        "import hcl2, tidegate.core.document as d\n"
        f"assert hcl2.__file__.startswith({str(tmp_path)!r})\n"
        "print(d.plain(d.parse('a = 1\\nb = 1 + 1', 'x').attributes['a']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]},
    )
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)


def test_nobody_else_imports_it() -> None:
    package = ROOT / "toolkit" / "tidegate"
    importers = {
        str(file.relative_to(package).parent)
        for file in package.rglob("*.py")
        if any(
            line.strip().startswith(("import hcl2", "from hcl2")) for line in file.read_text().splitlines()
        )
    }
    assert importers == {"core/document"}


def test_the_modules_of_the_project_can_be_read() -> None:
    files = {str(p.relative_to(ROOT)): p.read_bytes() for p in (ROOT / "infra").rglob("*.tf")}
    assert {d.path for d in parse_all(files)} == set(files)
