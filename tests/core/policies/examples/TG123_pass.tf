module "service" {
  source = "./modules/service"
  containers = {
    app = {
      image          = "shop/orders:v1"
      port           = 8080
      startup_probe  = { http = { path = "/ready" } }
      liveness_probe = { http = { path = "/live" } }
    }
    worker = {
      image = "shop/worker:v1"
      liveness_probe = {
        tcp                   = { port = 9000 }
        initial_delay_seconds = 60
      }
    }
    patient = {
      image          = "shop/patient:v1"
      liveness_probe = { tcp = { port = 9001 }, period_seconds = var.period }
    }
  }
}
