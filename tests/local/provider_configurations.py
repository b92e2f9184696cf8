"""Configurations of every resource type of the local provider, and changes of them, for tests."""

from __future__ import annotations

import re

from local.provider_runs import Folder


def service(**values: str) -> str:
    """A service resource; the keyword arguments replace or add lines of it."""
    return f"""
resource "google_cloud_run_v2_service" "it" {{
  name                = "app"
  location            = "europe-west1"
  deletion_protection = {values.get("protection", "false")}
  {values.get("extra", "")}

  template {{
    containers {{
      image = "{values.get("image", "app:1")}"

      resources {{
        cpu_idle = true
        limits   = {{ memory = "1Gi" }}
      }}

      env {{
        name  = "B"
        value = "b"
      }}

      env {{
        name = "A"

        value_source {{
          secret_key_ref {{
            secret  = "conf"
            version = "1"
          }}
        }}
      }}

      liveness_probe {{
        http_get {{
          path = "/healthz"
        }}
      }}
    }}

    volumes {{
      name = "scratch"

      empty_dir {{
        size_limit = "1Gi"
      }}
    }}
  }}

  lifecycle {{
    ignore_changes = [traffic, client, client_version]
  }}
}}
"""


ACCOUNT = """
resource "google_service_account" "it" {
  account_id   = "runner"
  display_name = "%s"
}
"""
SECRET = """
resource "google_secret_manager_secret" "it" {
  secret_id = "conf"
  labels    = { side = "%s" }

  replication {
    auto {}
  }
}
"""
CONDITION = """
  conditions {
    display_name = "%s"

    condition_threshold {
      filter          = "metric.type=${local.metric} resource.type=${local.kind}"
      comparison      = "COMPARISON_GT"
      duration        = "0s"
      threshold_value = 0

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_RATE"
      }
    }
  }
"""
POLICY = """
locals {
  metric = jsonencode("run.googleapis.com/request_count")
  kind   = jsonencode("cloud_run_revision")
}
resource "google_monitoring_alert_policy" "it" {
  display_name = "%s"
  combiner     = "OR"

  conditions {
    display_name = "growth"

    condition_prometheus_query_language {
      query               = "deriv(process_open_fds[30m]) > 0"
      duration            = "300s"
      evaluation_interval = "30s"
      labels              = { severity = "page" }
    }
  }
%s
  documentation {
    content = "What to do."
  }
}
"""
DASHBOARD = """
resource "google_monitoring_dashboard" "it" {
  dashboard_json = jsonencode({
    displayName  = "%s"
    mosaicLayout = { columns = 48, tiles = [{ width = 24, height = 8, widget = { title = "x" } }] }
  })
}
"""
CHANNEL = """
resource "google_monitoring_notification_channel" "it" {
  display_name = "%s"
  type         = "slack"
  labels       = { channel_name = "#deployments" }

  sensitive_labels {
    auth_token = "token"
  }
}
"""
SLO = """
resource "google_monitoring_custom_service" "it" {
  service_id   = "svc"
  display_name = "svc"
}

resource "google_monitoring_slo" "it" {
  service             = google_monitoring_custom_service.it.service_id
  slo_id              = "available"
  display_name        = "%s"
  goal                = 0.995
  rolling_period_days = 30

  request_based_sli {
    good_total_ratio {
      good_service_filter  = "metric.type=\\"custom.googleapis.com/good\\""
      total_service_filter = "metric.type=\\"custom.googleapis.com/all\\""
    }
  }
}
"""


def member(kind: str, place: str) -> str:
    return f"""
resource "google_{kind}_iam_member" "it" {{
  {place}
  role   = "roles/viewer"
  member = "user:%s@team.example"
}}
"""


