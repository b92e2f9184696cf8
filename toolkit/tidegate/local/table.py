"""What a method of an API is: its name, its messages, its REST bindings, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.iam.v1 import iam_policy_pb2, policy_pb2

from tidegate.local.world import World
from tidegate.local.world.access import PolicyMethods

Handler = Callable[[Any], Any]


@dataclass(frozen=True)
class Http:
    """One REST binding: `body` is a field of the request, `*` for all of it, or empty for none."""

    verb: str
    template: str
    body: str = ""


@dataclass(frozen=True)
class Method:
    """`name` is `package.Service/Method`; the gRPC path is that with a slash before it."""

    name: str
    request: Any
    response: Any
    handler: Handler
    http: tuple[Http, ...] = ()


@dataclass(frozen=True)
class Call:
    """What a REST-only handler is given."""

    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]


def rest_only(name: str, verb: str, template: str, handler: Callable[[Call], dict[str, Any]]) -> Method:
    """A method that is REST only, for an API whose client library is not among the dependencies."""
    return Method(name, None, None, handler, (Http(verb, template),))


def policy_methods(
    world: World, name: str, template: str, get_verb: str, check: Callable[[str], str]
) -> tuple[Method, ...]:
    """The three methods of allow policies. Older APIs read a policy with POST."""
    it = PolicyMethods(world.policies, check)
    read = Http(get_verb, f"{template}:getIamPolicy", "*" if get_verb == "POST" else "")
    write, test = (
        Http("POST", f"{template}:setIamPolicy", "*"),
        Http("POST", f"{template}:testIamPermissions", "*"),
    )
    pb, answer = iam_policy_pb2, iam_policy_pb2.TestIamPermissionsResponse
    return (
        Method(f"{name}/GetIamPolicy", pb.GetIamPolicyRequest, policy_pb2.Policy, it.get, (read,)),
        Method(f"{name}/SetIamPolicy", pb.SetIamPolicyRequest, policy_pb2.Policy, it.set, (write,)),
        Method(f"{name}/TestIamPermissions", pb.TestIamPermissionsRequest, answer, it.test, (test,)),
    )
