"""docs/policies.md, written from the policies themselves."""

from __future__ import annotations

from tidegate.core.policies import POLICIES
from tidegate.core.policy import Fix

_INTRODUCTION = """\
# Policies

`tidegate validate` looks for what is legal but unwise: in the Terraform that a spec becomes, in a directory
of any Terraform, in a plan. A finding has a file, a line, the id of its rule and a severity: an `error` stops
a deployment and ends with exit code 3, a `warning` does neither. What only Terraform can compute (a variable,
a call, an interpolation, what is known after the apply) is never objected to.

```sh google
tidegate validate
tidegate validate --terraform infra
tidegate validate --plan plan.json
tidegate explain TG101
```

- **A spec** (`-f`, by default `tidegate.yaml`) is rendered first, and `terraform validate` is run too.
  Findings stand in the line of the spec that makes them. A spec with faults has nothing to render: each
  fault is told with its line, and in the formats of machines it is a finding (TG004).
- **A directory** (`--terraform DIR`): every `.tf` below it. Directories whose names begin with a dot are left
  out, and so are copies of tidegate's own modules. Rules that look at several resources together (TG112,
  TG211) look at one directory at a time. A file that cannot be read is a finding itself (TG004), and the
  others are checked all the same.
- **A plan** (`--plan FILE`, from `terraform show -json PLAN > FILE`; `-` is standard input): what will be
  there after the apply, with modules, variables and loops computed. A plan has no lines, so findings name the
  address of the resource; and no comments, so what a comment accepts in the file is told again. It does
  not say what `ignore_changes` ignores either, so TG121 is told of files only. What is no such
  plan is refused with exit code 2.

`tidegate explain RULE` says what a rule wants, and why.

## For machines

`--format` chooses how findings are written to standard output:

| format | for |
|---|---|
| `text` | people |
| `json` | scripts |
| `sarif` | code scanning of GitHub and others: SARIF 2.1.0, with the rules described |
| `junit` | test reports of GitLab, Jenkins and others: an error is a failure, a warning a skipped test |
| `github` | annotations in a pull request: `::error file=main.tf,line=12::...` |

## Accepting a finding

A comment on the line of the finding, or alone on the line above, accepts it. The reason is required, an id
that there is not is an error, and a comment that accepts nothing any more is told.

```hcl
resource "google_cloud_run_v2_service_iam_member" "public" {
  # tidegate:ignore TG101 the landing page is for everybody
  member = "allUsers"
}
```

Several rules are parted by commas: `# tidegate:ignore TG107,TG108 a worker that takes no requests`.

A spec has a list of rules instead:

```yaml
accept:
  - rule: TG109
    reason: the certificate is renewed every week, and read at each start
```

## Rules

"""


def _todo(fix: Fix) -> str:
    (where, way), *others = fix.by_place()
    if not others:
        return f"**What to do.** {way[0].upper()}{way[1:]}."
    rows = [f"- {where[0].upper()}{where[1:]}: {way}." for where, way in ((where, way), *others)]
    return "\n".join(("**What to do.**\n", *rows))


def page() -> str:
    """The whole page, in Markdown."""
    rows = [f"| [{p.id}](#{p.id.lower()}-{p.name}) | {p.severity} | {p.title} |" for p in POLICIES]
    sections = [
        f"### {p.id} {p.name}\n\n*{p.severity.capitalize()}.* {p.title}.\n\n"
        f"**Why.** {p.rationale}\n\n{_todo(p.fix)}\n"
        for p in POLICIES
    ]
    return _INTRODUCTION + "\n".join(["| rule | severity | |", "|---|---|---|", *rows, "", *sections])
