locals {
  github = var.github.owner_id == "" ? [] : [var.github]

  # The owner's number, because a name can be given up and taken by somebody else.
  owner = "assertion.repository_owner_id == '${var.github.owner_id}'"
  refs  = join(" || ", [for ref in sort(tolist(var.github.refs)) : "assertion.ref == '${ref}'"])
}

resource "google_iam_workload_identity_pool" "github" {
  count = length(local.github)

  project                   = var.project
  workload_identity_pool_id = var.github.pool
  display_name              = "GitHub Actions"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = length(local.github)

  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"
  attribute_condition                = local.refs == "" ? local.owner : "${local.owner} && (${local.refs})"

  attribute_mapping = {
    "google.subject"                = "assertion.sub"
    "attribute.ref"                 = "assertion.ref"
    "attribute.repository"          = "assertion.repository"
    "attribute.repository_owner_id" = "assertion.repository_owner_id"
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

# The pool lets in what belongs to the owner; only these repositories may be the deployer.
resource "google_service_account_iam_member" "github" {
  for_each = length(local.github) == 0 ? toset([]) : var.github.repositories

  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.repository/${each.key}"
}
