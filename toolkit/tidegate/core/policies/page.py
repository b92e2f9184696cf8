"""docs/policies.md, written from the policies themselves."""

from __future__ import annotations

from tidegate.core.policies import POLICIES

_INTRODUCTION = """\
# Policies

`tidegate validate` reads the rendered Terraform and reports what is legal but unwise. A finding has a file, a
line, the id of its rule and a severity: an `error` stops a deployment, a `warning` does not. What only
Terraform can compute (a variable, a call, an interpolation) is never objected to.

`tidegate explain RULE` says what a rule wants, and why.

## Accepting a finding

A comment on the line of the finding, or alone on the line above, accepts it. The reason is required.

```hcl
resource "google_cloud_run_v2_service_iam_member" "public" {
  # tidegate:ignore TG101 the landing page is for everybody
  member = "allUsers"
}
```

Several rules are parted by commas: `# tidegate:ignore TG107,TG108 a worker that takes no requests`.

## Rules

"""


def page() -> str:
    """The whole page, in Markdown."""
    rows = [f"| [{p.id}](#{p.id.lower()}-{p.name}) | {p.severity} | {p.title} |" for p in POLICIES]
    sections = [
        f"### {p.id} {p.name}\n\n*{p.severity.capitalize()}.* {p.title}.\n\n"
        f"**Why.** {p.rationale}\n\n**What to do.** {p.fix[0].upper()}{p.fix[1:]}.\n"
        for p in POLICIES
    ]
    return _INTRODUCTION + "\n".join(["| rule | severity | |", "|---|---|---|", *rows, "", *sections])
