"""Monitoring v3: alert policies and the notification channels they use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import field_mask_pb2

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.filters import Lookup, parse
from tidegate.local.world.ground import Ground, stamp
from tidegate.local.world.names import page, project_of
from tidegate.local.world.protos import (
    AlertPolicy,
    ListAlertPoliciesResponse,
    ListNotificationChannelsResponse,
    NotificationChannel,
)

_POLICIES_PER_PROJECT = 2000
_FILTER_LENGTH = 2048
_DOCUMENTATION_LENGTH = 8192
_LINKS = 3
_SECRET_LABELS = frozenset({"auth_token", "password", "service_key"})
_HIDDEN = "**********"
CHANNEL_LABELS: dict[str, tuple[str, ...]] = {
    "email": ("email_address",),
    "slack": ("channel_name", "auth_token"),
    "pagerduty": ("service_key",),
    "webhook_tokenauth": ("url",),
    "webhook_basicauth": ("url", "username", "password"),
    "pubsub": ("topic",),
    "sms": ("number",),
    "google_chat": ("space",),
}
"""Channel types and the labels that each needs."""


class Channels:
    def __init__(self, ground: Ground, user: str) -> None:
        self._ground = ground
        self._user = user
        self.stored: dict[str, Any] = {}
        self.users_of: Callable[[str], list[Any]] = lambda _name: []
        """The alert policies that name a channel; set by whoever holds both."""

    def create(self, request: Any) -> Any:
        channel = _copy(NotificationChannel, request.notification_channel)
        _check_channel(channel)
        channel.name = f"projects/{project_of(request.name)}/notificationChannels/{self._ground.digits()}"
        if not channel.HasField("enabled"):
            channel.enabled.value = True
        _record(channel.creation_record, self._ground.now(), self._user)
        self.stored[channel.name] = channel
        self._ground.touch()
        return _redacted(channel)

    def get(self, request: Any) -> Any:
        return _redacted(self._find(request.name))

    def list(self, request: Any) -> Any:
        chosen, token = _listed(self.stored, request, "notificationChannels")
        return ListNotificationChannelsResponse(
            notification_channels=[_redacted(self.stored[name]) for name in chosen], next_page_token=token
        )

    def update(self, request: Any) -> Any:
        old = self._find(request.notification_channel.name)
        channel = _copy(NotificationChannel, old)
        merge(channel, request.notification_channel, request.update_mask)
        for key in _SECRET_LABELS & set(channel.labels):
            # A hidden value that comes back unchanged means the value that is stored.
            if channel.labels[key] == _HIDDEN and key in old.labels:
                channel.labels[key] = old.labels[key]
        _check_channel(channel)
        channel.creation_record.CopyFrom(old.creation_record)
        _record(channel.mutation_records.add(), self._ground.now(), self._user)
        self.stored[channel.name] = channel
        self._ground.touch()
        return _redacted(channel)

    def delete(self, request: Any) -> None:
        self._find(request.name)
        users = self.users_of(request.name)
        if users and not request.force:
            raise ApiError(
                "FAILED_PRECONDITION",
                f"Notification channel with name: '{request.name}' cannot be deleted because it is "
                "referenced by one or "
                f"more alert policies: {', '.join(policy.name for policy in users)}.",
            )
        for policy in users:
            left = [name for name in policy.notification_channels if name != request.name]
            del policy.notification_channels[:]
            policy.notification_channels.extend(left)
        del self.stored[request.name]
        self._ground.touch()

    def _find(self, name: str) -> Any:
        if name not in self.stored:
            not_found(f"Notification channel with name: '{name}' was not found.")
        return self.stored[name]


class Policies:
    def __init__(
        self, ground: Ground, user: str, channels: Channels, metric_exists: Callable[[str, str], bool]
    ) -> None:
        """`metric_exists(project, metric type)`: conditions on a metric never seen are refused, as by
        Google."""
        self._ground = ground
        self._user = user
        self._channels = channels
        self._metric_exists = metric_exists
        self.stored: dict[str, Any] = {}

    def using(self, channel: str) -> list[Any]:
        return [policy for policy in self.stored.values() if channel in policy.notification_channels]

    def create(self, request: Any) -> Any:
        project = project_of(request.name)
        policy = _copy(AlertPolicy, request.alert_policy)
        policy.name = f"projects/{project}/alertPolicies/{self._ground.digits()}"
        if sum(name.startswith(f"projects/{project}/") for name in self.stored) >= _POLICIES_PER_PROJECT:
            raise ApiError("RESOURCE_EXHAUSTED", f"Quota exceeded: {_POLICIES_PER_PROJECT} alert policies.")
        for condition in policy.conditions:
            condition.name = ""
        return self._accept(project, policy, None)

    def get(self, request: Any) -> Any:
        return _copy(AlertPolicy, self._find(request.name))

    def list(self, request: Any) -> Any:
        chosen, token = _listed(self.stored, request, "alertPolicies")
        return ListAlertPoliciesResponse(
            alert_policies=[self.stored[name] for name in chosen],
            next_page_token=token,
            total_size=len(self.stored),
        )

    def update(self, request: Any) -> Any:
        old = self._find(request.alert_policy.name)
        policy = _copy(AlertPolicy, old)
        merge(policy, request.alert_policy, request.update_mask)
        return self._accept(project_of(policy.name), policy, old)

    def delete(self, request: Any) -> None:
        self._find(request.name)
        del self.stored[request.name]
        self._ground.touch()

    def _find(self, name: str) -> Any:
        if name not in self.stored:
            not_found(f"Alert policy with name: '{name}' was not found.")
        return self.stored[name]

    def _accept(self, project: str, policy: Any, old: Any | None) -> Any:
        if not policy.HasField("enabled"):
            policy.enabled.value = True
        _check_policy(policy)
        for name in policy.notification_channels:
            if name not in self._channels.stored:
                not_found(f"Notification channel with name: '{name}' was not found.")
        for condition in policy.conditions:
            self._check_metrics(project, condition)
        known = {condition.name for condition in old.conditions} if old is not None else set()
        for condition in policy.conditions:
            if condition.name not in known:
                condition.name = f"{policy.name}/conditions/{self._ground.digits()}"
        now = self._ground.now()
        if old is None:
            _record(policy.creation_record, now, self._user)
        else:
            policy.creation_record.CopyFrom(old.creation_record)
        _record(policy.mutation_record, now, self._user)
        self.stored[policy.name] = policy
        self._ground.touch()
        return _copy(AlertPolicy, policy)

    def _check_metrics(self, project: str, condition: Any) -> None:
        kind = condition.WhichOneof("condition")
        if kind not in ("condition_threshold", "condition_absent"):
            return
        body = getattr(condition, kind)
        for field in ("filter", "denominator_filter"):
            text = getattr(body, field, "")
            if not text:
                continue
            metric = parse(text).metric_type
            if metric and not self._metric_exists(project, metric):
                not_found(
                    f'Cannot find metric(s) that match type = "{metric}". If a metric was created recently, '
                    "it could take up to 10 minutes to become available. Please try again soon."
                )


def _check_channel(channel: Any) -> None:
    needed = CHANNEL_LABELS.get(channel.type_)
    if needed is None:
        invalid(f'Field notification_channel.type had an invalid value: no channel type "{channel.type_}".')
    absent = [label for label in needed if not channel.labels.get(label)]
    if absent:
        invalid(f"Field notification_channel.labels is missing required labels: {', '.join(absent)}.")


def _check_policy(policy: Any) -> None:
    if not policy.display_name:
        invalid("Field alert_policy.display_name is required.")
    if not policy.combiner:
        invalid("Field alert_policy.combiner is required.")
    if not 1 <= len(policy.conditions) <= 6:
        invalid(
            "Field alert_policy.conditions had an invalid value: between 1 and 6 conditions are required."
        )
    if len(policy.documentation.content.encode()) > _DOCUMENTATION_LENGTH:
        invalid(f"Field alert_policy.documentation.content must be at most {_DOCUMENTATION_LENGTH} bytes.")
    if len(policy.documentation.links) > _LINKS:
        invalid(f"Field alert_policy.documentation.links had an invalid value: at most {_LINKS} links.")
    kinds = {condition.WhichOneof("condition") for condition in policy.conditions}
    if policy.alert_strategy.HasField("notification_rate_limit") and kinds != {"condition_matched_log"}:
        invalid(
            "Field alert_policy.alert_strategy.notification_rate_limit is only allowed for log match "
            "conditions."
        )
    for position, condition in enumerate(policy.conditions):
        _check_condition(f"alert_policy.conditions[{position}]", condition)


def _check_condition(place: str, condition: Any) -> None:
    if not condition.display_name:
        invalid(f"Field {place}.display_name is required.")
    kind = condition.WhichOneof("condition")
    if kind is None:
        invalid(f"Field {place} had an invalid value: a condition is required.")
    body = getattr(condition, kind)
    if kind in ("condition_threshold", "condition_absent"):
        if not body.filter:
            invalid(f"Field {place}.{kind}.filter is required.")
        if max(len(body.filter), len(getattr(body, "denominator_filter", ""))) > _FILTER_LENGTH:
            invalid(f"Field {place}.{kind}.filter must be at most {_FILTER_LENGTH} characters.")
        parse(body.filter)
        if body.duration.seconds % 60 or body.duration.nanos:
            invalid(
                f"Field {place}.{kind}.duration had an invalid value: it must be a multiple of one minute."
            )
    if kind == "condition_threshold" and not body.comparison:
        invalid(f"Field {place}.{kind}.comparison is required.")
    if kind == "condition_monitoring_query_language":
        invalid(f"Field {place}: MQL is not supported for new alert policies; use PromQL.")
    if kind == "condition_prometheus_query_language":
        if not body.query.strip():
            invalid(f"Field {place}.{kind}.query is required.")
        if body.evaluation_interval.seconds % 30 or body.evaluation_interval.nanos:
            invalid(f"Field {place}.{kind}.evaluation_interval must be a multiple of 30 seconds.")


def _copy(kind: Any, message: Any) -> Any:
    copy = kind()
    copy.CopyFrom(message)
    return copy


def _redacted(channel: Any) -> Any:
    shown = _copy(NotificationChannel, channel)
    for key in _SECRET_LABELS & set(shown.labels):
        shown.labels[key] = _HIDDEN
    return shown


def _record(record: Any, now: float, user: str) -> None:
    record.mutated_by = user
    stamp(record.mutate_time, now)


def merge(target: Any, source: Any, mask: Any) -> None:
    """Take the fields of an update mask from `source`; all of them without a mask."""
    if not mask.paths or "*" in mask.paths:
        target.CopyFrom(source)
        return
    paths = ["".join(f"_{c.lower()}" if c.isupper() else c for c in path) for path in mask.paths]
    fields = target.DESCRIPTOR.fields_by_name
    paths = [f"{p}_" if p not in fields and f"{p}_" in fields else p for p in paths]
    try:
        field_mask_pb2.FieldMask(paths=paths).MergeMessage(
            source, target, replace_message_field=True, replace_repeated_field=True
        )
    except ValueError as error:
        raise ApiError("INVALID_ARGUMENT", f"update_mask: {error}.") from error


def _listed(stored: dict[str, Any], request: Any, collection: str) -> tuple[list[str], str]:
    prefix = f"projects/{project_of(request.name)}/{collection}/"
    chosen = parse(request.filter)
    names = sorted(
        name for name, item in stored.items() if name.startswith(prefix) and chosen.matches(_lookup_in(item))
    )
    return page(names, request.page_size, request.page_token)


def _lookup_in(item: Any) -> Lookup:
    """Fields that lists can be filtered by: display_name, name, type, labels.x, user_labels.x."""

    def look(selector: str) -> str | None:
        for field in ("labels", "user_labels"):
            if selector.startswith(f"{field}.") and hasattr(item, field):
                found: str | None = getattr(item, field).get(selector.partition(".")[2])
                return found
        name = "type_" if selector == "type" else selector
        value = getattr(item, name, None)
        return value if isinstance(value, str) else None

    return look
