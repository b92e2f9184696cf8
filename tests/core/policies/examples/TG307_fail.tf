resource "google_iam_workload_identity_pool_provider" "github" { # expect TG307
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}
