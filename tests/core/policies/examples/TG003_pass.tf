resource "google_cloud_run_v2_service_iam_member" "public" {
  # tidegate:ignore TG101 the landing page is for everybody
  member = "allUsers"
}

# Without a reason, or of a rule there is not: those are other findings.
locals {
  a = 1 # tidegate:ignore TG101
  b = 2 # tidegate:ignore TG999 no such rule
}
