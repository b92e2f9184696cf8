resource "google_cloud_run_v2_service" "without" { # expect TG130
  template {
    containers {
      image = "shop/orders:v1"
    }
    containers {
      image = "shop/worker:v1"
    }
  }
}

resource "google_cloud_run_v2_service" "both" { # expect TG130
  template {
    containers {
      image = "shop/orders:v1"
      ports {
        container_port = 8080
      }
    }
    containers {
      image = "shop/worker:v1"
      ports {
        container_port = 9090
      }
    }
  }
}

resource "google_cloud_run_service" "old" { # expect TG130
  template {
    spec {
      containers {
        image = "shop/a:v1"
      }
      containers {
        image = "shop/b:v1"
      }
    }
  }
}

module "service" { # expect TG130
  source = "./modules/service"
  containers = {
    app    = { image = "shop/orders:v1" }
    worker = { image = "shop/worker:v1" }
  }
}
