module "service" {
  source = "./modules/service"
  containers = {
    app = { # expect TG108
      image = "shop/orders:v1"
      port = 8080
      startup_probe = { tcp = {} }
    }
    worker = { image = "shop/worker:v1" }
  }
}

module "without" {
  source = "./modules/service"
  containers = {
    app = { # expect TG108
      image = "shop/orders:v1"
      liveness_probe = null
      startup_probe = { tcp = {} }
    }
  }
}

resource "google_cloud_run_v2_service" "this" {
  template {
    scaling {
      max_instance_count = 3
    }
    containers { # expect TG108
      image = "shop/orders:v1"
      startup_probe {
        tcp_socket {
          port = 8080
        }
      }
    }
  }
}

resource "google_cloud_run_v2_service" "no_port" { # expect TG108
  template {
    containers {
      image = "shop/orders:v1"
    }
    containers {
      image = "shop/worker:v1"
    }
  }
}

resource "google_cloud_run_v2_service" "two_ports" { # expect TG108
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
