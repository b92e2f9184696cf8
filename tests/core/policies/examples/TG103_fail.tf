resource "google_cloud_run_v2_service" "latest" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic { # expect TG103
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }
}

resource "google_cloud_run_v2_service" "unnamed" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 50
  }
  traffic { # expect TG103
    percent = 50
  }
}

resource "google_cloud_run_service" "first_generation" {
  traffic { # expect TG103
    latest_revision = true
    percent         = 100
  }
}
