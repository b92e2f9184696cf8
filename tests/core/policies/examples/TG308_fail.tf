resource "google_project_iam_member" "deployer" {
  role   = "roles/run.admin" # expect TG308
  member = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}
