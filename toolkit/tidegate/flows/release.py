"""The new revision before it gets traffic: what Terraform made, whether it starts, whether it answers."""

from __future__ import annotations

from tidegate.core.errors import ExitCode, Interrupted, RemoteError, TerraformError, TidegateError
from tidegate.core.rollout import Applied, ApplyFailed, Event, SmokeFailed, SmokePassed, State
from tidegate.flows import hooks
from tidegate.flows.job import Job, Tools
from tidegate.ports import Condition, ConditionState, HookResult, Moment, Notice, Service, about

_NEWS_AFTER = 3.0
"""Seconds until it is believed that Terraform has made no revision: a read may be answered with what was so
before."""


class Release:
    def __init__(self, job: Job, tools: Tools) -> None:
        self._job = job
        self._tools = tools
        self._passed = False
        """Whether the candidate has been tried out; a wish that came meanwhile makes nothing run twice."""

    def apply(self, state: State, before: Service | None) -> tuple[Event, Service | None]:
        """Runs `job.apply`; the event, and the service as it is after it where that could be read."""
        failure: TidegateError | None = None
        with self._tools.interruption.allowed():
            try:
                if refused := self.run_hooks(Moment.BEFORE_APPLY, state, before):
                    return ApplyFailed(self._now(), refused, ExitCode.ROLLED_BACK), before
                self._job.apply()
            except Interrupted:
                raise
            except TerraformError as error:
                failure = error
            except TidegateError as error:
                return ApplyFailed(self._now(), error.message, error.exit_code), before
        try:
            service = self._after(before)
            return self._applied(state, before, service, failure), service
        except RemoteError as error:
            reason = f"what Terraform made cannot be read: {error.message}"
            return ApplyFailed(self._now(), reason, error.exit_code), before

    def _after(self, before: Service | None) -> Service | None:
        """The service as Terraform has left it, and never as it was before `before`."""
        deadline = self._now() + _NEWS_AFTER
        while True:
            service = self._tools.cloud_run.get_service(self._job.name)
            if service is not None and before is not None and service.generation < before.generation:
                service = before
            known = "" if before is None else before.latest_created_revision
            if (service is not None and service.latest_created_revision != known) or self._now() >= deadline:
                return service
            self._tools.clock.sleep(1.0)

    def _applied(
        self, state: State, before: Service | None, service: Service | None, failure: TidegateError | None
    ) -> Event:
        if service is None:
            return ApplyFailed(self._now(), failure.message if failure else "Terraform created no service")
        created = service.latest_created_revision
        is_new = before is None or created != before.latest_created_revision
        if failure is not None and not is_new:
            return ApplyFailed(self._now(), failure.message)
        if created and created != state.stable and (reason := self._does_not_start(created)):
            return ApplyFailed(self._now(), reason)
        if failure is not None:
            return ApplyFailed(self._now(), failure.message)
        return Applied(self._now(), created)

    def _does_not_start(self, revision: str) -> str:
        """Why the revision is not ready; empty when it is. Waits while that is not decided."""
        deadline = self._now() + self._job.start_timeout
        while True:
            trouble = f"revision {revision} is not ready after {self._job.start_timeout:.0f} s"
            try:
                found = self._tools.cloud_run.get_revision(self._job.name, revision)
            except RemoteError as error:
                trouble = f"whether revision {revision} has started cannot be read: {error.message}"
            else:
                if found is None:
                    return f"revision {revision} is gone"
                if found.ready.state is ConditionState.SUCCEEDED:
                    return ""
                if found.ready.state is ConditionState.FAILED:
                    return f"revision {revision} does not start: {_why(found.ready)}"
            if self._now() >= deadline:
                return trouble
            with self._tools.interruption.allowed():
                self._tools.clock.sleep(0.5)

    def try_out(self, state: State, service: Service | None) -> Event:
        """The smoke checks against the tag address, then the hooks that must pass before any traffic."""
        if self._passed:
            return SmokePassed(self._now())
        base = self._tag_address(service)
        if self._job.smoke and not base:
            return SmokeFailed(self._now(), "a smoke check failed: the candidate has no tag address")
        with self._tools.interruption.allowed():
            for smoke in self._job.smoke:
                result = self._tools.probe.check(base, smoke)
                self._tell("smoke", result.sentence, state)
                if not result.ok:
                    return SmokeFailed(self._now(), f"a smoke check failed: {result.sentence}")
            if refused := self.run_hooks(Moment.BEFORE_TRAFFIC, state, service):
                return SmokeFailed(self._now(), refused)
        self._passed = True
        return SmokePassed(self._now())

    def run_hooks(self, moment: Moment, state: State, service: Service | None) -> str:
        """What the first hook that failed says, or nothing."""

        def report(result: HookResult) -> None:
            self._tell("hook", result.sentence, state)

        told = hooks.context(self._job.name, state, moment, self._tag_address(service))
        return hooks.run(self._tools.hooks, self._job.hooks, told, moment, report)

    def _tag_address(self, service: Service | None) -> str:
        """Where the candidate answers without having traffic; empty where there is no such address."""
        statuses = service.traffic_statuses if service is not None else ()
        tag = self._job.tag
        return next((t.uri for t in statuses if tag and t.tag == tag and t.uri), "")

    def _tell(self, event: str, text: str, state: State) -> None:
        self._tools.notifier.tell(Notice(event, text, about(self._job.name, state.id)))

    def _now(self) -> float:
        return self._tools.clock.now()


def _why(condition: Condition) -> str:
    return ": ".join(filter(None, (condition.reason, condition.message))) or "no reason given"
