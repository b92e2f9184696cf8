resource "google_cloud_run_v2_service_iam_member" "public" {
  # tidegate:ignore TG101
  member = "allUsers" # expect TG001 above, TG101
}

locals {
  a = 1 # tidegate:ignore because I say so, expect TG001
  b = 1 # tidegate:ignore
  # expect TG001 above
}
