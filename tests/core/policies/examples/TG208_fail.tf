resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "old"
    condition_monitoring_query_language { # expect TG208
      query    = "fetch cloud_run_revision | metric 'run.googleapis.com/request_count'"
      duration = "60s"
    }
  }
}
