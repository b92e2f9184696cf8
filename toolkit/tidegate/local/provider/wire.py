"""Plugin protocol 6 on the wire: its messages, and Terraform values as msgpack.

The messages are built when this module is imported, from the table below, so that no generated code ties the
package to one version of protobuf. Only fields that are sent or read are named; protobuf skips the others. A
`map<string, X>` of the protocol is written as what it is on the wire: a repeated message of key and value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]  # the package has no type information
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_PACKAGE = "tidegate.tfplugin6"

_MESSAGES = """
Empty
DynamicValue: bytes msgpack 1, bytes json 2
Step: string attribute_name 1, string element_key_string 2, int64 element_key_int 3
AttributePath: *Step steps 1
Diagnostic: int32 severity 1, string summary 2, string detail 3, AttributePath attribute 4
RawState: bytes json 1
Attribute: string name 1, bytes type 2, string description 3, bool required 4, bool optional 5, bool computed 6, bool sensitive 7, bool deprecated 9, bool write_only 11
NestedBlock: string type_name 1, Block block 2, int32 nesting 3, int64 min_items 4, int64 max_items 5
Block: int64 version 1, *Attribute attributes 2, *NestedBlock block_types 3
Schema: int64 version 1, Block block 2
SchemaEntry: string key 1, Schema value 2
Capabilities: bool plan_destroy 1, bool get_provider_schema_optional 2, bool move_resource_state 3
Imported: string type_name 1, DynamicValue state 2, bytes private 3
GetProviderSchemaResponse: Schema provider 1, *SchemaEntry resource_schemas 2, *SchemaEntry data_source_schemas 3, *Diagnostic diagnostics 4, Schema provider_meta 5, Capabilities server_capabilities 6
ValidateProviderConfigRequest: DynamicValue config 1
ValidateConfigRequest: string type_name 1, DynamicValue config 2
DiagnosticsResponse: *Diagnostic diagnostics 1
ValidateProviderConfigResponse: *Diagnostic diagnostics 2
UpgradeResourceStateRequest: string type_name 1, int64 version 2, RawState raw_state 3
UpgradeResourceStateResponse: DynamicValue upgraded_state 1, *Diagnostic diagnostics 2
ConfigureProviderRequest: string terraform_version 1, DynamicValue config 2
ReadResourceRequest: string type_name 1, DynamicValue current_state 2, bytes private 3
ReadResourceResponse: DynamicValue new_state 1, *Diagnostic diagnostics 2, bytes private 3
PlanResourceChangeRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue proposed_new_state 3, DynamicValue config 4, bytes prior_private 5
PlanResourceChangeResponse: DynamicValue planned_state 1, *AttributePath requires_replace 2, bytes planned_private 3, *Diagnostic diagnostics 4, bool legacy_type_system 5
ApplyResourceChangeRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue planned_state 3, DynamicValue config 4, bytes planned_private 5
ApplyResourceChangeResponse: DynamicValue new_state 1, bytes private 2, *Diagnostic diagnostics 3, bool legacy_type_system 4
ImportResourceStateRequest: string type_name 1, string id 2
ImportResourceStateResponse: *Imported imported_resources 1, *Diagnostic diagnostics 2
ReadDataSourceRequest: string type_name 1, DynamicValue config 2
ReadDataSourceResponse: DynamicValue state 1, *Diagnostic diagnostics 2
StopProviderResponse: string Error 1
StdioData: int32 channel 1, bytes data 2
HealthResponse: int32 status 1
"""  # noqa: E501 - one message a line reads best

METHODS: Final[dict[str, tuple[str, str]]] = {
    "GetProviderSchema": ("Empty", "GetProviderSchemaResponse"),
    "ValidateProviderConfig": ("ValidateProviderConfigRequest", "ValidateProviderConfigResponse"),
    "ValidateResourceConfig": ("ValidateConfigRequest", "DiagnosticsResponse"),
    "ValidateDataResourceConfig": ("ValidateConfigRequest", "DiagnosticsResponse"),
    "UpgradeResourceState": ("UpgradeResourceStateRequest", "UpgradeResourceStateResponse"),
    "ConfigureProvider": ("ConfigureProviderRequest", "DiagnosticsResponse"),
    "ReadResource": ("ReadResourceRequest", "ReadResourceResponse"),
    "PlanResourceChange": ("PlanResourceChangeRequest", "PlanResourceChangeResponse"),
    "ApplyResourceChange": ("ApplyResourceChangeRequest", "ApplyResourceChangeResponse"),
    "ImportResourceState": ("ImportResourceStateRequest", "ImportResourceStateResponse"),
    "ReadDataSource": ("ReadDataSourceRequest", "ReadDataSourceResponse"),
    "StopProvider": ("Empty", "StopProviderResponse"),
}
"""Every method of the provider service that is served: its request and its response message."""

NESTING: Final = {"single": 1, "list": 2, "set": 3, "map": 4}

_SCALARS = {
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
}


def _build() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto3")
    for line in _MESSAGES.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for field in filter(None, (part.strip() for part in fields.split(","))):
            kind, field_name, number = field.split()
            many, kind = kind.startswith("*"), kind.lstrip("*")
            added = message.field.add(name=field_name, number=int(number))
            added.label = (
                descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
                if many
                else descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
            )
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
                added.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{_PACKAGE}.{message.name}")
        )
        for message in file.message_type
    }


_CLASSES = _build()


def message_class(name: str) -> type[Message]:
    return _CLASSES[name]


def new(name: str, /, **fields: Any) -> Any:
    """A message by its name in the table. Typed `Any`: the classes exist only at run time."""
    return _CLASSES[name](**fields)


class Unknown:
    """A value that is not known before the apply. Only one exists: compare with `is UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(known after apply)"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()


def decode(value: Any) -> Any:
    """A DynamicValue as plain Python; unknown values become `UNKNOWN`, whatever refinements they carry."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, ext_hook=lambda *_: UNKNOWN, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def encode(value: Any) -> Any:
    return new("DynamicValue", msgpack=msgpack.packb(value, default=_pack_unknown))


def _pack_unknown(value: object) -> msgpack.ExtType:
    if value is UNKNOWN:
        return msgpack.ExtType(0, b"\0")
    raise TypeError(f"{type(value).__name__} is not a Terraform value")


def attribute_path(steps: Sequence[str | int]) -> Any:
    path = new("AttributePath")
    for step in steps:
        path.steps.add(**({"element_key_int": step} if isinstance(step, int) else {"attribute_name": step}))
    return path


def diagnostic(
    summary: str, detail: str = "", path: Sequence[str | int] = (), *, warning: bool = False
) -> Any:
    made = new("Diagnostic", severity=2 if warning else 1, summary=summary, detail=detail)
    if path:
        made.attribute.CopyFrom(attribute_path(path))
    return made
