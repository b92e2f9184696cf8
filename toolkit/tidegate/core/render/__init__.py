"""Spec + template texts + module texts → the files of the root modules, to the byte the same every time.

Templates are Jinja2 in a sandbox. A value reaches the output through the `hcl` filter or not at all: anything
else between `{{ }}` is refused, and so are quotes around it, which the filter writes itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.hcl import Hcl, Unrepresentable, literal
from tidegate.core.render.arguments import arguments
from tidegate.core.spec import Spec

ROOTS = ("service", "monitoring")
_SUFFIX = ".j2"
_SOURCE = re.compile(r'^  source = "\./modules/(\w+)"$', re.MULTILINE)
# What a template can get wrong while it runs, besides what Jinja reports itself.
_TEMPLATE_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def render(spec: Spec, templates: Mapping[str, str], modules: Mapping[str, str]) -> dict[str, str]:
    """Files by path relative to the output directory, sorted.

    `templates`: text by path, such as `service/main.tf.j2`; those in the folder of a root that end in `.j2`
    are rendered, all can be included; what renders to nothing is no file. `modules`: text by path, such as
    `service/main.tf`; each root takes copies of the module of its name and of those it calls, without their
    READMEs. Raises InvalidInput naming template and line.
    """
    context = arguments(spec)
    environment = _environment(templates)
    files: dict[str, str] = {}
    faults: list[Fault] = []
    for name in sorted(templates):
        root, _, rest = name.partition("/")
        if root not in ROOTS or not rest.endswith(_SUFFIX):
            continue
        try:
            text = _render(environment, name, context | {"root": root})
        except InvalidInput as error:
            faults.extend(error.faults)
        else:
            if text.strip():  # a part that this spec leaves out
                files[name.removesuffix(_SUFFIX)] = text
    for root in ROOTS:
        if not any(path.startswith(f"{root}/") for path in files) and not faults:
            faults.append(Fault(f"{root}/", 0, 0, "there are no templates for this root module"))
        for module in sorted({root, *_called(root, files)}):
            copied = _copies(root, module, modules)
            if not copied:
                faults.append(Fault(f"modules/{module}/", 0, 0, "the Terraform module is missing"))
            files.update(copied)
    if faults:
        raise InvalidInput(tuple(faults))
    return dict(sorted(files.items()))


def _called(root: str, files: Mapping[str, str]) -> set[str]:
    """The modules that a rendered root calls, besides its own."""
    texts = (text for path, text in files.items() if path.startswith(f"{root}/"))
    return {name for text in texts for name in _SOURCE.findall(text)}


def _copies(root: str, module: str, modules: Mapping[str, str]) -> dict[str, str]:
    return {
        f"{root}/modules/{path}": text
        for path, text in modules.items()
        if path.startswith(f"{module}/")
        and path != f"{module}/README.md"
        and not path.startswith(f"{module}/examples/")
    }


def _environment(templates: Mapping[str, str]) -> jinja2.Environment:
    def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
        if name not in templates:
            return None
        _check_quotes(environment, name, templates[name])
        # The name doubles as the file name, so that a failure's traceback leads back to the line.
        return templates[name], name, lambda: True

    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(load),
        undefined=jinja2.StrictUndefined,
        finalize=_only_hcl,
        # HTML escaping would corrupt HCL; the filter escapes for the language that is written here.
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        newline_sequence="\n",
    )
    environment.filters["hcl"] = _hcl
    return environment


def _hcl(value: Any, indent: int = 0) -> Hcl:
    return literal(_defined(value), indent)


def _only_hcl(value: Any) -> Hcl:
    if isinstance(value, Hcl):
        return value
    _defined(value)
    raise TypeError("a value is written without the hcl filter; write {{ value | hcl }}")


def _defined(value: Any) -> Any:
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises, and says which name is missing
    if isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _defined(inner)
    return value


def _render(environment: jinja2.Environment, name: str, context: Mapping[str, Any]) -> str:
    try:
        return environment.get_template(name).render(context)
    except _TEMPLATE_FAULTS as error:
        raise InvalidInput((_fault(name, error),)) from error


def _check_quotes(environment: jinja2.Environment, name: str, source: str) -> None:
    """Quotes around a filtered value would close its literal and set the text free."""
    line = ""
    for number, kind, text in environment.lex(source, name):
        if kind == "data":
            line = (line + text).rpartition("\n")[2]
        elif kind == "variable_begin" and line.replace('\\"', "").count('"') % 2:
            raise jinja2.TemplateSyntaxError(
                "a value stands between quotes; the hcl filter writes them itself", number, name
            )


def _fault(name: str, error: Exception) -> Fault:
    if isinstance(error, jinja2.TemplateSyntaxError):
        return Fault(error.name or name, error.lineno, 1, f"the template is not valid: {error.message}")
    if isinstance(error, jinja2.TemplateNotFound):
        message = f"there is no template {error.name}"
    elif isinstance(error, SecurityError):
        message = f"a template may not do this: {error}"
    elif isinstance(error, jinja2.UndefinedError):
        message = f"a variable is missing: {error}"
    elif isinstance(error, Unrepresentable):
        message = f"a value cannot be written to Terraform: {error}"
    else:
        message = f"the template failed: {error}"
    place, line = _place(error) or (name, 0)
    return Fault(place, line, 1, message)


def _place(error: Exception) -> tuple[str, int] | None:
    """Template and line of the innermost template frame of a traceback."""
    found = None
    frame = error.__traceback__
    while frame is not None:
        path = frame.tb_frame.f_code.co_filename
        if path.endswith(_SUFFIX):
            found = (path, frame.tb_lineno)
        frame = frame.tb_next
    return found
