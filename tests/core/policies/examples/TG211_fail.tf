module "service" { # expect TG211
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
