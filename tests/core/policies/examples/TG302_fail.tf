resource "google_project_iam_member" "deployer" {
  role   = "roles/iam.serviceAccountUser" # expect TG302
  member = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}

resource "google_folder_iam_member" "tokens" {
  role   = "roles/iam.serviceAccountTokenCreator" # expect TG302
  member = "group:staff@example.com"
}
