resource "google_cloud_run_v2_service" "one_of_two" {
  template {
    containers {
      image = "shop/orders:v1"
      ports {
        container_port = 8080
      }
    }
    containers {
      image = "shop/worker:v1"
    }
  }
}

resource "google_cloud_run_v2_service" "computed" {
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
    }
  }
}

resource "google_cloud_run_v2_service" "one_and_computed" {
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
      ports {
        container_port = 8080
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

resource "google_cloud_run_v2_job" "job" {
  template {
    template {
      containers {
        image = "shop/a:v1"
      }
      containers {
        image = "shop/b:v1"
      }
    }
  }
}

module "service" {
  source = "./modules/service"
  containers = {
    app    = { image = "shop/orders:v1", port = var.port }
    worker = { image = "shop/worker:v1" }
  }
}

module "computed" {
  source = "./modules/service"
  containers = {
    (var.name) = { image = "shop/orders:v1", port = 8080 }
    worker     = { image = "shop/worker:v1" }
    other      = { image = "shop/other:v1" }
  }
}
