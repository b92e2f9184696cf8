locals {
  name = "${var.service}-guard"

  # As those of the service module: at most 30 characters, and apart for one name in two regions.
  hash           = substr(sha256("${var.region}/${var.service}/guard"), 0, 6)
  short          = trimsuffix(substr(var.service, 0, 16), "-")
  member         = "serviceAccount:${google_service_account.guard.email}"
  scheduler_mail = google_service_account.scheduler.email

  arguments = concat(
    ["guard", "--project", var.project, "--region", var.region, "--service", var.service],
    ["--window", "${var.watch.window_seconds}s", "--until", "${var.watch.until_seconds}s"],
    [var.rollback ? "--rollback" : "--no-rollback"],
  )
}

resource "google_cloud_run_v2_job" "this" {
  project             = var.project
  location            = var.region
  name                = local.name
  labels              = var.labels
  deletion_protection = var.deletion_protection

  template {
    # One look at a time: what failed is tried again at the next one, with what is known by then.
    task_count  = 1
    parallelism = 1

    template {
      service_account = google_service_account.guard.email
      timeout         = "${var.timeout_seconds}s"
      max_retries     = 0

      containers {
        image   = var.image
        command = var.command
        args    = local.arguments

        resources {
          limits = {
            cpu    = var.cpu
            memory = var.memory
          }
        }

        env {
          name  = "TIDEGATE_OWNER"
          value = local.name
        }

        dynamic "env" {
          for_each = var.webhooks.secret == "" ? [] : [var.webhooks]

          content {
            name = "TIDEGATE_WEBHOOKS"

            value_source {
              secret_key_ref {
                secret  = env.value.secret
                version = env.value.version
              }
            }
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version]

    precondition {
      condition     = !var.rollback || var.service_account_email != ""
      error_message = "To roll ${var.service} back the guard must be allowed to act as the account it runs as: give service_account_email."
    }

    precondition {
      condition     = var.watch.window_seconds <= var.watch.until_seconds
      error_message = "The window_seconds of the watch are more than its until_seconds: a window is a part of the time that is watched."
    }
  }

  # A look that may not read anything fails.
  depends_on = [
    google_cloud_run_v2_service_iam_member.guard,
    google_project_iam_member.metrics,
    google_secret_manager_secret_iam_member.webhooks,
  ]
}

resource "google_cloud_scheduler_job" "this" {
  project          = var.project
  region           = var.scheduler_region == "" ? var.region : var.scheduler_region
  name             = local.name
  description      = "Looks whether ${var.service} has got worse since its last deployment."
  schedule         = var.schedule.cron
  time_zone        = var.schedule.time_zone
  paused           = var.schedule.paused
  attempt_deadline = "60s"

  # Of starting the job, not of the look. Written down, for the service fills in what is not.
  retry_config {
    retry_count = 1
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.this.id}:run"

    oauth_token {
      service_account_email = local.scheduler_mail
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.scheduler]
}
