# The platform of the bench, as one writes it for the OpenStack provider of Terraform: a network with its way out, two security
# groups, a key, and machines with a port each.
terraform {
  required_providers {
    openstack = {
      source = "terraform-provider-openstack/openstack"
    }
  }
}

variable "workers" {
  type = number
}

variable "public_key" {
  type = string
}

provider "openstack" {
  cloud = "fake"
}

locals {
  machines = toset(concat(["control-plane-1"], [for n in range(var.workers) : "workers-${n + 1}"]))
}

data "openstack_networking_network_v2" "public" {
  external = true
}

data "openstack_images_image_v2" "debian" {
  name        = "debian-12"
  most_recent = true
}

data "openstack_compute_flavor_v2" "medium" {
  name = "m1.medium"
}

resource "openstack_networking_network_v2" "this" {
  name = "bench"
}

resource "openstack_networking_subnet_v2" "this" {
  name       = "bench"
  network_id = openstack_networking_network_v2.this.id
  cidr       = "10.20.0.0/16"
}

resource "openstack_networking_router_v2" "this" {
  name                = "bench"
  external_network_id = data.openstack_networking_network_v2.public.id
}

resource "openstack_networking_router_interface_v2" "this" {
  router_id = openstack_networking_router_v2.this.id
  subnet_id = openstack_networking_subnet_v2.this.id
}

resource "openstack_networking_secgroup_v2" "nodes" {
  name = "bench-nodes"
}

resource "openstack_networking_secgroup_v2" "control_plane" {
  name = "bench-control-plane"
}

resource "openstack_networking_secgroup_rule_v2" "inside" {
  security_group_id = openstack_networking_secgroup_v2.nodes.id
  direction         = "ingress"
  ethertype         = "IPv4"
  remote_group_id   = openstack_networking_secgroup_v2.nodes.id
}

resource "openstack_networking_secgroup_rule_v2" "ssh" {
  security_group_id = openstack_networking_secgroup_v2.nodes.id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = 22
  port_range_max    = 22
  remote_ip_prefix  = "0.0.0.0/0"
}

resource "openstack_networking_secgroup_rule_v2" "api" {
  security_group_id = openstack_networking_secgroup_v2.control_plane.id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = 6443
  port_range_max    = 6443
  remote_ip_prefix  = "0.0.0.0/0"
}

resource "openstack_compute_keypair_v2" "this" {
  name       = "bench"
  public_key = var.public_key
}

resource "openstack_compute_servergroup_v2" "workers" {
  count    = var.workers > 1 ? 1 : 0
  name     = "bench-workers"
  policies = ["soft-anti-affinity"]
}

resource "openstack_networking_port_v2" "this" {
  for_each   = local.machines
  name       = "bench-${each.key}"
  network_id = openstack_networking_network_v2.this.id
  security_group_ids = concat(
    [openstack_networking_secgroup_v2.nodes.id],
    each.key == "control-plane-1" ? [openstack_networking_secgroup_v2.control_plane.id] : [],
  )
  fixed_ip {
    subnet_id = openstack_networking_subnet_v2.this.id
  }
}

resource "openstack_compute_instance_v2" "this" {
  for_each     = local.machines
  name         = "bench-${each.key}"
  image_id     = data.openstack_images_image_v2.debian.id
  flavor_id    = data.openstack_compute_flavor_v2.medium.id
  key_pair     = openstack_compute_keypair_v2.this.name
  config_drive = true
  network {
    port = openstack_networking_port_v2.this[each.key].id
  }
  dynamic "scheduler_hints" {
    for_each = each.key == "control-plane-1" ? [] : openstack_compute_servergroup_v2.workers
    content {
      group = scheduler_hints.value.id
    }
  }
}

resource "openstack_networking_floatingip_v2" "this" {
  pool       = data.openstack_networking_network_v2.public.name
  port_id    = openstack_networking_port_v2.this["control-plane-1"].id
  depends_on = [openstack_networking_router_interface_v2.this]
}
