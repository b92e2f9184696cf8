resource "google_service_account" "deployer" {
  account_id = "deployer"
}
