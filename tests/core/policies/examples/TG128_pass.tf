resource "google_cloud_run_v2_service" "said" {
  template {
    containers {
      image = "shop/orders:v1"
      resources {
        cpu_idle = false
        limits   = { memory = "1Gi" }
      }
    }
    containers {
      image = "shop/proxy:v1"
      resources {
        cpu_idle = var.idle
      }
    }
  }
}

resource "google_cloud_run_v2_service" "none" {
  template {
    containers {
      image = "shop/orders:v1"
    }
  }
}
