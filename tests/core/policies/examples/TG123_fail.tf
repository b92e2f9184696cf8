module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image         = "shop/orders:v1"
      port          = 8080
      startup_probe = { http = { path = "/ready" } }
    }
    worker = {
      image          = "shop/worker:v1"
      liveness_probe = { tcp = { port = 9000 } } # expect TG123
    }
  }
}

resource "google_cloud_run_v2_service" "this" {
  template {
    containers {
      image = "shop/orders:v1"
      liveness_probe { # expect TG123
        initial_delay_seconds = 10
        period_seconds        = 5
        failure_threshold     = 2
        tcp_socket {
          port = 8080
        }
      }
    }
  }
}
