resource "google_monitoring_alert_policy" "logs" {
  conditions {
    display_name = "too many open files"
    condition_matched_log {
      filter = "textPayload:\"too many open files\""
    }
  }
  alert_strategy {
    notification_rate_limit {
      period = "300s"
    }
  }
}

resource "google_monitoring_alert_policy" "computed" {
  dynamic "conditions" {
    for_each = var.conditions
    content {
      display_name = conditions.key
      dynamic "condition_matched_log" {
        for_each = conditions.value
        content {
          filter = condition_matched_log.value
        }
      }
    }
  }
  alert_strategy {
    notification_rate_limit {
      period = "300s"
    }
  }
}
