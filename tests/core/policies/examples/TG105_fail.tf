module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image = "shop/orders:latest" # expect TG105
      port = 8080
      startup_probe = { http = { path = "/ready" } }
      liveness_probe = { http = { path = "/live" } }
    }
    proxy  = { image = "localhost:5000/shop/proxy" } # expect TG105
    bare   = { image = "nginx" }                     # expect TG105
    broken = { image = "nginx@sha256:c0ffee" }       # expect TG105
  }
}

resource "google_cloud_run_v2_job" "nightly" {
  template {
    template {
      containers {
        image = "shop/nightly" # expect TG105
      }
    }
  }
}
