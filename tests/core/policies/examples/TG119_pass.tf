resource "google_cloud_run_v2_service" "this" {
  template {
    scaling {
      min_instance_count = 3
      max_instance_count = 3
    }
  }
}

resource "google_cloud_run_v2_service" "computed" {
  template {
    scaling {
      min_instance_count = 5
      max_instance_count = var.most
    }
  }
}

module "service" {
  source  = "./modules/service"
  scaling = { min_instances = 1, max_instances = 10 }
}
