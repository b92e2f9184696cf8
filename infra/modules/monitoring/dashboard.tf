locals {
  by_revision = "by (revision_name)"

  panels = [
    {
      title = "Open file descriptors per instance"
      unit  = ""
      queries = [
        "max by (revision_name, instance) (${local.open_fds})",
      ]
    },
    {
      title   = "TCP connections per instance"
      unit    = ""
      queries = ["max by (revision_name, instance) (${local.connections})"]
    },
    {
      title   = "Open file descriptors, highest instance of each revision"
      unit    = ""
      queries = ["max ${local.by_revision} (${local.open_fds})"]
    },
    {
      title   = "TCP connections, highest instance of each revision"
      unit    = ""
      queries = ["max ${local.by_revision} (${local.connections})"]
    },
    {
      title = "Latency p50 and p99"
      unit  = "ms"
      queries = [
        for q in ["0.5", "0.99"] :
        "histogram_quantile(${q}, sum by (le, revision_name) (rate(${local.latencies}_bucket{${local.run}}[5m])))"
      ]
    },
    {
      title = "5xx ratio"
      unit  = "1"
      queries = [
        "sum ${local.by_revision} (rate(${local.requests}{${local.run},response_code_class=\"5xx\"}[5m])) / sum ${local.by_revision} (rate(${local.requests}{${local.run}}[5m]))",
      ]
    },
    {
      title   = "Requests per second"
      unit    = "1/s"
      queries = ["sum ${local.by_revision} (rate(${local.requests}{${local.run}}[5m]))"]
    },
    {
      title   = "Instances by state"
      unit    = ""
      queries = ["sum by (revision_name, state) (${local.instances}{${local.run}})"]
    },
    {
      title = "Memory utilisation, p50 and p99"
      unit  = "1"
      queries = [
        for q in ["0.5", "0.99"] :
        "histogram_quantile(${q}, sum by (le, revision_name) (rate(run_googleapis_com:container_memory_utilizations_bucket{${local.run}}[5m])))"
      ]
    },
    {
      title   = "Billable instance seconds per second"
      unit    = "1"
      queries = ["sum ${local.by_revision} (rate(run_googleapis_com:container_billable_instance_time{${local.run}}[5m]))"]
    },
  ]

  # The API drops zeros and empty values, and what it drops would be planned again for ever.
  dashboard = {
    displayName = "${var.service} (${var.region})"
    mosaicLayout = {
      columns = 48
      tiles = [
        for i, panel in local.panels : merge(
          { for axis, at in { xPos = i % 2 * 24, yPos = floor(i / 2) * 16 } : axis => at if at != 0 },
          {
            width  = 24
            height = 16
            widget = {
              title = panel.title
              xyChart = {
                dataSets = [
                  for query in panel.queries : {
                    plotType   = "LINE"
                    targetAxis = "Y1"
                    timeSeriesQuery = merge(
                      { prometheusQuery = query },
                      { for key, unit in { unitOverride = panel.unit } : key => unit if unit != "" },
                    )
                  }
                ]
                yAxis = { scale = "LINEAR" }
              }
            }
          },
        )
      ]
    }
  }
}
