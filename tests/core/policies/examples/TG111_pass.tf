module "service" {
  source    = "./modules/service"
  collector = { enabled = true, port = 9090 }
}

module "default" {
  source = "./modules/service"
}

module "computed" {
  source    = "./modules/service"
  collector = { enabled = var.watched }
}
