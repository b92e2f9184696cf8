locals {
  # Growth of a gauge per instance. Four things keep it quiet when nothing leaks: the instance must be older
  # than the window (filling pools and caches are over), the last third must climb as fast as the whole (it
  # does not level off), the load per instance must not have grown by half meanwhile (that explains it), and
  # the highest instance speaks for its revision, so that instances coming and going raise one incident.
  growing = {
    fd_growth         = local.open_fds
    connection_growth = local.connections
    memory_growth     = local.memory
  }
  growth = {
    for kind, metric in local.growing : kind => <<-EOT
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

  # Without the floor the first minutes of an instance would predict anything. The limit is the lower one of
  # Cloud Run's and the process's own.
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
    )
  EOT

  level = {
    for kind in ["fd_level", "fd_level_critical"] : kind => <<-EOT
      max by (revision_name) (
        ${local.open_fds} >= ${var.alerts[kind].threshold * var.telemetry.fd_limit}
        or ${local.open_fds} >= ${var.alerts[kind].threshold} * ${local.max_fds}
      )
    EOT
  }

  # Little's law: requests in flight are arrivals per second times seconds each takes, which is the rate of the
  # latency sum. With nothing in flight any connection is one too many, so the minimum per instance decides.
  connection_ratio = <<-EOT
    sum by (revision_name) (avg_over_time(${local.connections}[${var.alerts.connection_ratio.window_seconds}s]))
    > ${var.alerts.connection_ratio.minimum} * count by (revision_name) (count by (revision_name, instance) (${local.connections}))
    unless on (revision_name) (
      ${var.alerts.connection_ratio.factor} * sum by (revision_name) (rate(${local.latencies}_sum{${local.run}}[${var.alerts.connection_ratio.window_seconds}s])) / 1000
      >= sum by (revision_name) (avg_over_time(${local.connections}[${var.alerts.connection_ratio.window_seconds}s]))
    )
  EOT

  # Caches grow for days and are no leak: growth counts where little memory is left.
  memory_growth = <<-EOT
    (
      ${indent(2, trimspace(local.growth.memory_growth))}
    )
    and on (revision_name) (
      histogram_quantile(0.99, sum by (le, revision_name) (rate(${local.memory_ratio}_bucket{${local.run}}[600s]))) >= ${var.alerts.memory_growth.floor}
    )
  EOT

  leaks = merge(local.growth, local.level, {
    connection_ratio = local.connection_ratio
    fd_errors        = "sum by (revision_name) (increase(${local.fd_errors}{${local.run}}[${var.alerts.fd_errors.window_seconds}s])) >= ${var.alerts.fd_errors.minimum}"
    fd_exhaustion    = local.exhaustion
    memory_growth    = local.memory_growth
  })
}
