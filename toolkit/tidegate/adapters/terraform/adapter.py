"""`ports.Terraform` on a real terraform or tofu: a method per command, diagnostics as errors."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tidegate.adapters.terraform.explain import failure
from tidegate.adapters.terraform.run import Finished, ProcessRunner, Runner
from tidegate.adapters.terraform.secrets import secrets_in_environment
from tidegate.adapters.terraform.stream import (
    EventStream,
    Lines,
    Masker,
    diagnostic_of,
    diagnostics_in,
    masked,
)
from tidegate.adapters.terraform.workspace import Workspace
from tidegate.core.errors import TerraformError
from tidegate.core.plan import secrets_in_plan
from tidegate.ports import Diagnostic, OnProgress, SavedPlan, TerraformVersion

DOCUMENT_LIMIT = 512 * 1024 * 1024
"""Bytes of a plan's or an output's JSON that are taken into memory."""
ERRORED = "errored.tfstate"
"""Terraform's own name for a state that its backend would not take."""
NO_CHANGES, FAILED, CHANGES = 0, 1, 2
_ALWAYS = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
_OTHER_BACKEND = "Backend configuration changed"


class TerraformCli:
    """Commands on one root module directory at a time.

    `version` is a TerraformVersion or a function that finds one, called at the first command. `environment`
    is what the child gets (PATH, HOME, credentials), `extra` is laid over it (TF_REATTACH_PROVIDERS,
    endpoints, tokens). `lock_timeout`: seconds to wait for a state lock that somebody else holds. `runner`
    starts the processes.
    """

    def __init__(
        self,
        version: TerraformVersion | Callable[[], TerraformVersion],
        *,
        environment: Mapping[str, str],
        extra: Mapping[str, str] | None = None,
        lock_timeout: float = 0.0,
        runner: Runner | None = None,
    ) -> None:
        self._found = version
        self._environment = _settled({**environment, **(extra or {})})
        self._lock_timeout = f"-lock-timeout={max(0, round(lock_timeout))}s"
        self._run: Runner = runner or ProcessRunner()
        self._mask = Masker(secrets_in_environment(self._environment))

    def version(self) -> TerraformVersion:
        if not isinstance(self._found, TerraformVersion):
            self._found = self._found()
        return self._found

    def init(self, directory: Path) -> None:
        """Prepares backend, modules and providers; does nothing when the last init is still good.

        A backend other than last time's is taken as it is now. State is never migrated.
        """
        workspace = Workspace(directory, self._environment)
        if workspace.is_ready(workspace.fingerprint(self.version())):
            return
        workspace.forget_ready()
        arguments = ["init", "-input=false", "-no-color"]
        finished, text = self._text(directory, arguments)
        if finished.code != 0 and _OTHER_BACKEND in finished.stderr:
            finished, text = self._text(directory, [*arguments, "-reconfigure"])
        if finished.code != 0:
            raise self._failure("init", directory, finished, text)
        # Made anew, because init writes the lock file and the list of modules that are part of it.
        workspace.set_ready(workspace.fingerprint(self.version()))

    def validate(self, directory: Path) -> tuple[Diagnostic, ...]:
        """What is wrong with the configuration, warnings included; empty when nothing is. Needs `init`."""
        finished, text = self._text(directory, ["validate", "-json"])
        try:
            found = json.loads(text)["diagnostics"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._failure("validate", directory, finished, text) from error
        return tuple(masked(diagnostic_of(raw), self._mask) for raw in found)

    def plan(
        self, directory: Path, *, destroy: bool = False, on_progress: OnProgress | None = None
    ) -> SavedPlan:
        """A plan in a file that only this user can read.

        `apply` and `discard` remove the file; so does the end of the returned value's life or of ours.
        """
        path = Workspace(directory, self._environment).new_plan_file()
        try:
            arguments = ["plan", "-json", f"-out={path}", "-detailed-exitcode", self._lock_timeout]
            code = self._events(
                directory,
                [*arguments, *(["-destroy"] if destroy else [])],
                (NO_CHANGES, CHANGES),
                on_progress,
            )
            document = self._document(directory, ["show", "-json", str(path)])
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        saved = SavedPlan(path, document, has_changes=code == CHANGES)
        weakref.finalize(saved, _remove, path)
        return saved

    def apply(self, directory: Path, plan: SavedPlan, *, on_progress: OnProgress | None = None) -> None:
        """Applies exactly this plan, once. Raises TerraformError also when the state has moved on since."""
        if not plan.path.is_file():
            raise TerraformError(
                f"The plan file {plan.path} is gone: it was applied or discarded",
                hint="make a new plan",
            )
        mask = Masker((*secrets_in_environment(self._environment), *secrets_in_plan(plan.json)))
        try:
            arguments = ["apply", "-json", self._lock_timeout, str(plan.path)]
            self._events(directory, arguments, (0,), on_progress, mask)
        except TerraformError as error:
            if saved := self._saved_after_all(directory):
                raise TerraformError(f"{error.message}\n{saved}", hint=error.hint) from error
            raise
        finally:
            self.discard(plan)

    def push(self, directory: Path) -> str:
        """Writes the state that an apply could only save in a file beside the configuration to its backend.

        Terraform refuses when the backend's state has gone on since. The file is then kept, and otherwise
        renamed. Returns its new name, empty when there was none.
        """
        path = directory / ERRORED
        if not path.is_file():
            return ""
        finished, text = self._text(directory, ["state", "push", "-no-color", self._lock_timeout, ERRORED])
        if finished.code != 0:
            reason = self._failure("state push", directory, finished, text)
            raise TerraformError(
                f"An earlier apply could not save its state. It is in {path} and cannot be saved now either: "
                f"{reason.message}",
                hint=f"keep that file; {reason.hint or f'`terraform state push {ERRORED}` there saves it'}. "
                "If the state has gone on since, compare both and remove the file",
            )
        return path.replace(directory / f"{ERRORED}.saved").name

    def _saved_after_all(self, directory: Path) -> str:
        """What came of the state of an apply that could not save it; empty when it could."""
        try:
            saved = self.push(directory)
        except TerraformError as error:
            return f"{error.message}; {error.hint}"
        return "Its state could not be saved at first, and was at a second attempt." if saved else ""

    def discard(self, plan: SavedPlan) -> None:
        """Removes the file of a plan that will not be applied."""
        _remove(plan.path)

    def untaint(self, directory: Path, address: str) -> None:
        arguments = ["untaint", "-no-color", self._lock_timeout, address]
        finished, text = self._text(directory, arguments)
        if finished.code != 0:
            raise self._failure("untaint", directory, finished, text)

    def outputs(self, directory: Path) -> Mapping[str, Any]:
        """Name to plain value, of the state as last applied; sensitive ones included."""
        document = self._document(directory, ["output", "-json"])
        return {str(name): output["value"] for name, output in document.items()}

    def interrupt(self) -> None:
        """Stops what runs in other threads, in order; there it raises Interrupted."""
        stop = getattr(self._run, "interrupt", None)
        if stop is not None:
            stop()

    def _events(
        self,
        directory: Path,
        arguments: Sequence[str],
        good: tuple[int, ...],
        on_progress: OnProgress | None,
        mask: Masker | None = None,
    ) -> int:
        stream = EventStream(on_progress, mask or self._mask, tell_plan=arguments[0] != "apply")
        lines = Lines(stream.line)
        finished = self._start(directory, arguments, lines.feed, stream.notice)
        lines.close()
        if finished.code not in good:
            Workspace(directory, self._environment).forget_ready()  # what init made may have been taken away
            found = stream.diagnostics or diagnostics_in(self._mask(finished.stderr))
            other = [*stream.other, *self._mask(finished.stderr).splitlines()]
            raise failure(arguments[0], directory, finished.code, found, other)
        return finished.code

    def _document(self, directory: Path, arguments: Sequence[str]) -> Mapping[str, Any]:
        finished, text = self._text(directory, arguments)
        if finished.code != 0:
            raise self._failure(arguments[0], directory, finished, "")
        try:
            document = json.loads(text)
        except ValueError as error:
            raise TerraformError(
                f"terraform {arguments[0]} in {directory} did not answer with JSON"
            ) from error
        if not isinstance(document, dict):
            raise TerraformError(f"terraform {arguments[0]} in {directory} did not answer with a JSON object")
        return document

    def _text(self, directory: Path, arguments: Sequence[str]) -> tuple[Finished, str]:
        chunks: list[bytes] = []
        size = 0

        def take(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            if size > DOCUMENT_LIMIT:
                chunks.clear()
                raise TerraformError(
                    f"terraform {arguments[0]} in {directory} answered with more than 512 MiB"
                )
            chunks.append(chunk)

        finished = self._start(directory, arguments, take, lambda _: None)
        return finished, b"".join(chunks).decode(errors="replace")

    def _start(
        self,
        directory: Path,
        arguments: Sequence[str],
        on_output: Callable[[bytes], None],
        on_notice: Callable[[str], None],
    ) -> Finished:
        return self._run(
            [*self.version().command, *arguments],
            directory=directory,
            environment=self._environment,
            on_output=on_output,
            on_notice=on_notice,
        )

    def _failure(self, command: str, directory: Path, finished: Finished, text: str) -> TerraformError:
        stderr = self._mask(finished.stderr)
        found = diagnostics_in(stderr)
        return failure(
            command, directory, finished.code, found, (self._mask(text) + "\n" + stderr).splitlines()
        )


def _settled(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for Terraform: no questions, no calls home, no configuration file it cannot read."""
    settled = {**environment, **_ALWAYS}
    configured = settled.get("TF_CLI_CONFIG_FILE")
    # Terraform only warns and goes on without it, but it does so amid output that programs read.
    if configured and not os.access(configured, os.R_OK):
        settled["TF_CLI_CONFIG_FILE"] = os.devnull
    return settled


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
