resource "google_cloud_run_v2_service" "this" {
  template {
    session_affinity = true # expect TG125
  }
}
