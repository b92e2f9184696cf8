resource "google_cloud_run_v2_service" "this" {
  template {
    scaling {
      min_instance_count = 5 # expect TG119
      max_instance_count = 3
    }
  }
}

module "service" {
  source = "./modules/service"
  scaling = {
    min_instances = 11 # expect TG119
    max_instances = 10
  }
}
