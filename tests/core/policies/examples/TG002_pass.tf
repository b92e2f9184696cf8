resource "google_cloud_run_v2_service_iam_member" "public" {
  # tidegate:ignore TG101 the landing page is for everybody
  member = "allUsers"
}
