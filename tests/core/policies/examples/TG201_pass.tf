module "monitoring" {
  source   = "./modules/monitoring"
  channels = { emails = ["oncall@example.com"] }
}

module "existing" {
  source = "./modules/monitoring"
  channels = {
    emails   = []
    existing = ["projects/shop-prod/notificationChannels/1"]
  }
}

module "computed" {
  source   = "./modules/monitoring"
  channels = var.channels
}

module "off" {
  source = "./modules/monitoring"
  alerts = { enabled = false }
}

resource "google_monitoring_alert_policy" "told" {
  notification_channels = [google_monitoring_notification_channel.oncall.id]
}

resource "google_monitoring_alert_policy" "computed" {
  notification_channels = var.channels
}

resource "google_monitoring_alert_policy" "off" {
  enabled = false
}
