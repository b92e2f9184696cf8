module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "europe-west1-docker.pkg.dev/shop-prod/shop/orders@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      port = 8080
      startup_probe = { http = { path = "/ready" } }
      liveness_probe = { http = { path = "/live" } }
    }
    proxy = { image = "localhost:5000/shop/proxy:1.27" }
    side  = { image = var.image }
    both  = { image = "shop/both:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
    joint = { image = "shop/joint:${var.tag}" }
  }
}
