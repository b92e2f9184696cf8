resource "google_cloud_run_v2_service_iam_member" "public" {
  # tidegate:ignore TG999 the landing page is for everybody
  member = "allUsers" # expect TG002 above
}

locals {
  a = 1 # tidegate:ignore TG101,TG9 one of them there is, expect TG002
}
