module "service" {
  source              = "./modules/service"
  deletion_protection = false # expect TG106
}

resource "google_cloud_run_v2_service" "this" {
  deletion_protection = "false" # expect TG106
  template {
    scaling {
      max_instance_count = 3
    }
  }
}
