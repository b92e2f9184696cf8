resource "google_cloud_run_v2_service" "this" {
  template {
    max_instance_request_concurrency = 1000 # expect TG117
  }
}

module "service" {
  source  = "./modules/service"
  scaling = { concurrency = 500 } # expect TG117
}
