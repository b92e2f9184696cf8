locals {
  # Growth of a gauge per instance. Four things keep it quiet when nothing leaks: the instance must be older
  # than the window (filling pools and caches are over), the last third must climb as fast as the whole (it
  # does not level off), the load per instance must not have grown by half meanwhile (that explains it), and
  # the highest instance speaks for its revision, so that instances coming and going raise one incident.
  growth = {
    for kind, metric in { fd_growth = local.open_fds, connection_growth = local.connections } : kind => <<-EOT
      max by (revision_name) (
        deriv(${metric}[${var.alerts[kind].window_seconds}s]) * 60 > ${var.alerts[kind].per_minute}
        and deriv(${metric}[${floor(var.alerts[kind].window_seconds / 3)}s]) * 60 > ${var.alerts[kind].per_minute}
        and ${metric} offset ${var.alerts[kind].window_seconds}s
      )
      unless on (revision_name) (
        sum by (revision_name) (rate(${local.requests}{${local.run}}[${floor(var.alerts[kind].window_seconds / 3)}s]))
        / sum by (revision_name) (avg_over_time(${local.instances}{${local.run}}[${floor(var.alerts[kind].window_seconds / 3)}s]))
        > 1.5 * (
          sum by (revision_name) (rate(${local.requests}{${local.run}}[${floor(var.alerts[kind].window_seconds / 3)}s] offset ${floor(var.alerts[kind].window_seconds * 2 / 3)}s))
          / sum by (revision_name) (avg_over_time(${local.instances}{${local.run}}[${floor(var.alerts[kind].window_seconds / 3)}s] offset ${floor(var.alerts[kind].window_seconds * 2 / 3)}s))
        )
      )
    EOT
  }

  # The limit is the lower one of Cloud Run's and the process's own. Without the floor the first minutes of an
  # instance would predict anything; near the limit no prediction is needed.
  exhaustion = <<-EOT
    max by (revision_name) (
      (
        predict_linear(${local.open_fds}[${var.alerts.fd_exhaustion.window_seconds}s], ${var.alerts.fd_exhaustion.within_seconds}) >= ${var.telemetry.fd_limit}
        and ${local.open_fds} >= ${var.alerts.fd_exhaustion.floor * var.telemetry.fd_limit}
      )
      or (
        predict_linear(${local.open_fds}[${var.alerts.fd_exhaustion.window_seconds}s], ${var.alerts.fd_exhaustion.within_seconds}) >= ${local.max_fds}
        and ${local.open_fds} >= ${var.alerts.fd_exhaustion.floor} * ${local.max_fds}
      )
      or ${local.open_fds} >= ${0.9 * var.telemetry.fd_limit}
      or ${local.open_fds} >= 0.9 * ${local.max_fds}
    )
  EOT

  error_ratio = <<-EOT
    (
      sum by (revision_name) (rate(${local.requests}{${local.run},response_code_class="5xx"}[${var.alerts.error_ratio.window_seconds}s]))
      / sum by (revision_name) (rate(${local.requests}{${local.run}}[${var.alerts.error_ratio.window_seconds}s]))
      > ${var.alerts.error_ratio.threshold}
    )
    and sum by (revision_name) (rate(${local.requests}{${local.run}}[${var.alerts.error_ratio.window_seconds}s])) * 60 >= ${var.alerts.error_ratio.min_requests_per_minute}
  EOT

  # Buckets are merged before the percentile is taken: percentiles cannot be averaged. Cloud Run counts in ms.
  latency_p99 = <<-EOT
    (
      histogram_quantile(0.99, sum by (le, revision_name) (rate(${local.latencies}_bucket{${local.run}}[${var.alerts.latency_p99.window_seconds}s])))
      > ${1000 * var.alerts.latency_p99.threshold_seconds}
    )
    and sum by (revision_name) (rate(${local.requests}{${local.run}}[${var.alerts.latency_p99.window_seconds}s])) * 60 >= ${var.alerts.latency_p99.min_requests_per_minute}
  EOT

  # Little's law: requests in flight are arrivals per second times seconds each takes, which is the rate of the
  # latency sum. While two revisions serve, both keep their minimum.
  most_expected = max(var.alerts.instances.minimum, 2 * var.scaling.min_instances)
  many          = <<-EOT
    sum(${local.instances}{${local.run}}) > ${local.most_expected}
    and sum(${local.instances}{${local.run}}) > ${var.alerts.instances.factor} * clamp_min(
      (sum(rate(${local.latencies}_sum{${local.run}}[900s])) or vector(0)) / 1000 / ${var.scaling.concurrency},
      1
    )
  EOT

  kinds = {
    connection_growth = { title = "TCP connections grow", query = local.growth.connection_growth }
    error_ratio       = { title = "5xx ratio", query = local.error_ratio }
    fd_exhaustion     = { title = "File descriptors run out", query = local.exhaustion }
    fd_growth         = { title = "File descriptors grow", query = local.growth.fd_growth }
    instances         = { title = "More instances than the traffic needs", query = local.many }
    latency_p99       = { title = "p99 latency", query = local.latency_p99 }
  }

  alerts = {
    for kind, about in local.kinds : kind => {
      title       = about.title
      query       = trimspace(about.query)
      severity    = var.alerts[kind].severity
      for_seconds = var.alerts[kind].for_seconds
    } if var.alerts.enabled && var.alerts[kind].enabled
  }
}
