resource "google_monitoring_alert_policy" "closes" {
  alert_strategy {
    auto_close = "3600s"
  }
}

resource "google_monitoring_alert_policy" "computed" {
  alert_strategy {
    auto_close = "${var.seconds}s"
  }
}
