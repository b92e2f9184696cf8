module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "shop/orders:v1"
      secrets = {
        A = { secret = "orders-a", version = "3" }
        B = { secret = "orders-b", version = var.version_of_b }
        C = { secret = "orders-c", version = 4 }
      }
      startup_probe = { http = { path = "/ready" } }
      liveness_probe = { http = { path = "/live" } }
    }
  }
}

resource "google_cloud_run_v2_job" "nightly" {
  template {
    template {
      containers {
        image = "shop/nightly:v1"
        env {
          name = "A"
          value_source {
            secret_key_ref {
              secret  = "a"
              version = "3"
            }
          }
        }
      }
      volumes {
        name = "config"
        secret {
          secret = "config"
          items {
            path    = "config.yaml"
            version = "7"
          }
        }
      }
    }
  }
}
