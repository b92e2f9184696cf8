resource "google_cloud_run_v2_service" "this" {
  template {
    containers {
      image = "shop/orders:v1"
      resources { # expect TG128
        limits = { memory = "1Gi" }
      }
    }
  }
}
