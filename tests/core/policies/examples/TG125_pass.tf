resource "google_cloud_run_v2_service" "off" {
  template {
    session_affinity = false
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    session_affinity = var.sticky
  }
}
