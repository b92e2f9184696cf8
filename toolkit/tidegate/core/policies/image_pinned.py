"""A revision always runs the same image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for container in view.containers(documents):
        image = container.image
        if image and isinstance(image.value, str) and (wrong := _wrong(image.value)):
            yield Hit(image.place, f"the image {image.value} {wrong}")


def _wrong(image: str) -> str:
    """Empty for a pinned image, and for no image at all, which Terraform refuses."""
    if "@" in image or not image:
        pinned = not image or _DIGEST.search(image)
        return "" if pinned else "has no valid digest (@sha256: and 64 hex digits)"
    tag = image.rpartition("/")[2].partition(":")[2]
    return {"": "has neither digest nor tag, which means latest", "latest": "has the tag latest"}.get(tag, "")


POLICY = Policy(
    id="TG105",
    name="image-pinned",
    title="An image is pinned by a digest, or at least by a tag other than latest",
    severity=Severity.ERROR,
    rationale=(
        "The tag latest is another image tomorrow. A revision keeps its digest, so a rollback stays "
        "safe; but nobody can tell from the configuration what runs, and an unrelated change deploys new "
        "code."
    ),
    fix=Fix(
        terraform=("write the image as NAME@sha256:DIGEST, or with a tag that is never moved"),
        spec=("deploy with --image NAME@sha256:DIGEST, or with a tag that is never moved"),
    ),
    look=_look,
)
