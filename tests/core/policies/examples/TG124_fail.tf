resource "google_cloud_run_v2_service" "this" {
  template {
    timeout = "3600s" # expect TG124
  }
}

module "service" {
  source          = "./modules/service"
  timeout_seconds = 1800 # expect TG124
}
