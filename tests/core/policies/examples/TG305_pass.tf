resource "google_secret_manager_secret_iam_member" "runtime" {
  secret_id = "orders-db"
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:orders@shop-prod.iam.gserviceaccount.com"
}
