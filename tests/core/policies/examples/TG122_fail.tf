resource "google_cloud_run_v2_service" "this" {
  template {
    containers {
      image = "shop/orders:v1"
      startup_probe {
        timeout_seconds = 20 # expect TG122
        tcp_socket {
          port = 8080
        }
      }
      liveness_probe {
        timeout_seconds = 5 # expect TG122
        period_seconds  = 3
        http_get {
          path = "/live"
        }
      }
    }
  }
}

module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "shop/orders:v1"
      startup_probe = {
        http            = { path = "/ready" }
        timeout_seconds = 11 # expect TG122
      }
    }
  }
}
