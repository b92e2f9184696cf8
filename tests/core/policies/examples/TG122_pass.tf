resource "google_cloud_run_v2_service" "this" {
  template {
    containers {
      image = "shop/orders:v1"
      startup_probe {
        timeout_seconds = 10
        tcp_socket {
          port = 8080
        }
      }
      liveness_probe {
        timeout_seconds = 5
        period_seconds  = var.period
        http_get {
          path = "/live"
        }
      }
    }
  }
}
