locals {
  # Charts by section, read from above and three across. Queries by the legend of their lines, thresholds by the
  # label of theirs.
  panels = {
    verdict = [
      {
        title      = "Share of traffic"
        axis       = "share of requests"
        unit       = "10^2.%"
        plot       = "STACKED_AREA"
        queries    = { (local.each) = "sum ${local.by} (rate(${local.requests}{${local.run}}[5m])) / on () group_left () sum(rate(${local.requests}{${local.run}}[5m]))" }
        thresholds = {}
      },
      {
        title      = "Requests"
        axis       = "requests per second"
        unit       = "1/s"
        plot       = "LINE"
        queries    = { (local.each) = "sum ${local.by} (rate(${local.requests}{${local.run}}[5m]))" }
        thresholds = {}
      },
      {
        title      = "Instances started"
        axis       = "starts in 5 minutes"
        unit       = "1"
        plot       = "STACKED_BAR"
        queries    = { (local.each) = "sum ${local.by} (increase(${local.starts}_count{${local.run}}[5m]))" }
        thresholds = {}
      },
    ]

    symptoms = [
      {
        title = "Latency, p50 and p99"
        axis  = "milliseconds"
        unit  = "ms"
        plot  = "LINE"
        queries = {
          for name, q in { p50 = "0.5", p99 = "0.99" } : "${name} ${local.each}" =>
          "histogram_quantile(${q}, sum by (le, revision_name) (rate(${local.latencies}_bucket{${local.run}}[5m])))"
        }
        thresholds = {
          "alert latency_p99" = 1000 * var.alerts.latency_p99.threshold_seconds
          "objective"         = 1000 * var.slo.latency_seconds
        }
      },
      {
        title   = "5xx ratio"
        axis    = "share of requests"
        unit    = "10^2.%"
        plot    = "LINE"
        queries = { (local.each) = "sum ${local.by} (rate(${local.requests}{${local.failed}}[5m])) / sum ${local.by} (rate(${local.requests}{${local.run}}[5m]))" }
        thresholds = {
          "alert error_ratio" = var.alerts.error_ratio.threshold
          "objective"         = tonumber(format("%.6g", 1 - var.slo.availability))
        }
      },
      {
        title      = "Requests that wait for an instance"
        axis       = "requests"
        unit       = "1"
        plot       = "LINE"
        queries    = { (local.each) = "sum ${local.by} (avg_over_time(${local.pending}{${local.run}}[5m]))" }
        thresholds = { "alert pending_requests" = var.alerts.pending_requests.threshold }
      },
      {
        title   = "Instances"
        axis    = "instances"
        unit    = "1"
        plot    = "STACKED_AREA"
        queries = { "${local.each} $${state}" = "sum by (revision_name, state) (${local.instances}{${local.run}})" }
        thresholds = {
          "alert instances, with little traffic" = local.most_expected
          "limit"                                = var.scaling.max_instances
        }
      },
      {
        title = "Cost, kept up for a month"
        axis  = "currency of the prices, at list price"
        unit  = "1"
        plot  = "STACKED_AREA"
        # A revision without requests is billed for its instances all the same.
        queries = {
          (local.each) = "${format("%.8g", local.instance_month)} * sum ${local.by} (rate(${local.billable}{${local.run}}[1h])) + ${format("%.8g", local.request_month)} * (sum ${local.by} (rate(${local.requests}{${local.run}}[1h])) or 0 * sum ${local.by} (rate(${local.billable}{${local.run}}[1h])))"
        }
        thresholds = { "alert monthly_cost" = var.alerts.monthly_cost.budget }
      },
      {
        title      = "Billable time per request"
        axis       = "instance seconds"
        unit       = "s"
        plot       = "LINE"
        queries    = { (local.each) = "sum ${local.by} (rate(${local.billable}{${local.run}}[5m])) / sum ${local.by} (rate(${local.requests}{${local.run}}[5m]))" }
        thresholds = {}
      },
    ]

    cause = concat(
      [
        for row in local.held : {
          title      = "${row.title}, highest instance"
          axis       = row.axis
          unit       = row.unit
          plot       = "LINE"
          queries    = { (local.each) = "max ${local.by} (sum by (revision_name, instance) (${row.metric}))" }
          thresholds = row.levels
        }
      ],
      [
        for row in local.held : {
          title      = "${row.title}, growth"
          axis       = "${row.axis} per minute, fastest instance"
          unit       = row.unit
          plot       = "LINE"
          queries    = { (local.each) = "max ${local.by} (sum by (revision_name, instance) (deriv(${row.metric}[${var.alerts[row.growth].window_seconds}s]))) * 60" }
          thresholds = { "alert ${row.growth}" = var.alerts[row.growth].per_minute }
        }
      ],
      [
        # Requests in flight by Little's law, as in connection_ratio. A quiet service counts as one of them.
        for row in local.held : {
          title      = "${row.title}, per request in flight"
          axis       = row.axis
          unit       = row.unit
          plot       = "LINE"
          queries    = { (local.each) = "sum ${local.by} (avg_over_time(${row.metric}[10m])) / clamp_min(sum ${local.by} (rate(${local.latencies}_sum{${local.run}}[10m])) / 1000, 1)" }
          thresholds = row.ratios
        }
      ],
      [
        {
          title   = "Memory utilisation, p50 and p99"
          axis    = "share of the limit"
          unit    = "10^2.%"
          plot    = "LINE"
          queries = { for name, q in { p50 = "0.5", p99 = "0.99" } : "${name} ${local.each}" => "histogram_quantile(${q}, sum by (le, revision_name) (rate(${local.memory_ratio}_bucket{${local.run}}[5m])))" }
          thresholds = {
            "floor of memory_growth" = var.alerts.memory_growth.floor
            "limit"                  = 1
          }
        },
      ],
      # The metric of the log exists with its alert only.
      [
        for query in ["sum ${local.by} (increase(${local.fd_errors}{${local.run}}[5m]))"] : {
          title      = "Log lines: too many open files"
          axis       = "lines in 5 minutes"
          unit       = "1"
          plot       = "STACKED_BAR"
          queries    = { (local.each) = query }
          thresholds = { "alert fd_errors" = var.alerts.fd_errors.minimum }
        } if contains(keys(local.alerts), "fd_errors")
      ],
    )

    instances = [
      for row in local.held : {
        title      = "${row.title}, every instance"
        axis       = row.axis
        unit       = row.unit
        plot       = "LINE"
        queries    = { "${local.each} $${instance}" = "sum by (revision_name, instance) (${row.metric})" }
        thresholds = row.levels
      }
    ]
  }

  by   = "by (revision_name)"
  each = "$${revision_name}"

  # What an instance holds: gauges of the collector, and where their alerts begin. Each state of a connection is a
  # series of its own, so that an instance holds the sum of its series.
  held = [
    {
      title  = "File descriptors"
      axis   = "descriptors"
      unit   = "1"
      metric = local.open_fds
      growth = "fd_growth"
      levels = {
        "alert fd_level"          = var.alerts.fd_level.threshold * var.telemetry.fd_limit
        "alert fd_level_critical" = var.alerts.fd_level_critical.threshold * var.telemetry.fd_limit
        "limit"                   = var.telemetry.fd_limit
      }
      ratios = {}
    },
    {
      title  = "TCP connections"
      axis   = "connections"
      unit   = "1"
      metric = local.connections
      growth = "connection_growth"
      levels = {}
      ratios = { "alert connection_ratio" = var.alerts.connection_ratio.factor }
    },
    {
      title  = "Memory"
      axis   = "bytes"
      unit   = "By"
      metric = local.memory
      growth = "memory_growth"
      levels = {}
      ratios = {}
    },
  ]
}
