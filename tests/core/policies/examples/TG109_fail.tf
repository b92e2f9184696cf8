module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "shop/orders:v1"
      secrets = {
        A = { secret = "orders-a" }                     # expect TG109
        B = { secret = "orders-b", version = "latest" } # expect TG109
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
              version = "latest" # expect TG109
            }
          }
        }
      }
      volumes {
        name = "config"
        secret { # expect TG109
          secret = "config"
        }
      }
      volumes {
        name = "more"
        secret {
          secret = "more"
          items {
            path    = "more.yaml"
            version = "latest" # expect TG109
          }
        }
      }
    }
  }
}
