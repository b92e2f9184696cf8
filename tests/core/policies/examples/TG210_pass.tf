resource "google_monitoring_notification_channel" "chat" {
  type   = "slack"
  labels = { channel_name = "#oncall" }
  sensitive_labels {
    auth_token = var.token
  }
}

resource "google_monitoring_notification_channel" "pager" {
  type = "pagerduty"
  sensitive_labels {
    service_key_wo         = ephemeral.google_secret_manager_secret_version.key.secret_data
    service_key_wo_version = "1"
  }
}

resource "google_monitoring_notification_channel" "mail" {
  type   = "email"
  labels = { email_address = "oncall@example.com" }
}
