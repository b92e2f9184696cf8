module "service" {
  source              = "./modules/service"
  deletion_protection = true
}

module "default" {
  source = "./modules/service"
}

resource "google_cloud_run_v2_service" "computed" {
  deletion_protection = var.protect
  template {
    scaling {
      max_instance_count = 3
    }
  }
}
