locals {
  error_ratio = <<-EOT
    (
      sum by (revision_name) (rate(${local.requests}{${local.failed}}[${var.alerts.error_ratio.window_seconds}s]))
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

  # Burn rates of the SRE workbook, chapter 5: the long window says that it matters, the short one that it still
  # goes on. They are the whole service's: revisions share its budget.
  error_burn = {
    for kind in ["error_burn_fast", "error_burn_slow"] : kind => join("\nor\n", [
      for burn in var.alerts[kind].burns : join("\nand ", concat(
        [
          for seconds in [burn.long_seconds, burn.short_seconds] :
          "(sum(rate(${local.requests}{${local.failed}}[${seconds}s])) / sum(rate(${local.requests}{${local.run}}[${seconds}s])) > ${format("%.6g", burn.factor * (1 - var.slo.availability))})"
        ],
        ["sum(rate(${local.requests}{${local.run}}[${burn.long_seconds}s])) * 60 >= ${var.alerts[kind].min_requests_per_minute}"],
      ))
    ])
  }

  # More than a share s of requests is slower than a limit exactly when the percentile 1 - s is above it. So no
  # bucket needs to end at the limit.
  latency_burn = {
    for kind in ["latency_burn_fast", "latency_burn_slow"] : kind => join("\nor\n", [
      for burn in var.alerts[kind].burns : join("\nand ", concat(
        [
          for seconds in [burn.long_seconds, burn.short_seconds] :
          "(histogram_quantile(${format("%.6g", 1 - burn.factor * (1 - var.slo.latency))}, sum by (le) (rate(${local.latencies}_bucket{${local.run}}[${seconds}s]))) > ${1000 * var.slo.latency_seconds})"
        ],
        ["sum(rate(${local.requests}{${local.run}}[${burn.long_seconds}s])) * 60 >= ${var.alerts[kind].min_requests_per_minute}"],
      ))
    ])
  }

  symptoms = merge(local.error_burn, local.latency_burn, {
    error_ratio = local.error_ratio
    latency_p99 = local.latency_p99
  })
}
