"""The gate: what a plan must not destroy or replace unless the user says so."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidegate.core.plan.summary import Action, Change, PlanSummary

_STOPS = "the service stops serving"
_LOCKS_OUT = "its callers are refused until access is given again"
_LOSES = "its data is lost"
_CUTS_OFF = "running revisions lose it"
PROTECTED: Mapping[str, str] = {
    "google_cloud_run_v2_service": _STOPS,
    "google_cloud_run_service": _STOPS,
    "google_cloud_run_domain_mapping": "its address stops answering",
    "google_cloud_run_v2_service_iam_binding": _LOCKS_OUT,
    "google_cloud_run_v2_service_iam_member": _LOCKS_OUT,
    "google_cloud_run_v2_service_iam_policy": _LOCKS_OUT,
    "google_secret_manager_secret": _LOSES,
    "google_secret_manager_regional_secret": _LOSES,
    "google_secret_manager_secret_version": "revisions that read this version, those kept for a rollback "
    "included, can no longer start",
    "google_secret_manager_regional_secret_version": "revisions that read this version, those kept for a "
    "rollback included, can no longer start",
    "google_service_account": "running revisions lose their identity",
    "google_artifact_registry_repository": "its images are lost, those kept for a rollback included",
    "google_storage_bucket": _LOSES,
    "google_kms_key_ring": _LOSES,
    "google_kms_crypto_key": "what it encrypted is lost",
    "google_vpc_access_connector": _CUTS_OFF,
    "google_compute_address": "the address may not come back",
    "google_compute_global_address": "the address may not come back",
    "google_project": _LOSES,
    "google_project_service": "everything in the project that uses this API stops",
}
"""Resource types that are not destroyed without the user's word, and what would be lost."""
PROTECTED_FAMILIES: tuple[tuple[str, str], ...] = (
    ("google_alloydb_", _LOSES),
    ("google_bigquery_", _LOSES),
    ("google_bigtable_", _LOSES),
    ("google_filestore_", _LOSES),
    ("google_firestore_", _LOSES),
    ("google_memorystore_", _LOSES),
    ("google_pubsub_", "messages not yet delivered are lost"),
    ("google_redis_", _LOSES),
    ("google_spanner_", _LOSES),
    ("google_sql_", _LOSES),
)
_ACCESS = re.compile(r"_iam_(member|binding|policy)$")


def refusals(summary: PlanSummary, allow_destroy: bool) -> tuple[str, ...]:
    """A sentence for each change that destroys what serves or keeps data; empty when all may be applied."""
    if allow_destroy:
        return ()
    return tuple(
        _refusal(change, loss)
        for change in summary.changes
        if change.destroys and (loss := _loss(change.type)) is not None
    )


def _loss(kind: str) -> str | None:
    if kind in PROTECTED:
        return PROTECTED[kind]
    if _ACCESS.search(kind):
        return None
    return next((loss for family, loss in PROTECTED_FAMILIES if kind.startswith(family)), None)


def _refusal(change: Change, loss: str) -> str:
    fate = "replaced" if change.action is Action.REPLACE else "deleted"
    because = f" because of {', '.join(change.replaced_because)}" if change.replaced_because else ""
    return f"{change.address} would be {fate}{because}: {loss}"
