module "bare" { # expect TG201
  source = "./modules/monitoring"
}

module "monitoring" {
  source   = "./modules/monitoring"
  channels = { emails = [], existing = [] } # expect TG201
}

resource "google_monitoring_alert_policy" "bare" { # expect TG201
}

resource "google_monitoring_alert_policy" "empty" {
  notification_channels = [] # expect TG201
}
