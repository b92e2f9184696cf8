resource "google_cloud_run_v2_service_iam_member" "caller" {
  # tidegate:ignore TG101 the landing page is for everybody
  member = "group:staff@example.com" # expect TG003 above
}

resource "google_cloud_run_v2_service_iam_member" "public" {
  # tidegate:ignore TG101,TG105 half of it is needed
  member = "allUsers" # expect TG003 above
}

# tidegate:ignore TG106 two lines too far up

resource "google_cloud_run_v2_service" "this" {
  # expect TG003 3 above
  deletion_protection = false
}
