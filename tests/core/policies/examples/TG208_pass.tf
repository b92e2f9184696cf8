resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "new"
    condition_prometheus_query_language {
      query = "process_open_fds > 20000"
    }
  }
}
