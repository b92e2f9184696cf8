locals {
  # Every label that tells this service's series from others in the metrics scope.
  run    = "monitored_resource=\"cloud_run_revision\",project_id=\"${var.project}\",location=\"${var.region}\",service_name=\"${var.service}\""
  failed = "${local.run},response_code_class=\"5xx\""
  # What the Managed Prometheus sidecar writes for a service.
  target = "project_id=\"${var.project}\",location=\"${var.region}\",cluster=\"__run__\",namespace=\"${var.service}\""

  requests     = "run_googleapis_com:request_count"
  latencies    = "run_googleapis_com:request_latencies"
  instances    = "run_googleapis_com:container_instance_count"
  billable     = "run_googleapis_com:container_billable_instance_time"
  cpu_ratio    = "run_googleapis_com:container_cpu_utilizations"
  memory_ratio = "run_googleapis_com:container_memory_utilizations"
  pending      = "run_googleapis_com:pending_queue_pending_requests"
  probes       = "run_googleapis_com:container_completed_probe_count"
  starts       = "run_googleapis_com:container_startup_latencies"

  open_fds = "${var.telemetry.open_fds}{${local.target}}"
  max_fds  = "${var.telemetry.max_fds}{${local.target}}"
  memory   = "${var.telemetry.memory_bytes}{${local.target}}"
  # Without a state every connection counts; sockets that listen or are closed already are none.
  connections = "${var.telemetry.tcp_connections}{${local.target},state!~\"(?i)listen|time_wait\"}"

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
