// gophercloud walks through what a platform does with a cloud. Usage: judge CLOUD   (with OS_CLIENT_CONFIG_FILE)
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/loadbalancer/v2/loadbalancers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/external"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

var (
	name   = fmt.Sprintf("judge-go-%d", time.Now().Unix())
	passed = 0
	undo   []func()
	failed = false
)

// stop ends the walk; what was made is still undone.
type stop struct{}

func say(step string, err error) {
	if err != nil {
		failed = true
		fmt.Printf("✗ gophercloud: %s: %v\n", step, err)
		panic(stop{})
	}
	passed++
}

func got[T any](step string) func(value T, err error) T {
	return func(value T, err error) T {
		say(step, err)
		return value
	}
}

func later(step string, call func() error) {
	undo = append(undo, func() { say(step, call()) })
}

// refused: the answer must be this status.
func refused(step string, status int, err error) {
	if err == nil {
		err = fmt.Errorf("was accepted, not refused with %d", status)
	} else if gophercloud.ResponseCodeIs(err, status) {
		err = nil
	}
	say(step, err)
}

func until(step string, good string, look func() (string, error)) {
	end := time.Now().Add(180 * time.Second)
	for {
		state, err := look()
		if err == nil && state == good {
			say(step, nil)
			return
		}
		if err == nil && (state == "ERROR" || state == "error" || time.Now().After(end)) {
			err = fmt.Errorf("is %s, not %s", state, good)
		}
		say(step, err)
		passed--
		time.Sleep(200 * time.Millisecond)
	}
}

