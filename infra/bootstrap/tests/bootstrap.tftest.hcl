# What the module makes of its arguments, without a project and without credentials: `terraform test`.

mock_provider "google" {}

variables {
  project  = "shop-prod"
  location = "europe-west1"
}

run "a_project" {
  command = plan

  assert {
    condition     = google_storage_bucket.state.public_access_prevention == "enforced" && google_storage_bucket.state.versioning[0].enabled && !google_storage_bucket.state.force_destroy
    error_message = "The bucket is closed, versioned and not deleted with states in it."
  }

  assert {
    condition     = length(google_iam_workload_identity_pool.github) == 0
    error_message = "Nobody is let in who is not named."
  }
}

run "a_project_that_github_deploys" {
  command = plan

  variables {
    github = {
      owner_id     = "9919"
      repositories = ["example/orders"]
    }
  }

  assert {
    condition     = strcontains(google_iam_workload_identity_pool_provider.github[0].attribute_condition, "repository_owner_id == '9919'")
    error_message = "The provider lets in only what belongs to the owner."
  }
}

run "refuses_such_as_sqladmin_googleapis_com" {
  command = plan

  variables {
    apis = ["sqladmin"]
  }

  expect_failures = [var.apis]
}

run "refuses_an_account_id" {
  command = plan

  variables {
    deployer = "me"
  }

  expect_failures = [var.deployer]
}

run "refuses_not_its_name" {
  command = plan

  variables {
    github = { owner_id = "example", repositories = ["example/orders"] }
  }

  expect_failures = [var.github]
}

run "refuses_at_least_one_repository" {
  command = plan

  variables {
    github = { owner_id = "9919" }
  }

  expect_failures = [var.github]
}

run "refuses_name_both" {
  command = plan

  variables {
    github = { repositories = ["example/orders"] }
  }

  expect_failures = [var.github]
}

run "refuses_owner_name" {
  command = plan

  variables {
    github = { owner_id = "9919", repositories = ["orders"] }
  }

  expect_failures = [var.github]
}

run "refuses_refs_heads_main" {
  command = plan

  variables {
    github = { owner_id = "9919", repositories = ["e/o"], refs = ["main"] }
  }

  expect_failures = [var.github]
}

run "refuses_not_starting_with_gcp" {
  command = plan

  variables {
    github = { owner_id = "9919", repositories = ["e/o"], pool = "gcp-pool" }
  }

  expect_failures = [var.github]
}

run "refuses_between_1_and_10" {
  command = plan

  variables {
    grantable_roles = []
  }

  expect_failures = [var.grantable_roles]
}

run "refuses_make_itself_anything" {
  command = plan

  variables {
    grantable_roles = ["roles/owner"]
  }

  expect_failures = [var.grantable_roles]
}

run "refuses_a_role_is_written" {
  command = plan

  variables {
    grantable_roles = ["x"]
  }

  expect_failures = [var.grantable_roles]
}

run "refuses_a_region_such_as" {
  command = plan

  variables {
    location = "here"
  }

  expect_failures = [var.location]
}

run "refuses_not_a_number" {
  command = plan

  variables {
    project = "123456789012"
  }

  expect_failures = [var.project]
}

run "refuses_far_more_than_a_deployment_needs" {
  command = plan

  variables {
    roles = ["roles/editor"]
  }

  expect_failures = [var.roles]
}

run "refuses_an_email_address" {
  command = plan

  variables {
    runtime_accounts = ["orders"]
  }

  expect_failures = [var.runtime_accounts]
}

run "refuses_without_gs" {
  command = plan

  variables {
    state = { bucket = "gs://x" }
  }

  expect_failures = [var.state]
}

run "refuses_at_least_1" {
  command = plan

  variables {
    state = { keep_days = 0 }
  }

  expect_failures = [var.state]
}
