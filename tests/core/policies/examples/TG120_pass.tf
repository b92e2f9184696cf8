resource "google_cloud_run_v2_service" "this" {
  template {}
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    revision = var.revision
  }
}
