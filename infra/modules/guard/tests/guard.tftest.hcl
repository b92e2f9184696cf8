# What the module makes of its arguments, without a project and without credentials: `terraform test`.

mock_provider "google" {}

variables {
  project = "shop-prod"
  region  = "europe-west1"
  service = "orders"
  image   = "example/tidegate:1"
}

run "a_guard_that_only_looks" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service_iam_member.guard.role == "roles/run.viewer" && length(google_service_account_iam_member.act_as) == 0
    error_message = "Without rollback it can only read."
  }

  assert {
    condition     = google_cloud_run_v2_job.this.template[0].template[0].max_retries == 0
    error_message = "A look is not tried again."
  }
}

run "a_guard_that_may_roll_back" {
  command = plan

  variables {
    rollback              = true
    service_account_email = "orders@shop-prod.iam.gserviceaccount.com"
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.guard.role == "roles/run.developer" && length(google_service_account_iam_member.act_as) == 1
    error_message = "To roll back it may write the service and act as its account."
  }
}

run "refuses_must_be_named" {
  command = plan

  variables {
    image = " "
  }

  expect_failures = [var.image]
}

run "refuses_not_a_path" {
  command = plan

  variables {
    service = "projects/p/services/s"
  }

  expect_failures = [var.service]
}

run "refuses_a_zone_such_as" {
  command = plan

  variables {
    region = "europe-west1-b"
  }

  expect_failures = [var.region]
}

run "refuses_five_fields" {
  command = plan

  variables {
    schedule = { cron = "hourly" }
  }

  expect_failures = [var.schedule]
}

run "refuses_give_service_account_email" {
  command = plan

  variables {
    rollback = true
  }

  expect_failures = [google_cloud_run_v2_job.this]
}

run "refuses_must_be_an_email_address" {
  command = plan

  variables {
    service_account_email = "nobody"
  }

  expect_failures = [var.service_account_email]
}

run "refuses_between_60_and_86400" {
  command = plan

  variables {
    timeout_seconds = 30
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_at_least_60" {
  command = plan

  variables {
    watch = { window_seconds = 30 }
  }

  expect_failures = [var.watch]
}

run "refuses_a_part_of_the_time" {
  command = plan

  variables {
    watch = { window_seconds = 600, until_seconds = 300 }
  }

  expect_failures = [google_cloud_run_v2_job.this]
}

run "refuses_a_secret_s_id" {
  command = plan

  variables {
    webhooks = { secret = "a b" }
  }

  expect_failures = [var.webhooks]
}

run "refuses_label_keys" {
  command = plan

  variables {
    labels = { "Team" = "x" }
  }

  expect_failures = [var.labels]
}
