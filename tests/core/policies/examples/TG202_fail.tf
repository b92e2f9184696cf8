resource "google_monitoring_alert_policy" "bare" { # expect TG202
}

resource "google_monitoring_alert_policy" "empty" { # expect TG202
  documentation {
    subject = "orders"
    content = ""
  }
}
