resource "google_cloud_run_v2_service" "this" {
  template {
    scaling {
      max_instance_count = 100
    }
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    scaling {
      max_instance_count = var.most
    }
  }
}

module "service" {
  source  = "./modules/service"
  scaling = { max_instances = 10 }
}

module "default" {
  source = "./modules/service"
}
