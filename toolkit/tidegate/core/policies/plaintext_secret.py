"""Secrets are references, not texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document, Expression, Node
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity
from tidegate.core.secrets import secret_name, secret_value


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for container in view.containers(documents):
        for env in container.env:
            text = env.value.value if isinstance(env.value.value, str) else ""
            if kind := secret_value(_text(env.value)):
                yield Hit(env.place, f"{env.name} holds {kind} in clear text")
            elif secret_name(env.name, text):
                yield Hit(env.place, f"{env.name} looks like a secret in clear text")
        for node in container.texts:
            if kind := secret_value(_text(node)):
                yield Hit(node.place, f"an argument of {container.label} holds {kind} in clear text")


def _text(node: Node) -> str:
    """Also the literal parts of a computed text: what is spelt out there is spelt out."""
    value = node.value.text if isinstance(node.value, Expression) else node.value
    return value if isinstance(value, str) else ""


POLICY = Policy(
    id="TG104",
    name="plaintext-secret",
    title="No secret stands in clear text in an environment variable or an argument",
    severity=Severity.ERROR,
    rationale=(
        "It can be read in the repository, in the plan, in the state file, in the console and by "
        "everybody who may view the service, and it cannot be replaced without a deployment."
    ),
    fix=Fix(
        terraform=(
            "put the value into Secret Manager and read it by a secret_key_ref; "
            "change the value too, it has been seen"
        ),
        module=(
            "put the value into Secret Manager and name it in secrets of the "
            "container; change the value too, it has been seen"
        ),
        spec=(
            "put the value into Secret Manager and name it in secrets of the "
            "container; change the value too, it has been seen"
        ),
    ),
    look=_look,
)
