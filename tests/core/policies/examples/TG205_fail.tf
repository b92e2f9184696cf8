resource "google_monitoring_alert_policy" "this" {
  conditions {
    display_name = "many"
    condition_prometheus_query_language {
      query = "sum(run_googleapis_com:container_instance_count{service_name=\"orders\"}) > 5" # expect TG205
    }
  }
  conditions {
    display_name = "bare"
    condition_prometheus_query_language {
      query = "rate(run_googleapis_com:request_count[5m]) > 5" # expect TG205
    }
  }
}
