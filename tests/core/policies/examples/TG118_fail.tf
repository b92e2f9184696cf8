module "service" {
  source    = "./modules/service"
  billing   = "request" # expect TG118
  collector = { enabled = true }
}

resource "google_cloud_run_v2_service" "this" {
  template {
    containers {
      image = "shop/orders:v1"
      resources {
        cpu_idle = true # expect TG118
      }
    }
    containers {
      image = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"
      resources {
        cpu_idle = true
      }
    }
  }
}

resource "google_cloud_run_v2_service" "nothing_said" {
  template {
    containers { # expect TG118
      image = "otel/opentelemetry-collector-contrib:0.110.0"
    }
  }
}
