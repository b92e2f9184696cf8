resource "google_cloud_run_v2_service" "this" {
  labels = { owner = "checkout", service = "orders" }
}

resource "google_cloud_run_v2_job" "computed" {
  labels = local.labels
}
