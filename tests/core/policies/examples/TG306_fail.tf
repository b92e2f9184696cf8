resource "google_service_account_key" "deployer" { # expect TG306
  service_account_id = google_service_account.deployer.name
}
