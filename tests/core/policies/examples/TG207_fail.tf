resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "descriptors"
    condition_prometheus_query_language { # expect TG207
      query = "process_open_fds > 20000"
    }
  }
}
