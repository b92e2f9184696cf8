locals {
  # Every label that tells this service's series from others in the metrics scope.
  run = "monitored_resource=\"cloud_run_revision\",project_id=\"${var.project}\",location=\"${var.region}\",service_name=\"${var.service}\""
  # What the Managed Prometheus sidecar writes for a service.
  target = "project_id=\"${var.project}\",location=\"${var.region}\",cluster=\"__run__\",namespace=\"${var.service}\""

  requests  = "run_googleapis_com:request_count"
  latencies = "run_googleapis_com:request_latencies"
  instances = "run_googleapis_com:container_instance_count"

  open_fds    = "${var.telemetry.open_fds}{${local.target}}"
  max_fds     = "${var.telemetry.max_fds}{${local.target}}"
  connections = "${var.telemetry.tcp_connections}{${local.target}}"

  user_labels = merge(var.labels, { service = var.service, managed_by = "tidegate" })

  rollback_command = var.rollback_command != "" ? var.rollback_command : "gcloud run services update-traffic ${var.service} --project=${var.project} --region=${var.region} --to-revisions=REVISION=100"
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.channels.emails

  project      = var.project
  display_name = "${var.service}: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  user_labels  = local.user_labels

  lifecycle {
    # A channel cannot be deleted while a policy names it: this order changes the policies first.
    create_before_destroy = true
  }
}

locals {
  channels = sort(concat([for c in google_monitoring_notification_channel.email : c.name], tolist(var.channels.existing)))
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
    content = templatefile("${path.module}/runbooks/${each.key}.md.tftpl", {
      alert    = each.value
      project  = var.project
      region   = var.region
      rollback = local.rollback_command
      service  = var.service
      fds      = var.telemetry
    })
  }

  alert_strategy {
    auto_close = "${var.alerts.auto_close_seconds}s"
  }
}

resource "google_monitoring_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  project        = var.project
  dashboard_json = jsonencode(local.dashboard)
}
