resource "google_monitoring_alert_policy" "threshold" {
  conditions {
    display_name = "descriptors"
    condition_threshold {
      filter          = "metric.type=\"prometheus.googleapis.com/process_open_fds/gauge\""
      threshold_value = 20000
    }
  }
  conditions {
    display_name = "memory"
    condition_threshold {
      filter          = "metric.type=\"prometheus.googleapis.com/process_resident_memory_bytes/gauge\""
      threshold_value = 500000000
    }
  }
}

resource "google_monitoring_alert_policy" "promql" {
  conditions {
    display_name = "descriptors"
    condition_prometheus_query_language {
      query = "max(process_open_fds{service_name=\"orders\"}) > 0.8 * 25000"
    }
  }
  conditions {
    display_name = "computed"
    condition_prometheus_query_language {
      query = "max(process_open_fds) > ${var.limit}"
    }
  }
}

module "monitoring" {
  source    = "./modules/monitoring"
  telemetry = { fd_limit = 25000 }
}
