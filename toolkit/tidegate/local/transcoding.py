"""google.api.http transcoding: REST requests to protobuf messages and back, from the bindings of the method
table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format

from tidegate.local.table import Call, Http, Method
from tidegate.local.world import ApiError

_VARIABLE = re.compile(r"\{([\w.]+)(?:=([^}]+))?\}")
_SYSTEM = frozenset(
    {"alt", "prettyPrint", "key", "fields", "quotaUser", "access_token", "callback", "uploadType"}
)


@dataclass(frozen=True)
class Route:
    verb: str
    pattern: re.Pattern[str]
    variables: tuple[str, ...]
    body: str
    method: Method


def routes(table: Sequence[Method]) -> tuple[Route, ...]:
    return tuple(_route(method, binding) for method in table for binding in method.http)


def _route(method: Method, binding: Http) -> Route:
    text, position, names = "", 0, []
    for match in _VARIABLE.finditer(binding.template):
        text += re.escape(binding.template[position : match.start()])
        inner = re.escape(match[2] or "*").replace(r"\*\*", ".+").replace(r"\*", "[^/:]+")
        text += f"({inner})"
        names.append(match[1])
        position = match.end()
    text += re.escape(binding.template[position:])
    return Route(binding.verb, re.compile(text), tuple(names), binding.body, method)


def find(table: Sequence[Route], verb: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request and its path parameters. `path` is still percent-encoded. Raises NOT_FOUND."""
    decoded = unquote(path)
    for route in table:
        match = route.pattern.fullmatch(decoded) if route.verb == verb else None
        if match:
            return route, dict(zip(route.variables, match.groups(), strict=True))
    raise ApiError("NOT_FOUND", f"The requested URL {path} was not found for {verb}.")


def request_of(route: Route, path: Mapping[str, str], query: Sequence[tuple[str, str]], raw: bytes) -> Any:
    """The request message, or a `Call` for a REST-only method. Unknown fields are tolerated. Raises
    INVALID_ARGUMENT."""
    body = _json(raw)
    if route.method.request is None:
        return Call(dict(path), {name: value for name, value in query if not _system(name)}, body)
    request = route.method.request()
    try:
        if route.body == "*":
            json_format.ParseDict(body, request, ignore_unknown_fields=True)
        elif route.body:
            json_format.ParseDict(body, getattr(request, route.body), ignore_unknown_fields=True)
            getattr(request, route.body).SetInParent()
        parameters: dict[str, list[str]] = {}
        for name, value in query:
            if not _system(name):
                parameters.setdefault(name, []).append(value)
        for name, values in parameters.items():
            _set(request, name, values)
        for name, value in path.items():
            _set(request, name, [value])
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise ApiError("INVALID_ARGUMENT", f"Invalid JSON payload or parameter: {error}") from error
    return request


def answer_of(message: Any, *, integers_for_enums: bool) -> dict[str, Any]:
    if isinstance(message, dict):
        return message
    return json_format.MessageToDict(message, use_integers_for_enums=integers_for_enums)


def error_of(error: ApiError) -> dict[str, Any]:
    """Google's error body."""
    return {"error": {"code": error.http_status, "message": error.message, "status": error.code}}


def wants_integers(query: Sequence[tuple[str, str]]) -> bool:
    return any(name == "$alt" and "enum-encoding=int" in value for name, value in query)


def _system(name: str) -> bool:
    return name.startswith("$") or name in _SYSTEM


def _json(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ApiError("INVALID_ARGUMENT", f"Invalid JSON payload received: {error}") from error
    if not isinstance(body, dict):
        raise ApiError("INVALID_ARGUMENT", "Invalid JSON payload received: an object is expected.")
    return body


def _set(message: Any, dotted: str, values: Sequence[str]) -> None:
    """Put a parameter at a dotted path, names in either spelling. Unknown parameters are refused as Google
    does."""
    *way, last = dotted.split(".")
    for step in way:
        field = _field(message, step, dotted)
        if field.message_type is None or field.is_repeated:
            raise ValueError(f'Unknown name "{dotted}"')
        message = getattr(message, field.name)
    field = _field(message, last, dotted)
    converted = [_convert(field, value) for value in values]
    content: Any = converted if field.is_repeated else converted[-1]
    if not field.is_repeated and field.message_type is None and not content and field.has_presence is False:
        setattr(message, field.name, type(getattr(message, field.name))())
        return
    json_format.ParseDict({field.json_name: content}, message)


def _field(message: Any, name: str, dotted: str) -> Any:
    descriptor = message.DESCRIPTOR
    found = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
    if found is None:
        found = next((field for field in descriptor.fields if field.json_name == name), None)
    if found is None:
        raise ValueError(f'Unknown name "{dotted}": Cannot bind query parameter.')
    return found


def _convert(field: Any, value: str) -> Any:
    if field.type == field.TYPE_BOOL:
        if value.lower() not in ("true", "false"):
            raise ValueError(f"{field.json_name}: '{value}' is not a boolean")
        return value.lower() == "true"
    if field.enum_type is not None and value.lstrip("-").isdigit():
        return int(value)
    return value
