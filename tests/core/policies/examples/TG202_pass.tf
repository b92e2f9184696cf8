resource "google_monitoring_alert_policy" "told" {
  documentation {
    content = "Roll back, then look for the connection that is never closed."
  }
}

resource "google_monitoring_alert_policy" "computed" {
  documentation {
    content = file("${path.module}/runbook.md")
  }
}

resource "google_monitoring_alert_policy" "dynamic" {
  dynamic "documentation" {
    for_each = var.runbooks
    content {
      content = documentation.value
    }
  }
}

resource "google_monitoring_alert_policy" "off" {
  enabled = false
}
