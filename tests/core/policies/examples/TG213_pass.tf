resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "descriptors"
    condition_prometheus_query_language {
      query               = "process_open_fds > 20000"
      evaluation_interval = "60s"
    }
  }
  conditions {
    display_name = "computed"
    condition_prometheus_query_language {
      query               = "process_open_fds > 20000"
      evaluation_interval = "${var.interval}s"
    }
  }
}
