from __future__ import annotations

import copy

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.local.provider import wire
from tidegate.local.provider.wire import UNKNOWN

SCALARS = st.none() | st.booleans() | st.text() | st.integers(-(2**53), 2**53) | st.just(UNKNOWN)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES)
def test_a_terraform_value_survives_the_wire_with_its_unknowns(value: object) -> None:
    sent = wire.encode(value).SerializeToString()
    received = wire.message_class("DynamicValue").FromString(sent)

    assert wire.decode(received) == value


def test_a_refined_unknown_value_is_unknown() -> None:
    refined = msgpack.packb({"name": msgpack.ExtType(12, b"\x81\x01\xc2")})

    assert wire.decode(wire.new("DynamicValue", msgpack=refined)) == {"name": UNKNOWN}


def test_a_copy_of_unknown_is_unknown() -> None:
    assert copy.deepcopy([UNKNOWN])[0] is UNKNOWN


def test_values_may_come_as_json() -> None:
    assert wire.decode(wire.new("DynamicValue", json=b'{"a": [1, null]}')) == {"a": [1, None]}


def test_what_is_no_terraform_value_is_refused() -> None:
    with pytest.raises(TypeError, match="object is not a Terraform value"):
        wire.encode({"a": object()})


def test_fields_of_a_newer_protocol_are_skipped() -> None:
    newer = wire.new("ImportResourceStateRequest", type_name="t", id="x").SerializeToString() + b"\x22\x03abc"

    assert wire.message_class("ImportResourceStateRequest").FromString(newer).id == "x"  # type: ignore[attr-defined] # made at run time


def test_a_diagnostic_leads_to_the_place() -> None:
    made = wire.diagnostic("wrong", "why", ("template", 0, "image"))

    steps = [step.attribute_name or step.element_key_int for step in made.attribute.steps]
    assert (made.severity, made.summary, steps) == (1, "wrong", ["template", 0, "image"])
