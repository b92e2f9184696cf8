resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "descriptors"
    condition_prometheus_query_language {
      query = "process_open_fds > 20000"
    }
  }
  alert_strategy {
    notification_rate_limit { # expect TG212
      period = "300s"
    }
  }
}
