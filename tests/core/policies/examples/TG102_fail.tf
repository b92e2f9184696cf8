resource "google_cloud_run_v2_service" "short" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic { # expect TG102
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 80
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00042"
    percent  = 10
  }
}

resource "google_cloud_run_service" "first_generation" {
  traffic { # expect TG102
    revision_name = "orders-00041"
    percent       = 101
  }
}

resource "google_cloud_run_v2_service" "nothing" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic { # expect TG102
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
  }
}
