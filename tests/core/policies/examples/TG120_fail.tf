resource "google_cloud_run_v2_service" "this" {
  template {
    revision = "orders-42" # expect TG120
  }
}
