resource "google_cloud_run_v2_service" "this" {
  template {
    scaling {
      max_instance_count = 1000 # expect TG116
    }
  }
}

module "service" {
  source = "./modules/service"
  scaling = {
    max_instances = 500 # expect TG116
  }
}
