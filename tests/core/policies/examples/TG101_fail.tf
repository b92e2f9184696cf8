module "service" {
  source = "./modules/service"
  invokers = [
    "group:staff@example.com",
    "allUsers", # expect TG101
  ]
}

module "said_no" {
  source       = "git::https://example.com/infra//modules/service?ref=v1"
  allow_public = false
  invokers     = ["allAuthenticatedUsers"] # expect TG101
}

resource "google_cloud_run_v2_service_iam_member" "anybody" {
  role   = "roles/run.invoker"
  member = "allUsers" # expect TG101
}

resource "google_cloud_run_service_iam_member" "anybody" {
  role   = "roles/run.invoker"
  member = "allAuthenticatedUsers" # expect TG101
}

resource "google_cloud_run_v2_service_iam_binding" "some" {
  role    = "roles/run.invoker"
  members = [var.member, "allUsers"] # expect TG101
}

resource "google_cloud_run_v2_job_iam_member" "job" {
  member = "allUsers" # expect TG101
}

data "google_iam_policy" "open" {
  binding {
    role    = "roles/run.invoker"
    members = ["allUsers"] # expect TG101
  }
}

resource "google_cloud_run_v2_service" "unchecked" {
  invoker_iam_disabled = true # expect TG101
  template {
    scaling {
      max_instance_count = 3
    }
  }
}
