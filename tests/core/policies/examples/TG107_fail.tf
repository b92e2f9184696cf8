module "service" {
  source = "./modules/service"
  containers = {
    app = { # expect TG107
      image = "shop/orders:v1"
      port = 8080
      liveness_probe = { tcp = {} }
    }
    worker = { image = "shop/worker:v1" }
  }
}

module "without" {
  source = "./modules/service"
  containers = {
    app = { # expect TG107
      image = "shop/orders:v1"
      startup_probe = null
      liveness_probe = { tcp = {} }
    }
  }
}

resource "google_cloud_run_v2_service" "this" {
  template {
    scaling {
      max_instance_count = 3
    }
    containers { # expect TG107
      image = "shop/orders:v1"
      liveness_probe {
        tcp_socket {
          port = 8080
        }
      }
    }
  }
}

resource "google_cloud_run_v2_service" "no_port" { # expect TG107
  template {
    containers {
      image = "shop/orders:v1"
    }
    containers {
      image = "shop/worker:v1"
    }
  }
}

resource "google_cloud_run_v2_service" "two_ports" { # expect TG107
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
