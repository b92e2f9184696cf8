resource "google_project_iam_member" "runtime" {
  role   = "roles/secretmanager.secretAccessor" # expect TG305
  member = "serviceAccount:orders@shop-prod.iam.gserviceaccount.com"
}
