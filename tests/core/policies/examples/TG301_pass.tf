resource "google_project_iam_member" "deployer" {
  role   = "roles/run.developer"
  member = "serviceAccount:deployer@shop-prod.iam.gserviceaccount.com"
}

resource "google_project_iam_member" "computed" {
  role   = each.key
  member = var.member
}
