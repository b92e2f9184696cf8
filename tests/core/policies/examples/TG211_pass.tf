module "service" {
  source = "./modules/service"
}

resource "google_monitoring_alert_policy" "latency" {
  conditions {
    display_name = "latency"
    condition_threshold {
      filter = "metric.type=\"run.googleapis.com/request_latencies\""
    }
  }
}

resource "google_monitoring_alert_policy" "descriptors" {
  conditions {
    display_name = "descriptors"
    condition_prometheus_query_language {
      query = "deriv(process_open_fds[30m]) * 60 > 2"
    }
  }
}
