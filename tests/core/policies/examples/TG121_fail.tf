resource "google_cloud_run_v2_service" "this" {
  traffic { # expect TG121
    type     = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    revision = "orders-00041"
    percent  = 100
  }
  lifecycle {
    ignore_changes = [client, client_version]
  }
}