CHANGES = {
    "service": (service(), service(image="app:2", extra='annotations = { "me/owner" = "x" }')),
    "service scaled": (service(), service(extra="scaling {\n    min_instance_count = 1\n  }")),
    "service member": (
        member("cloud_run_v2_service", 'name = "app"\n  location = "europe-west1"') % "a",
        member("cloud_run_v2_service", 'name = "app"\n  location = "europe-west1"') % "b",
    ),
    "account": (ACCOUNT % "one", ACCOUNT % "two"),
    "account disabled": (ACCOUNT % "one", ACCOUNT % 'one"\n  disabled = "true'),
    "account member": (
        member("service_account", 'service_account_id = "projects/demo/serviceAccounts/x@demo.y"') % "a",
        member("service_account", 'service_account_id = "projects/demo/serviceAccounts/x@demo.y"') % "b",
    ),
    "project member": (
        member("project", 'project = "demo"') % "a",
        member("project", 'project = "demo"') % "b",
    ),
    "secret": (SECRET % "a", SECRET % "b"),
    "secret version": (
        SECRET % "a" + 'resource "google_secret_manager_secret_version" "it" {\n'
        '  secret = google_secret_manager_secret.it.id\n  secret_data = "one"\n}\n',
        SECRET % "a" + 'resource "google_secret_manager_secret_version" "it" {\n'
        '  secret = google_secret_manager_secret.it.id\n  secret_data = "two"\n}\n',
    ),
    "secret version disabled": (
        'resource "google_secret_manager_secret_version" "it" {\n'
        '  secret = "projects/demo/secrets/x"\n  secret_data = "one"\n}\n',
        'resource "google_secret_manager_secret_version" "it" {\n'
        '  secret = "projects/demo/secrets/x"\n  secret_data = "one"\n  enabled = false\n}\n',
    ),
    "secret member": (
        member("secret_manager_secret", 'secret_id = "conf"') % "a",
        member("secret_manager_secret", 'secret_id = "projects/demo/secrets/conf"') % "b",
    ),
    "policy": (POLICY % ("one", ""), POLICY % ("two", CONDITION % "level")),
    "channel": (CHANNEL % "one", CHANNEL % "two"),
    "dashboard": (DASHBOARD % "one", DASHBOARD % "two"),
    "slo": (SLO % "one", SLO % "two"),
    "descriptor": (
        'resource "google_monitoring_metric_descriptor" "it" {\n  type = "custom.googleapis.com/x"\n'
        '  metric_kind = "GAUGE"\n  value_type = "INT64"\n  description = "one"\n  display_name = "x"\n'
        '  labels {\n    key = "k"\n  }\n}\n',
        'resource "google_monitoring_metric_descriptor" "it" {\n  type = "custom.googleapis.com/x"\n'
        '  metric_kind = "GAUGE"\n  value_type = "INT64"\n  description = "two"\n  display_name = "x"\n'
        '  labels {\n    key = "k"\n  }\n}\n',
    ),
    "log metric": (
        'resource "google_logging_metric" "it" {\n  name = "errors"\n  filter = "one"\n}\n',
        'resource "google_logging_metric" "it" {\n  name = "errors"\n  filter = "two"\n}\n',
    ),
}
"""By name: a configuration, and a change of it."""

LEGACY = (
    # A default of the schema is planned for an omitted argument that is not computed.
    r"planned value cty\.(True|False|StringVal|NumberIntVal)\S* for a non-computed attribute",
    # A computed block that is omitted is unknown before and present afterwards.
    r"attribute representing nested block must not be unknown itself",
    r"block count in plan \(1\) disagrees with count in config \(0\)",
    # The service adds a CPU limit, and the name and the etag of a dashboard.
    r'limits: new element "cpu" has appeared',
    r"^- \.dashboard_json: was ",
    # Computed values of an update are planned as they were, and answered as they are.
    r"^- \.(etag|generation|observed_generation|update_time): was",
    r"^- \.latest_(created|ready)_revision: was",
    r"^- \.(conditions|terminal_condition|traffic_statuses)\S*: ",
)
"""What terraform tolerates of the real provider as well: both follow the older rules for providers."""


def unexpected(folder: Folder) -> list[str]:
    return [line for line in folder.warnings() if not any(re.search(known, line) for known in LEGACY)]
