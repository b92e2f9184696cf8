resource "google_cloud_run_v2_service_iam_member" "deployer" {
  role   = "roles/run.admin"
  member = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}

resource "google_project_iam_member" "deployer" {
  role   = "roles/run.developer"
  member = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}
