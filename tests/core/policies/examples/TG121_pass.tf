resource "google_cloud_run_v2_service" "ignored" {
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 100
  }
  lifecycle {
    ignore_changes = [traffic, client, client_version]
  }
}

resource "google_cloud_run_v2_service" "all" {
  traffic {
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 100
  }
  lifecycle {
    ignore_changes = all
  }
}

resource "google_cloud_run_v2_service" "left_out" {
  template {}
}
