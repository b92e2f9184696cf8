"""What a rollout has to pass and who is told of it, from the spec and the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tidegate.core.errors import UsageError
from tidegate.settings import Settings

if TYPE_CHECKING:
    import requests

    from tidegate.adapters.delivery import Delivery, Destination
    from tidegate.core import spec as written
    from tidegate.ports import Hook, HttpCall, Smoke

EMULATOR = "PUBSUB_EMULATOR_HOST"

OpenSession = Callable[[], "requests.Session"]


def smoke(spec: written.Spec) -> tuple[Smoke, ...]:
    from tidegate.ports import Smoke

    return tuple(
        Smoke(check.path, check.status, check.contains, check.timeout, check.attempts, check.max_latency)
        for check in spec.rollout.smoke
    )


def hooks(spec: written.Spec) -> tuple[Hook, ...]:
    """In the order of the spec. What they take from the environment is looked up when they run."""
    from tidegate.ports import Hook, Moment

    return tuple(
        Hook(
            hook.title,
            Moment(hook.when),
            hook.command,
            None if hook.http is None else _call(hook.http),
            hook.timeout,
        )
        for hook in spec.rollout.hooks
    )


def _call(given: written.HttpCall) -> HttpCall:
    from tidegate.ports import Given, HttpCall

    def plain(value: written.Given) -> Given:
        return Given(value.prefix, value.env or "")

    headers = {name: plain(value) for name, value in given.headers.items()}
    return HttpCall(plain(given.url), given.method, headers, given.body, given.status)


def check_environment(spec: written.Spec, settings: Settings) -> None:
    """Raises UsageError with every variable that a hook will need and that is not set."""
    missing = [
        f"{name} (hook {hook.name})"
        for hook in hooks(spec)
        for name in _variables(hook)
        if not settings.environment.get(name, "").strip()
    ]
    if missing:
        raise UsageError(
            f"the environment lacks {', '.join(dict.fromkeys(missing))}",
            hint="set what the hooks of the spec name with env",
        )


def _variables(hook: Hook) -> Iterator[str]:
    if hook.http is not None:
        yield from (one.env for one in (hook.http.url, *hook.http.headers.values()) if one.env)


def delivery(
    spec: written.Spec | None,
    settings: Settings,
    say: Callable[[str], None],
    open_session: OpenSession | None,
) -> Delivery:
    """Everybody the environment (TIDEGATE_WEBHOOKS) and the spec name, to be closed at the end.

    `open_session` makes one with Google's credentials; None on the local Cloud Run, which touches none.
    """
    from tidegate.adapters.delivery import Delivery, Listener
    from tidegate.adapters.notifier import Slack

    listeners = []
    for number, url in enumerate(settings.webhooks, 1):
        if url.startswith(("http://", "https://")):
            listeners.append(Listener(Slack(url)))
        else:  # which may be a secret all the same, so that it is not shown
            say(f"address {number} of TIDEGATE_WEBHOOKS is not told: it does not begin with https://")
    for index, given in enumerate(() if spec is None else spec.notify):
        found = _destination(given, settings, open_session)
        if isinstance(found, str):
            say(f"notify[{index}] is not told: {found}")  # no reason not to deploy, and none not to roll back
        else:
            listeners.append(Listener(found, frozenset(given.events)))
    return Delivery(listeners, on_failure=say)


def _destination(
    given: written.Listener, settings: Settings, open_session: OpenSession | None
) -> Destination | str:
    """Where it goes, or why nowhere."""
    from tidegate.adapters.notifier import Slack, Webhook
    from tidegate.adapters.pubsub import PubSub, on_emulator

    if given.pubsub is not None:
        if emulator := settings.environment.get(EMULATOR, "").strip():
            return on_emulator(given.pubsub, emulator)
        if open_session is None:
            return f"the local Cloud Run has no Pub/Sub; {EMULATOR} can name an emulator"
        return PubSub(given.pubsub, open_session)
    named = given.slack or given.webhook
    assert named is not None  # noqa: S101 - the spec has exactly one of them
    url = settings.environment.get(named.env, "").strip()
    if not url:
        return f"the variable {named.env} of the environment is not set"
    return Slack(url) if given.slack else Webhook(url)
