module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "shop/orders:v1"
      port = 8080
      startup_probe = { http = { path = "/ready" } }
      liveness_probe = { http = { path = "/live" } }
    }
    worker = { image = "shop/worker:v1" }
  }
}

module "computed" {
  source     = "./modules/service"
  containers = var.containers
}

module "probe_computed" {
  source = "./modules/service"
  containers = {
    app = {
      image          = "shop/orders:v1"
      startup_probe  = var.probe
      liveness_probe = var.probe
    }
  }
}

resource "google_cloud_run_v2_service" "dynamic" {
  template {
    scaling {
      max_instance_count = 3
    }
    containers {
      image = "shop/orders:v1"
      liveness_probe {
        tcp_socket {
          port = 8080
        }
      }
      dynamic "startup_probe" {
        for_each = var.probes
        content {}
      }
    }
  }
}

resource "google_cloud_run_v2_job" "nightly" {
  template {
    template {
      containers {
        image = "shop/nightly:v1"
      }
    }
  }
}

resource "google_cloud_run_v2_service" "no_port" {
  template {
    containers {
      image = "shop/orders:v1"
    }
    containers {
      image = "shop/worker:v1"
      startup_probe {
        tcp_socket {
          port = 8080
        }
      }
    }
  }
}

resource "google_cloud_run_v2_service" "computed_port" {
  template {
    containers {
      image = "shop/orders:v1"
      dynamic "ports" {
        for_each = var.ports
        content {
          container_port = ports.value
        }
      }
    }
    containers {
      image = "shop/worker:v1"
      startup_probe {
        tcp_socket {
          port = 8080
        }
      }
      ports {
        container_port = 9090
      }
    }
  }
}
