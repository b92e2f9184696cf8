resource "google_cloud_run_service" "orders" { # expect TG129
  name = "orders"
}
