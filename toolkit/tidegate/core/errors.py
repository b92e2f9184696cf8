"""Every exception tidegate raises on purpose, and the exit code it ends with.

::

    TidegateError                      1   a bug, unless a subclass says otherwise
    ├── UsageError                     2   the command line, or a file it names, cannot be used
    ├── InvalidInput                   3   a spec, template or policy finding; carries every fault at once
    ├── PlanRefused                    4   the plan destroys or replaces what must stay
    ├── TerraformError                 5   terraform ran and failed, or cannot be run
    ├── NeedsPerson                    7   a rollback failed, or its outcome is not known
    ├── RemoteError                    9   an API refused or could not be reached
    │   ├── Unreachable                    no answer: nothing is known to have happened
    │   ├── OutcomeUnknown                 the call may have taken effect: read back before anything else
    │   ├── NotFound
    │   ├── Denied                         credentials missing, expired or not sufficient
    │   ├── Conflict                       the etag is stale: somebody else wrote in between
    │   └── Rejected                       the request itself is not acceptable; repeating it is useless
    ├── RolloutHeld                   10   another rollout holds the service
    └── Interrupted              130/143   the person or the machine asked us to stop; left safe

Outcomes of a rollout that are not errors (rolled back 6, held 8) are values, see `ExitCode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process tells its caller. The numbers are part of the public interface."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INVALID = 3
    PLAN_REFUSED = 4
    TERRAFORM = 5
    ROLLED_BACK = 6
    NEEDS_PERSON = 7
    HELD = 8
    REMOTE = 9
    BUSY = 10
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong at one place of a file. Lines and columns count from 1; 0 means the whole file."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = self.path if not self.line else f"{self.path}:{self.line}:{self.column}"
        return f"{place}: {self.message}"


class TidegateError(Exception):
    """Base of all. `message` is one sentence with the place; `hint` says the way out."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TidegateError):
    exit_code = ExitCode.USAGE


class InvalidInput(TidegateError):
    """Carries all faults found, in the order of their place."""

    exit_code = ExitCode.INVALID

    def __init__(self, faults: tuple[Fault, ...], *, hint: str = "") -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)), hint=hint)


class PlanRefused(TidegateError):
    exit_code = ExitCode.PLAN_REFUSED


class TerraformError(TidegateError):
    exit_code = ExitCode.TERRAFORM


class NeedsPerson(TidegateError):
    exit_code = ExitCode.NEEDS_PERSON


class RemoteError(TidegateError):
    exit_code = ExitCode.REMOTE


class Unreachable(RemoteError):
    pass


class OutcomeUnknown(RemoteError):
    pass


class NotFound(RemoteError):
    pass


class Denied(RemoteError):
    pass


class Conflict(RemoteError):
    pass


class Rejected(RemoteError):
    pass


class RolloutHeld(TidegateError):
    """`passes`: somebody works on it, so it is worth waiting; otherwise a person must decide first."""

    exit_code = ExitCode.BUSY

    def __init__(self, message: str, *, hint: str = "", passes: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.passes = passes


class Interrupted(TidegateError):
    exit_code = ExitCode.INTERRUPTED
