locals {
  # Requests in flight as in connection_ratio. While two revisions serve, both keep their minimum. Cloud Run adds
  # instances for CPU as well: those that compute are needed, however few requests there are.
  most_expected = max(var.alerts.instances.minimum, 2 * var.scaling.min_instances)
  many          = <<-EOT
    sum(${local.instances}{${local.run}}) > ${local.most_expected}
    and sum(${local.instances}{${local.run}}) > ${var.alerts.instances.factor} * clamp_min(
      (sum(rate(${local.latencies}_sum{${local.run}}[900s])) or vector(0)) / 1000 / ${var.scaling.concurrency},
      1
    )
    unless on () (
      max(
        sum by (container_name) (rate(${local.cpu_ratio}_sum{${local.run}}[900s]))
        / sum by (container_name) (rate(${local.cpu_ratio}_count{${local.run}}[900s]))
      ) > ${var.alerts.instances.busy}
    )
  EOT

  # Cloud Run counts a start-up only when it has succeeded: many of them and few instances are restarts.
  restarts = <<-EOT
    sum by (revision_name) (increase(${local.starts}_count{${local.run}}[${var.alerts.restarts.window_seconds}s])) >= ${var.alerts.restarts.minimum}
    and sum by (revision_name) (increase(${local.starts}_count{${local.run}}[${var.alerts.restarts.window_seconds}s]))
    > ${var.alerts.restarts.factor} * sum by (revision_name) (max_over_time(${local.instances}{${local.run}}[${var.alerts.restarts.window_seconds}s]))
  EOT

  # A slow start fails some probes before one succeeds, so that failures are held against successes.
  failed_starts = <<-EOT
    sum by (revision_name) (increase(${local.probes}{${local.run},probe_type=~"(?i)startup",is_healthy=~"(?i)false"}[${var.alerts.failed_starts.window_seconds}s])) >= ${var.alerts.failed_starts.minimum}
    unless on (revision_name) (
      ${var.alerts.failed_starts.factor} * sum by (revision_name) (increase(${local.probes}{${local.run},probe_type=~"(?i)startup",is_healthy=~"(?i)true"}[${var.alerts.failed_starts.window_seconds}s]))
      >= sum by (revision_name) (increase(${local.probes}{${local.run},probe_type=~"(?i)startup",is_healthy=~"(?i)false"}[${var.alerts.failed_starts.window_seconds}s]))
    )
  EOT

  capacity = {
    failed_starts    = local.failed_starts
    instances        = local.many
    pending_requests = "sum by (revision_name) (avg_over_time(${local.pending}{${local.run}}[${var.alerts.pending_requests.window_seconds}s])) > ${var.alerts.pending_requests.threshold}"
    restarts         = local.restarts
  }
}
