module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "shop/orders:v1"
      args = [
        "--verbose",
        "--key=AKIAIOSFODNN7EXAMPLE", # expect TG104
      ]
      env = {
        PASSWORD              = "hunter2"      # expect TG104
        dbPassword            = "hunter2"      # expect TG104
        DB_PASSWORD_2         = "12345678"     # expect TG104
        API_KEY               = "c0ffee"       # expect TG104
        STRIPE_APIKEY         = "c0ffee"       # expect TG104
        GITHUB_TOKEN          = "c0ffee"       # expect TG104
        CLIENT_SECRET         = "c0ffee"       # expect TG104
        AWS_SECRET_ACCESS_KEY = "c0ffee"       # expect TG104
        JWT_SIGNING_KEY       = "c0ffee"       # expect TG104
        TOKEN_BASE64          = "YzBmZmVl"     # expect TG104
        HARMLESS              = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n" # expect TG104
        ACCESS                = "AKIAIOSFODNN7EXAMPLE"                     # expect TG104
        MAPS                  = "AIzaSyA0123456789abcdefghijklmnopqrstuv"  # expect TG104
        DATABASE_URL          = "postgres://orders:hunter2@10.0.0.3/orders" # expect TG104
        HALF                  = "postgres://orders:hunter2@${var.host}/orders" # expect TG104
        HERE                  = <<-EOT
          {"private_key": "-----BEGIN PRIVATE KEY-----"}
        EOT
        # expect TG104 3 above
      }
      startup_probe = { http = { path = "/ready" } }
      liveness_probe = { http = { path = "/live" } }
    }
  }
}

resource "google_cloud_run_v2_job" "nightly" {
  template {
    template {
      containers {
        image = "shop/nightly:v1"
        env {
          name  = "ADMIN_PASSWORD"
          value = "hunter2" # expect TG104
        }
        dynamic "env" {
          for_each = var.tokens
          content {
            name  = "API_TOKEN"
            value = "c0ffee" # expect TG104
          }
        }
      }
    }
  }
}
