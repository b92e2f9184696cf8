resource "google_monitoring_alert_policy" "threshold" {
  conditions {
    display_name = "descriptors"
    condition_threshold {
      filter          = "metric.type=\"prometheus.googleapis.com/process_open_fds/gauge\" AND resource.type=\"prometheus_target\""
      comparison      = "COMPARISON_GT"
      threshold_value = 60000 # expect TG206
    }
  }
}

resource "google_monitoring_alert_policy" "promql" {
  conditions {
    display_name = "descriptors"
    condition_prometheus_query_language {
      query = "max(process_open_fds{service_name=\"orders\"}) > 65536" # expect TG206
    }
  }
}

module "monitoring" {
  source    = "./modules/monitoring"
  telemetry = { fd_limit = 1048576 } # expect TG206
}
