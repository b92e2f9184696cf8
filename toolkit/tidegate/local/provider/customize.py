"""What the real provider adds to a plan beyond its schema: provider-wide defaults, labels, known emails.

Each function takes the provider's settings and gives a customization for `engine.plan`.
"""

# ruff: noqa: ARG001 - customizations share one signature

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.local.provider.engine import Customize, State
from tidegate.local.provider.rest import Settings
from tidegate.local.provider.wire import UNKNOWN

ATTRIBUTION = "goog-terraform-provisioned"

Config = Mapping[str, Any]


def default_project(settings: Settings) -> Customize:
    def change(planned: State, config: Config, prior: Config | None) -> None:
        if "project" in planned and config.get("project") is None:
            planned["project"] = settings.project or planned["project"]

    return change


def default_region(settings: Settings) -> Customize:
    def change(planned: State, config: Config, prior: Config | None) -> None:
        for name in ("region", "location"):
            if name in planned and config.get(name) is None:
                planned[name] = settings.region or planned[name]

    return change


def deletion_policy(settings: Settings) -> Customize:
    def change(planned: State, config: Config, prior: Config | None) -> None:
        if "deletion_policy" in planned and config.get("deletion_policy") is None:
            planned["deletion_policy"] = (prior or {}).get("deletion_policy") or "DELETE"

    return change


def managed_labels(settings: Settings) -> Customize:
    """`terraform_labels` are those of the configuration, of the provider block and the attribution;
    `effective_labels` are these and whatever others the service has."""

    def change(planned: State, config: Config, prior: Config | None) -> None:
        own = config.get("labels")
        before = prior or {}
        if own is UNKNOWN or UNKNOWN in (own or {}).values():
            planned["terraform_labels"] = planned["effective_labels"] = UNKNOWN
            return
        effective = dict(before.get("effective_labels") or {})
        managed = dict(settings.default_labels)
        if settings.attribution and (
            prior is None or settings.attribution_always or ATTRIBUTION in effective
        ):
            managed[ATTRIBUTION] = "true"
        managed |= own or {}
        _set(planned, "terraform_labels", managed, before)
        _set(planned, "effective_labels", _merged(effective, before.get("terraform_labels"), managed), before)

    return change


def managed_annotations(settings: Settings) -> Customize:
    """Annotations are not authoritative: only the configuration's own keys are ever changed or removed."""

    def change(planned: State, config: Config, prior: Config | None) -> None:
        own = config.get("annotations")
        before = prior or {}
        if own is UNKNOWN or UNKNOWN in (own or {}).values():
            planned["effective_annotations"] = UNKNOWN
            return
        effective = _merged(before.get("effective_annotations"), before.get("annotations"), own or {})
        _set(planned, "effective_annotations", effective, before)

    return change


def service_account_email(settings: Settings) -> Customize:
    """The email follows from the account id, so that grants to a new account are known in the plan."""

    def change(planned: State, config: Config, prior: Config | None) -> None:
        account, project = planned.get("account_id"), planned.get("project")
        if prior is not None or not isinstance(account, str) or not isinstance(project, str):
            return
        domain, _, name = project.rpartition(":")
        planned["email"] = f"{account}@{f'{name}.{domain}' if domain else name}.iam.gserviceaccount.com"
        planned["member"] = f"serviceAccount:{planned['email']}"

    return change


def _merged(effective: Any, was: Any, now: Mapping[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in (effective or {}).items() if key in now or key not in (was or {})}
    return {**kept, **now}


def _set(planned: State, name: str, value: dict[str, str], before: Config) -> None:
    old = before.get(name)
    planned[name] = old if before and (old or {}) == value else value
