resource "google_cloud_run_v2_service" "this" {
  binary_authorization {
    use_default = true
  }
}

resource "google_cloud_run_v2_service" "empty" {
  binary_authorization {
    breakglass_justification = ""
  }
}
