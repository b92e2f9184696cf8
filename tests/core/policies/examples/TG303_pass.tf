resource "google_secret_manager_secret_iam_member" "runtime" {
  role   = "roles/secretmanager.secretAccessor"
  member = "serviceAccount:orders@shop-prod.iam.gserviceaccount.com"
}

resource "google_storage_bucket_iam_binding" "computed" {
  role    = "roles/storage.objectViewer"
  members = var.members
}
