"""Prometheus itself, by its `promtool`: what its rules make of series."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidegate.adapters import rootdir
from tidegate.adapters.scratch import scratch
from tidegate.adapters.terraform.run import ProcessRunner
from tidegate.core.errors import TerraformError, UsageError

SETTING = "TIDEGATE_PROMTOOL"
"""Environment variable: the path of a binary, where it is not on the PATH."""
_INSTALL = (
    "install Prometheus, which brings it: the Debian package is prometheus, the Homebrew formula too; "
    f"or name one in {SETTING}"
)

_PATIENCE = 2.0
_MOST_SAID = 1 << 28


def find(environment: Mapping[str, str]) -> str:
    """The promtool to use. Raises UsageError."""
    named = environment.get(SETTING, "").strip()
    found = shutil.which(named or "promtool", path=environment.get("PATH"))
    if found is None:
        said = f"{SETTING} names {named}, which cannot be run" if named else "promtool is not on the PATH"
        raise UsageError(f"{said}; it evaluates the alerts", hint=_INSTALL)
    return str(Path(found).absolute())


def check_rules(
    program: str, files: Mapping[str, str], tests: Sequence[str], environment: Mapping[str, str]
) -> str:
    """Runs the `tests` among the `files` (texts by name) and returns all that promtool said.

    Nothing is left behind, also by Ctrl-C. Raises UsageError, and what interrupted it.
    """
    with scratch("promtool") as place:
        directory, its_own = place / "files", place / "scratch"
        rootdir.write(directory, files)
        its_own.mkdir()
        said: list[bytes] = []
        # Prometheus has nothing to finish: whoever is interrupted need not wait for it.
        run = ProcessRunner(patience=_PATIENCE, stderr_kept=_MOST_SAID)
        try:
            finished = run(
                [program, "test", "rules", *tests],
                directory=directory,
                environment={**environment, "TMPDIR": str(its_own)},
                on_output=said.append,
                on_notice=lambda _: None,
            )
        except TerraformError as error:
            raise UsageError(error.message, hint=_INSTALL) from error
        return b"".join(said).decode("utf-8", "replace") + finished.stderr
