resource "google_monitoring_alert_policy" "bare" { # expect TG203
}

resource "google_monitoring_alert_policy" "without" { # expect TG203
  alert_strategy {
    notification_prompts = ["OPENED"]
  }
}
