# What a platform needs of a cloud, as the OpenStack provider of Terraform makes it.
terraform {
  required_providers {
    openstack = {
      source = "terraform-provider-openstack/openstack"
    }
  }
}

variable "cloud" {
  type = string
}

variable "external_network" {
  type = string
}

variable "image" {
  type = string
}

variable "flavor" {
  type = string
}

provider "openstack" {
  cloud = var.cloud
}

locals {
  name = "judge-terraform"
}

data "openstack_networking_network_v2" "public" {
  network_id = var.external_network
}

data "openstack_images_image_v2" "image" {
  name        = var.image
  most_recent = true
}

resource "openstack_networking_network_v2" "judge" {
  name        = local.name
  description = local.name
  tags        = ["judge"]
}

resource "openstack_networking_subnet_v2" "judge" {
  name            = local.name
  network_id      = openstack_networking_network_v2.judge.id
  cidr            = "10.97.0.0/24"
  dns_nameservers = ["203.0.113.53"]
}

resource "openstack_networking_router_v2" "judge" {
  name                = local.name
  external_network_id = data.openstack_networking_network_v2.public.id
}

resource "openstack_networking_router_interface_v2" "judge" {
  router_id = openstack_networking_router_v2.judge.id
  subnet_id = openstack_networking_subnet_v2.judge.id
}

resource "openstack_networking_secgroup_v2" "judge" {
  name        = local.name
  description = local.name
}

resource "openstack_networking_secgroup_rule_v2" "tcp" {
  for_each          = toset(["22", "6443"])
  security_group_id = openstack_networking_secgroup_v2.judge.id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = each.key
  port_range_max    = each.key
  remote_ip_prefix  = "0.0.0.0/0"
}

resource "openstack_networking_secgroup_rule_v2" "inside" {
  security_group_id = openstack_networking_secgroup_v2.judge.id
  direction         = "ingress"
  ethertype         = "IPv4"
  remote_group_id   = openstack_networking_secgroup_v2.judge.id
}

resource "openstack_networking_port_v2" "judge" {
  name               = local.name
  network_id         = openstack_networking_network_v2.judge.id
  security_group_ids = [openstack_networking_secgroup_v2.judge.id]
  fixed_ip {
    subnet_id  = openstack_networking_subnet_v2.judge.id
    ip_address = "10.97.0.10"
  }
  allowed_address_pairs {
    ip_address = "10.97.0.200"
  }
}

resource "openstack_compute_keypair_v2" "judge" {
  name       = local.name
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAlvWJPYlpAcRjTfJBbIGSeUgWtyPS4tZcG5rUM judge"
}

resource "openstack_compute_servergroup_v2" "judge" {
  name     = local.name
  policies = ["soft-anti-affinity"]
}

resource "openstack_compute_instance_v2" "judge" {
  name        = local.name
  image_id    = data.openstack_images_image_v2.image.id
  flavor_name = var.flavor
  key_pair    = openstack_compute_keypair_v2.judge.name
  user_data   = "#cloud-config\n"
  metadata    = { judge = "terraform" }
  tags        = ["judge"]
  network {
    port = openstack_networking_port_v2.judge.id
  }
  scheduler_hints {
    group = openstack_compute_servergroup_v2.judge.id
  }
}

resource "openstack_blockstorage_volume_v3" "judge" {
  name     = local.name
  size     = 1
  metadata = { judge = "terraform" }
}

resource "openstack_compute_volume_attach_v2" "judge" {
  instance_id = openstack_compute_instance_v2.judge.id
  volume_id   = openstack_blockstorage_volume_v3.judge.id
}

resource "openstack_networking_floatingip_v2" "judge" {
  pool        = data.openstack_networking_network_v2.public.name
  description = local.name
  port_id     = openstack_networking_port_v2.judge.id
  depends_on  = [openstack_networking_router_interface_v2.judge]
}

resource "openstack_lb_loadbalancer_v2" "judge" {
  name          = local.name
  vip_subnet_id = openstack_networking_subnet_v2.judge.id
}

resource "openstack_lb_listener_v2" "judge" {
  name            = local.name
  loadbalancer_id = openstack_lb_loadbalancer_v2.judge.id
  protocol        = "TCP"
  protocol_port   = 6443
}

resource "openstack_lb_pool_v2" "judge" {
  name        = local.name
  listener_id = openstack_lb_listener_v2.judge.id
  protocol    = "TCP"
  lb_method   = "ROUND_ROBIN"
}

resource "openstack_lb_member_v2" "judge" {
  pool_id       = openstack_lb_pool_v2.judge.id
  address       = "10.97.0.10"
  protocol_port = 6443
  subnet_id     = openstack_networking_subnet_v2.judge.id
}

resource "openstack_lb_monitor_v2" "judge" {
  pool_id     = openstack_lb_pool_v2.judge.id
  type        = "TCP"
  delay       = 5
  timeout     = 3
  max_retries = 3
}
