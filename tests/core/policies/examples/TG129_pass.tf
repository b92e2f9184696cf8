resource "google_cloud_run_v2_service" "orders" {
  name = "orders"
}

resource "google_cloud_run_service_iam_member" "caller" {
  member = "group:staff@example.com"
}
