module "service" {
  source    = "./modules/service"
  billing   = "instance"
  collector = { enabled = true }
}

module "unwatched" {
  source    = "./modules/service"
  billing   = "request"
  collector = { enabled = false }
}

resource "google_cloud_run_v2_service" "this" {
  template {
    containers {
      image = "otel/opentelemetry-collector-contrib:0.110.0"
      resources {
        cpu_idle = false
      }
    }
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    containers {
      image = "otel/opentelemetry-collector-contrib:0.110.0"
      resources {
        cpu_idle = var.idle
      }
    }
  }
}

resource "google_cloud_run_v2_service" "alone" {
  template {
    containers {
      image = "shop/orders:v1"
    }
  }
}
