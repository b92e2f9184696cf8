# Rights as one does not like to find them.
resource "google_project_iam_member" "deployer" {
  project = "shop-prod"
  role    = "roles/editor" # expect TG301
  member  = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}

resource "google_project_iam_member" "impersonation" {
  project = "shop-prod"
  role    = "roles/iam.serviceAccountUser" # expect TG302
  member  = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}
