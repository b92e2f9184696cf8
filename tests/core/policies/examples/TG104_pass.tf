module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "shop/orders:v1"
      args  = ["--verbose", "--upstream=https://example.com:8443/a"]
      env = {
        TOKEN_URL       = "https://example.com/token"
        PASSWORD_FILE   = "/run/secrets/password"
        DB_PASSWORD     = "/secrets/db/password"
        MAX_TOKENS      = "4096"
        MAX_TOKEN       = "4096"
        PUBLIC_KEY      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
        PARTITION_KEY   = "customer"
        REQUIRE_API_KEY = "yes"
        USE_TOKEN       = "true"
        API_TOKEN       = var.token
        AUTH_TOKEN      = "${var.prefix}-1"
        API_KEY         = ""
        SECRET_NAME     = "orders-db"
        CLIENT_SECRET   = "projects/shop-prod/secrets/client"
        DATABASE_URL    = "postgres://orders@10.0.0.3:5432/orders"
        BROKER_URL      = "amqp://orders:${var.password}@broker:5672"
        PWD             = "/srv"
        BYPASS          = "none"
        COMPASS         = "north"
        TOKENIZER       = "words"
        KEYBOARD        = "qwerty"
      }
      secrets = {
        REAL_PASSWORD = { secret = "orders-db", version = "3" }
      }
      startup_probe = { http = { path = "/ready" } }
      liveness_probe = { http = { path = "/live" } }
    }
  }
}
