resource "google_cloud_run_v2_service" "this" {
  template {
    max_instance_request_concurrency = 250
  }
}

resource "google_cloud_run_v2_service" "default" {
  template {}
}

module "service" {
  source  = "./modules/service"
  scaling = { concurrency = var.concurrency }
}
