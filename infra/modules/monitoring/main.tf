locals {
  user_labels = merge(var.labels, { service = var.service, managed_by = "tidegate" })
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  project               = var.project
  display_name          = "${var.service} (${var.region}): ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = merge(local.user_labels, { alert = each.key, region = var.region })

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "${each.value.for_seconds}s"
      evaluation_interval = "60s"

      # Series that were never written yet, as before a first deployment, are no mistake.
      disable_metric_validation = true
    }
  }

  documentation {
    subject   = "${var.service}: ${each.value.title}"
    mime_type = "text/markdown"
    content   = local.runbooks[each.key]
  }

  alert_strategy {
    auto_close = "${var.alerts.auto_close_seconds}s"
  }

  lifecycle {
    precondition {
      condition     = length(local.runbooks[each.key]) <= 8192
      error_message = "The runbook of ${each.key} has more than the 8192 characters that Cloud Monitoring takes."
    }
  }

  # A query on a metric of log entries that does not exist yet would see nothing for a while.
  depends_on = [google_logging_metric.fd_errors]
}

resource "google_monitoring_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  project        = var.project
  dashboard_json = jsonencode(local.dashboard)
}
