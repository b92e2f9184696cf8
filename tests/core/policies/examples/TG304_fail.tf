resource "google_project_iam_binding" "developers" {
  role    = "roles/run.developer" # expect TG304
  members = ["group:staff@example.com"]
}

resource "google_project_iam_policy" "all" { # expect TG304
  policy_data = data.google_iam_policy.all.policy_data
}

resource "google_cloud_run_v2_service_iam_policy" "all" { # expect TG304
  policy_data = data.google_iam_policy.all.policy_data
}
