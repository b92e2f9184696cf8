resource "google_iam_workload_identity_pool_provider" "github" {
  attribute_condition = "assertion.repository_owner_id == '1234'"
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_iam_workload_identity_pool_provider" "computed" {
  attribute_condition = local.condition
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_iam_workload_identity_pool_provider" "own" {
  oidc {
    issuer_uri = "https://login.example.com"
  }
}
