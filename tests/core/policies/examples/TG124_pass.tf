resource "google_cloud_run_v2_service" "this" {
  template {
    timeout = "300s"
  }
}

resource "google_cloud_run_v2_service" "default" {
  template {}
}

module "service" {
  source          = "./modules/service"
  timeout_seconds = var.timeout
}
