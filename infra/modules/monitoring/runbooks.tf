locals {
  # What to look at beside the alert's own query, by topic.
  looks = {
    cost = [
      "sum by (revision_name) (rate(${local.billable}{${local.run}}[1h]))",
      "sum by (revision_name) (rate(${local.requests}{${local.run}}[1h]))",
    ]
    instances = [
      "sum by (revision_name, state) (${local.instances}{${local.run}})",
      "sum by (revision_name) (${local.pending}{${local.run}})",
    ]
    leak = [
      "max by (revision_name, instance) (${local.open_fds})",
      "max by (revision_name, instance) (${local.connections})",
      "max by (revision_name, instance) (${local.memory})",
    ]
    symptom = [
      "sum by (revision_name) (rate(${local.requests}{${local.failed}}[5m])) / sum by (revision_name) (rate(${local.requests}{${local.run}}[5m]))",
      "histogram_quantile(0.99, sum by (le, revision_name) (rate(${local.latencies}_bucket{${local.run}}[5m])))",
    ]
    telemetry = [
      "count by (revision_name) (${local.open_fds})",
      "sum by (revision_name) (${local.instances}{${local.run}})",
    ]
  }

  place            = "--project=${var.project} --region=${var.region}"
  tidegate_command = "tidegate rollback --service ${var.service} --project ${var.project} --region ${var.region}"

  runbooks = {
    for kind, alert in local.alerts : kind => templatefile("${path.module}/runbooks/frame.md.tftpl", {
      title   = "${alert.title}: ${var.service}"
      when    = alert.when
      query   = alert.query
      looks   = local.looks[alert.topic]
      command = var.rollback_command != "" ? var.rollback_command : local.tidegate_command
      gcloud  = "gcloud run services update-traffic ${var.service} ${local.place} --to-revisions=REVISION=100"
      body = trimspace(templatefile("${path.module}/runbooks/${kind}.md.tftpl", {
        dashboard = "${var.service} (${var.region})"
        logs      = "gcloud logging read 'resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${var.service}\" resource.labels.location=\"${var.region}\" severity>=WARNING' --project=${var.project} --limit=20"
        place     = local.place
        service   = var.service
        settings  = var.alerts[kind]
        slo       = var.slo
        telemetry = var.telemetry
      }))
    })
  }
}
