resource "google_project_iam_member" "deployer" {
  role   = "roles/editor" # expect TG301
  member = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}

resource "google_project_iam_binding" "owners" {
  role    = "roles/owner" # expect TG301
  members = ["group:staff@example.com"]
}
