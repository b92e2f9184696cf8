resource "google_cloud_run_v2_service" "this" {
  binary_authorization {
    use_default              = true
    breakglass_justification = "it was urgent" # expect TG115
  }
}
