resource "google_cloud_run_v2_service" "named" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 100
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    scaling {
      max_instance_count = 3
    }
  }
  traffic {
    type     = var.type
    revision = var.revision
    percent  = 100
  }
}

resource "google_cloud_run_service" "first_generation" {
  traffic {
    revision_name = "orders-00041"
    percent       = 100
  }
}
