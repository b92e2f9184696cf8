locals {
  # A page is read from above: what was done and does it burn, what users feel, what it comes from.
  sections = [
    {
      title    = "Verdict"
      subtitle = "Which revisions serve, what was changed, what burns"
      group    = false
      widgets  = concat([local.guide], local.incidents, [local.changes], local.charts.verdict)
    },
    {
      title    = "Symptoms"
      subtitle = "What users and the bill feel, by revision"
      group    = false
      widgets  = local.charts.symptoms
    },
    {
      title    = "Cause"
      subtitle = "What instances hold, per instance and per request, by revision"
      group    = false
      widgets  = concat(local.charts.cause, [local.warnings])
    },
    {
      title    = "Every instance"
      subtitle = ""
      group    = true
      widgets  = local.charts.instances
    },
  ]

  guide = {
    title = "How to read this page"
    text = {
      format = "MARKDOWN"
      content = trimspace(templatefile("${path.module}/runbooks/dashboard.md.tftpl", {
        aim       = "--service ${var.service} --project ${var.project} --region ${var.region}"
        command   = var.rollback_command != "" ? var.rollback_command : local.tidegate_command
        incidents = "https://console.cloud.google.com/monitoring/alerting/incidents?project=${var.project}"
      }))
    }
  }

  # No policy, no list: one that names none would show the incidents of the whole project.
  incidents = [
    for names in [[for policy in google_monitoring_alert_policy.this : regex("alertPolicies/[^/]+$", policy.name)]] :
    { title = "Incidents of this service", incidentList = { policyNames = names } } if length(names) > 0
  ]

  log_of_service = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${var.service}\" resource.labels.location=\"${var.region}\""

  # Each entry holds the annotation tidegate/rollout as it was written: who, which revisions, which phase.
  changes = {
    title     = "Deployments and shifts of traffic"
    logsPanel = { filter = "${local.log_of_service} (log_id(\"cloudaudit.googleapis.com/activity\") OR log_id(\"cloudaudit.googleapis.com/system_event\"))" }
  }

  warnings = {
    title     = "Warnings and errors in the log"
    logsPanel = { filter = "${local.log_of_service} severity>=WARNING NOT log_id(\"cloudaudit.googleapis.com/activity\") NOT log_id(\"cloudaudit.googleapis.com/system_event\")" }
  }

  # The API drops zeros and empty values, and what it drops would be planned again for ever: hence no threshold
  # at 0. It takes neither a colour nor a direction for the thresholds of such a chart. An alert that is switched
  # off has none.
  charts = {
    for section, panels in local.panels : section => [
      for panel in panels : {
        title = panel.title
        xyChart = merge(
          {
            chartOptions = { mode = "COLOR" }
            dataSets = [
              for legend, query in panel.queries : {
                plotType        = panel.plot
                targetAxis      = "Y1"
                legendTemplate  = legend
                timeSeriesQuery = { prometheusQuery = query, unitOverride = panel.unit }
              }
            ]
            yAxis = { label = panel.axis, scale = "LINEAR" }
          },
          {
            for key, lines in {
              thresholds = [
                for label, value in panel.thresholds : { label = label, value = value, targetAxis = "Y1" }
                if value > 0 && try(contains(keys(local.alerts), regex("^alert (\\w+)", label)[0]), true)
              ]
            } : key => lines if length(lines) > 0
          },
        )
      }
    ]
  }

  across = 3
  width  = 48 / local.across
  height = 16
  header = 5

  # The widgets of a group lie on it, those of other sections below their header.
  heads   = [for section in local.sections : section.group ? 0 : local.header]
  heights = [for at, section in local.sections : local.heads[at] + local.height * ceil(length(section.widgets) / local.across)]
  tops    = [for at, section in local.sections : sum(concat([0], slice(local.heights, 0, at)))]

  placed = flatten([
    for at, section in local.sections : concat(
      [
        {
          x      = 0
          y      = local.tops[at]
          width  = 48
          height = section.group ? local.heights[at] : local.header
          widget = jsonencode(merge(
            { title = section.title },
            section.group ? { collapsibleGroup = { collapsed = true } } : null,
            section.group ? null : { sectionHeader = { subtitle = section.subtitle, dividerBelow = true } },
          ))
        },
      ],
      [
        for number, widget in section.widgets : {
          x      = number % local.across * local.width
          y      = local.tops[at] + local.heads[at] + floor(number / local.across) * local.height
          width  = local.width
          height = local.height
          widget = jsonencode(widget)
        }
      ],
    )
  ])

  dashboard = {
    displayName = "${var.service} (${var.region})"
    mosaicLayout = {
      columns = 48
      tiles = [
        for tile in local.placed : merge(
          { for axis, at in { xPos = tile.x, yPos = tile.y } : axis => at if at != 0 },
          { width = tile.width, height = tile.height, widget = jsondecode(tile.widget) },
        )
      ]
    }
  }
}
