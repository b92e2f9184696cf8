locals {
  queries = merge(local.leaks, local.symptoms, local.capacity, local.costs, {
    telemetry_silent = local.telemetry_silent
  })

  alerts = {
    for kind, about in local.catalogue : kind => {
      title       = about.title
      when        = about.when
      topic       = about.topic
      query       = trimspace(local.queries[kind])
      severity    = var.alerts[kind].severity
      for_seconds = var.alerts[kind].for_seconds
    } if var.alerts.enabled && var.alerts[kind].enabled && (kind != "monthly_cost" || var.alerts.monthly_cost.budget > 0)
  }

  # Silence is told of a revision that serves. Where nobody says that there is a collector, it must have been
  # seen in the last day: a service that never had one is not silent.
  telemetry_silent = <<-EOT
    (
      sum by (revision_name) (rate(${local.requests}{${local.run}}[${var.alerts.telemetry_silent.window_seconds}s])) * 60 >= ${var.alerts.telemetry_silent.min_requests_per_minute}
      unless on (revision_name) count by (revision_name) (count_over_time(${local.open_fds}[${var.alerts.telemetry_silent.window_seconds}s]))
    )
    ${var.alerts.telemetry_silent.expected ? "" : "and on () count(count_over_time(${local.open_fds}[86400s]))"}
  EOT
}
