resource "google_monitoring_notification_channel" "chat" {
  type = "slack"
  labels = {
    channel_name = "#oncall"
    auth_token   = "not-a-real-token" # expect TG210
  }
}

resource "google_monitoring_notification_channel" "pager" {
  type = "pagerduty"
  sensitive_labels {
    service_key = "not-a-real-key" # expect TG210
  }
}

resource "google_monitoring_notification_channel" "hook" {
  type = "webhook_tokenauth"
  labels = {
    url = "https://alerts:hunter2@example.com/hook" # expect TG210
  }
}