func gone(call func() error) error {
	end := time.Now().Add(120 * time.Second)
	for time.Now().Before(end) {
		if err := call(); gophercloud.ResponseCodeIs(err, http.StatusNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return errors.New("still there")
}

// one: every page of a list must hold exactly one.
func one[T any](ctx context.Context, step string, pager pagination.Pager, extract func(pagination.Page) ([]T, error)) T {
	found := all(ctx, step, pager, extract)
	if len(found) != 1 {
		say(step, fmt.Errorf("%d found, not 1", len(found)))
	}
	return found[0]
}

func all[T any](ctx context.Context, step string, pager pagination.Pager, extract func(pagination.Page) ([]T, error)) []T {
	var found []T
	say(step, pager.EachPage(ctx, func(_ context.Context, page pagination.Page) (bool, error) {
		part, err := extract(page)
		found = append(found, part...)
		return err == nil, err
	}))
	if len(found) == 0 {
		say(step, errors.New("none found"))
	}
	return found
}

func story(ctx context.Context, cloud string) {
	auth, ends, tls, err := clouds.Parse(clouds.WithCloudName(cloud))
	say("clouds.yaml", err)
	auth.AllowReauth = true
	provider := got[*gophercloud.ProviderClient]("token")(config.NewProviderClient(ctx, auth, config.WithTLSConfig(tls)))
	compute := got[*gophercloud.ServiceClient]("compute")(openstack.NewComputeV2(provider, ends))
	network := got[*gophercloud.ServiceClient]("network")(openstack.NewNetworkV2(provider, ends))
	block := got[*gophercloud.ServiceClient]("volumes")(openstack.NewBlockStorageV3(provider, ends))
	image := got[*gophercloud.ServiceClient]("images")(openstack.NewImageV2(provider, ends))
	balance := got[*gophercloud.ServiceClient]("load balancers")(openstack.NewLoadBalancerV2(provider, ends))

	flavor := all(ctx, "flavors", flavors.ListDetail(compute, flavors.ListOpts{SortKey: "memory_mb"}), flavors.ExtractFlavors)[0]
	picture := all(ctx, "images", images.List(image, images.ListOpts{Status: images.ImageStatusActive}), images.ExtractImages)[0]
	yes := true
	public := all(ctx, "external network", networks.List(network, external.ListOptsExt{ListOptsBuilder: networks.ListOpts{}, External: &yes}), networks.ExtractNetworks)[0]

	net := got[*networks.Network]("network")(networks.Create(ctx, network, networks.CreateOpts{Name: name, Description: name}).Extract())
	later("delete network", func() error { return networks.Delete(ctx, network, net.ID).ExtractErr() })
	subnet := got[*subnets.Subnet]("subnet")(subnets.Create(ctx, network, subnets.CreateOpts{Name: name, NetworkID: net.ID, CIDR: "10.96.0.0/24", IPVersion: gophercloud.IPv4}).Extract())
	later("delete subnet", func() error { return subnets.Delete(ctx, network, subnet.ID).ExtractErr() })
	router := got[*routers.Router]("router")(routers.Create(ctx, network, routers.CreateOpts{Name: name, GatewayInfo: &routers.GatewayInfo{NetworkID: public.ID}}).Extract())
	later("delete router", func() error { return routers.Delete(ctx, network, router.ID).ExtractErr() })
	got[*routers.InterfaceInfo]("router interface")(routers.AddInterface(ctx, network, router.ID, routers.AddInterfaceOpts{SubnetID: subnet.ID}).Extract())
	later("remove router interface", func() error {
		_, err := routers.RemoveInterface(ctx, network, router.ID, routers.RemoveInterfaceOpts{SubnetID: subnet.ID}).Extract()
		return err
	})
	refused("a router with interfaces is kept", http.StatusConflict, routers.Delete(ctx, network, router.ID).ExtractErr())

	group := got[*groups.SecGroup]("security group")(groups.Create(ctx, network, groups.CreateOpts{Name: name}).Extract())
	later("delete security group", func() error { return groups.Delete(ctx, network, group.ID).ExtractErr() })
	ssh := rules.CreateOpts{SecGroupID: group.ID, Direction: rules.DirIngress, EtherType: rules.EtherType4, Protocol: rules.ProtocolTCP, PortRangeMin: 22, PortRangeMax: 22}
	got[*rules.SecGroupRule]("rule")(rules.Create(ctx, network, ssh).Extract())
	_, err = rules.Create(ctx, network, ssh).Extract()
	refused("a repeated rule is refused", http.StatusConflict, err)

	port := got[*ports.Port]("port")(ports.Create(ctx, network, ports.CreateOpts{Name: name, NetworkID: net.ID, SecurityGroups: &[]string{group.ID},
		FixedIPs: []ports.IP{{SubnetID: subnet.ID, IPAddress: "10.96.0.10"}}}).Extract())
	later("delete port", func() error { return ports.Delete(ctx, network, port.ID).ExtractErr() })
	server := got[*servers.Server]("server")(servers.Create(ctx, compute, servers.CreateOpts{Name: name, ImageRef: picture.ID, FlavorRef: flavor.ID,
		Networks: []servers.Network{{Port: port.ID}}, Metadata: map[string]string{"judge": name}}, nil).Extract())
	later("delete server", func() error {
		if err := servers.Delete(ctx, compute, server.ID).ExtractErr(); err != nil {
			return err
		}
		return gone(func() error { return servers.Get(ctx, compute, server.ID).Err })
	})
	until("server is ACTIVE", "ACTIVE", func() (string, error) {
		server, err := servers.Get(ctx, compute, server.ID).Extract()
		if err != nil {
			return "", err
		}
		return server.Status, nil
	})
	_, err = servers.Create(ctx, compute, servers.CreateOpts{Name: name, ImageRef: picture.ID, FlavorRef: flavor.ID, Networks: []servers.Network{{Port: port.ID}}}, nil).Extract()
	refused("a second server on the port is refused", http.StatusConflict, err)

	volume := got[*volumes.Volume]("volume")(volumes.Create(ctx, block, volumes.CreateOpts{Name: name, Size: 1, Metadata: map[string]string{"judge": name}}, nil).Extract())
	later("delete volume", func() error {
		if err := volumes.Delete(ctx, block, volume.ID, nil).ExtractErr(); err != nil {
			return err
		}
		return gone(func() error { return volumes.Get(ctx, block, volume.ID).Err })
	})
	state := func() (string, error) {
		volume, err := volumes.Get(ctx, block, volume.ID).Extract()
		if err != nil {
			return "", err
		}
		return volume.Status, nil
	}
	until("volume is available", "available", state)
	got[*volumeattach.VolumeAttachment]("attach")(volumeattach.Create(ctx, compute, server.ID, volumeattach.CreateOpts{VolumeID: volume.ID}).Extract())
	until("volume is in use", "in-use", state)
	say("detach", volumeattach.Delete(ctx, compute, server.ID, volume.ID).ExtractErr())
	until("volume is available again", "available", state)

	floating := got[*floatingips.FloatingIP]("floating IP")(floatingips.Create(ctx, network, floatingips.CreateOpts{FloatingNetworkID: public.ID, PortID: port.ID}).Extract())
	later("delete floating IP", func() error { return floatingips.Delete(ctx, network, floating.ID).ExtractErr() })

	lb := got[*loadbalancers.LoadBalancer]("load balancer")(loadbalancers.Create(ctx, balance, loadbalancers.CreateOpts{Name: name, VipSubnetID: subnet.ID}).Extract())
	later("delete load balancer", func() error {
		if err := loadbalancers.Delete(ctx, balance, lb.ID, loadbalancers.DeleteOpts{Cascade: true}).ExtractErr(); err != nil {
			return err
		}
		return gone(func() error { return loadbalancers.Get(ctx, balance, lb.ID).Err })
	})
	until("load balancer is ACTIVE", "ACTIVE", func() (string, error) {
		lb, err := loadbalancers.Get(ctx, balance, lb.ID).Extract()
		if err != nil {
			return "", err
		}
		return lb.ProvisioningStatus, nil
	})

	one(ctx, "list networks", networks.List(network, networks.ListOpts{Name: name}), networks.ExtractNetworks)
	one(ctx, "list subnets", subnets.List(network, subnets.ListOpts{NetworkID: net.ID}), subnets.ExtractSubnets)
	one(ctx, "list routers", routers.List(network, routers.ListOpts{Name: name}), routers.ExtractRouters)
	one(ctx, "list security groups", groups.List(network, groups.ListOpts{Name: name}), groups.ExtractGroups)
	one(ctx, "list ports", ports.List(network, ports.ListOpts{DeviceID: server.ID}), ports.ExtractPorts)
	one(ctx, "list servers", servers.List(compute, servers.ListOpts{Name: "^" + name + "$"}), servers.ExtractServers)
	one(ctx, "list volumes", volumes.List(block, volumes.ListOpts{Name: name}), volumes.ExtractVolumes)
	one(ctx, "list floating IPs", floatingips.List(network, floatingips.ListOpts{PortID: port.ID}), floatingips.ExtractFloatingIPs)
	one(ctx, "list load balancers", loadbalancers.List(balance, loadbalancers.ListOpts{Name: name}), loadbalancers.ExtractLoadBalancers)
}

// guarded runs a part; a failed step ends only that part.
func guarded(part func()) {
	defer func() {
		if reason := recover(); reason != nil {
			if _, ours := reason.(stop); !ours {
				panic(reason)
			}
		}
	}()
	part()
}

func main() {
	started := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	guarded(func() { story(ctx, os.Args[1]) })
	for i := len(undo) - 1; i >= 0; i-- {
		guarded(undo[i])
	}
	mark, code := "✓", 0
	if failed {
		mark, code = "✗", 1
	}
	fmt.Printf("%s gophercloud: %d steps passed, %.1f s\n", mark, passed, time.Since(started).Seconds())
	os.Exit(code)
}
