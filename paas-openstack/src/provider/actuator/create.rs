//! Making: one call each, which carries the mark.

use paas_core::{
    actuator::Ids,
    codes::CORE_SECRET_MISSING,
    driver::NewMachine,
    error::{Class, Error, Result},
    names,
    owner::Owner,
    resource::{Key, Live, Resource as _},
    secrets::{ExposeSecret, SecretRef},
};

use super::OpenStackActuator;
use crate::{
    block_storage::NewVolume,
    client::ApiError,
    codes::{OS_CHOICE, OS_UNSUPPORTED},
    compute::{
        GroupPolicy, Networks, NewDisk, NewKeypair, NewServer, NewServerGroup, USER_DATA_LIMIT, UserData,
    },
    network::{
        AddressPair, Ethertype, FixedIp, Gateway, NewFloatingIp, NewNetwork, NewPort, NewRouter, NewRule,
        NewSecurityGroup, NewSubnet, Plug, SecurityGroupRule,
    },
    provider::{
        kinds::{
            self, Direction, FloatingIp, Interface, KeyPair, Network, Policy, Port, Remote, Root, Router,
            Rule, Server, ServerGroup, Subnet, Volume,
        },
        marks,
        resource::OpenStackResource,
    },
};

/// What a create needs to know beside its resource.
pub(super) struct Making<'a> {
    pub(super) owner: &'a Owner,
    pub(super) key: &'a Key,
    pub(super) name: String,
    pub(super) ids: &'a Ids,
}

impl Making<'_> {
    /// The name of the machine that the key is about.
    fn machine(&self) -> &str {
        self.key.as_str().rsplit('/').next().unwrap_or_default()
    }
}

impl OpenStackActuator {
    pub(super) async fn make(
        &self,
        owner: &Owner,
        key: &Key,
        want: &OpenStackResource,
        ids: &Ids,
    ) -> Result<Live<OpenStackResource>> {
        let making = Making {
            owner,
            key,
            name: names::for_kind(owner, want.kind(), key),
            ids,
        };
        let id = match want {
            OpenStackResource::Network(it) => self.new_network(&making, it).await?,
            OpenStackResource::Subnet(it) => self.new_subnet(&making, it).await?,
            OpenStackResource::Router(it) => self.new_router(&making, it).await?,
            OpenStackResource::Interface(it) => self.new_leg(&making, it).await?,
            OpenStackResource::Group(_) => self.new_group(&making).await?,
            OpenStackResource::Rule(it) => self.new_rule(&making, it).await?,
            OpenStackResource::KeyPair(it) => self.new_key_pair(&making, it).await?,
            OpenStackResource::ServerGroup(it) => self.new_server_group(&making, it).await?,
            OpenStackResource::Port(it) => self.new_port(&making, it).await?,
            OpenStackResource::Volume(it) => {
                let id = self.new_volume(&making, it).await?;
                return Ok(Live::settling(id, want.clone(), "Cinder makes it"));
            }
            OpenStackResource::Server(it) => {
                let id = self.new_server(&making, it).await?;
                return Ok(Live::settling(id, want.clone(), "Nova makes it"));
            }
            OpenStackResource::FloatingIp(it) => self.new_address(&making, it).await?,
            OpenStackResource::LoadBalancer(it) => {
                let id = self.new_balancer(&making, it).await?;
                return Ok(Live::settling(id, want.clone(), "Octavia makes it"));
            }
            OpenStackResource::Credential(it) => self.new_credential(&making, it).await?,
            OpenStackResource::Derived(it) => {
                return Err(Error::new(&OS_UNSUPPORTED, Class::Internal)
                    .attempted(format!("make {}", it.made.word()))
                    .happened("it is the cluster's to make"));
            }
        };
        Ok(Live::ready(id, want.clone()))
    }

    /// The id of something that was made, or that is there already and known by the user's word.
    pub(in crate::provider) async fn id(&self, ids: &Ids, key: &Key) -> Result<String> {
        let word = ids.get(key).ok_or_else(|| {
            Error::new(&OS_CHOICE, Class::Internal)
                .attempted(format!("find {key}"))
                .happened("it is not there yet")
        })?;
        let given = matches!(key.as_str(), "network" | "subnet" | "router")
            || key.as_str().starts_with("security-group-there/");
        // Ids of OpenStack are UUIDs; anything else was said by the user.
        if !given || uuid::Uuid::try_parse(word).is_ok() {
            return Ok(word.clone());
        }
        self.lookups.there(&self.client, key.as_str(), word).await
    }

    async fn new_network(&self, making: &Making<'_>, want: &Network) -> Result<String> {
        let mut new = NewNetwork::new(&*making.name).description(making.owner.mark());
        new.mtu = want.mtu;
        Ok(self.client.network().networks().create(&new).await?.id)
    }

    async fn new_subnet(&self, making: &Making<'_>, want: &Subnet) -> Result<String> {
        let network = self.id(making.ids, &want.network).await?;
        let mut new = NewSubnet::new(network, 4, &*want.cidr)
            .name(&*making.name)
            .description(making.owner.mark())
            .enable_dhcp(true);
        new.dns_nameservers = want.dns.clone();
        Ok(self.client.network().subnets().create(&new).await?.id)
    }

    async fn new_router(&self, making: &Making<'_>, want: &Router) -> Result<String> {
        let mut new = NewRouter::new(&*making.name).description(making.owner.mark());
        if let Some(external) = &want.external {
            let network = self.lookups.external(&self.client, external).await?;
            new = new.gateway(Gateway::to(network));
        }
        Ok(self.client.network().routers().create(&new).await?.id)
    }

    async fn new_leg(&self, making: &Making<'_>, want: &Interface) -> Result<String> {
        let router = self.id(making.ids, &want.router).await?;
        let plug = Plug::Subnet(self.id(making.ids, &want.subnet).await?);
        let leg = self
            .client
            .network()
            .routers()
            .add_interface(&router, &plug)
            .await?;
        Ok(leg.port_id)
    }

    async fn new_group(&self, making: &Making<'_>) -> Result<String> {
        let new = NewSecurityGroup::new(&*making.name).description(making.owner.mark());
        let made = self.client.network().security_groups().create(&new).await?;
        for rule in made.rules.iter().filter(|r| lets_everything(r)) {
            self.lookups
                .keep(open_rule(&made.id, &rule.direction, &rule.ethertype), &rule.id);
        }
        Ok(made.id)
    }

    async fn new_rule(&self, making: &Making<'_>, want: &Rule) -> Result<String> {
        let group = self.id(making.ids, &want.group).await?;
        let way = match want.direction {
            Direction::Ingress => crate::network::Direction::Ingress,
            Direction::Egress => crate::network::Direction::Egress,
        };
        let ethertype = Ethertype::from(want.ether_type.as_str());
        let open = want.protocol.is_none() && want.ports.is_none() && want.remote == Remote::Any;
        // Neutron made it with the group, and said so.
        if let Some(id) = self
            .lookups
            .known(&open_rule(&group, &way, &ethertype))
            .filter(|_| open)
        {
            return Ok(id);
        }
        let mut new = NewRule::new(group, way, ethertype);
        new.protocol = want.protocol.clone();
        new.port_range_min = want.ports.map(|(from, _)| u32::from(from));
        new.port_range_max = want.ports.map(|(_, to)| u32::from(to));
        match &want.remote {
            Remote::Any => {}
            Remote::Range(range) => new.remote_ip_prefix = Some(range.clone()),
            Remote::Group(key) => new.remote_group_id = Some(self.id(making.ids, key).await?),
        }
        match self.client.network().security_group_rules().create(&new).await {
            Ok(rule) => Ok(rule.id),
            // The tuple is unique: it is this rule, made by Neutron with its group or by a call whose answer was lost.
            Err(e) => existing_rule(&e).ok_or(e),
        }
    }

    async fn new_key_pair(&self, making: &Making<'_>, want: &KeyPair) -> Result<String> {
        let new = NewKeypair::new(&*making.name, &*want.public_key);
        Ok(self.client.compute().keypairs().create(&new).await?.name)
    }

    async fn new_server_group(&self, making: &Making<'_>, want: &ServerGroup) -> Result<String> {
        let policy = match want.policy {
            Policy::SoftAntiAffinity => GroupPolicy::SoftAntiAffinity,
            Policy::AntiAffinity => GroupPolicy::AntiAffinity,
        };
        let new = NewServerGroup::new(&*making.name, policy);
        Ok(self.client.compute().server_groups().create(&new).await?.id)
    }

    async fn new_port(&self, making: &Making<'_>, want: &Port) -> Result<String> {
        let subnet = self.id(making.ids, &want.subnet).await?;
        let network = self.id(making.ids, &Key::new("network")?).await?;
        let mut fixed = FixedIp::in_subnet(subnet);
        fixed.ip_address = want.address.clone();
        let mut new = NewPort::new(network)
            .name(&*making.name)
            .description(making.owner.mark())
            .fixed_ips(vec![fixed]);
        if let Some(groups) = &want.groups {
            new = new.security_groups(self.ids(making.ids, groups).await?);
        }
        if let Some(also) = &want.also {
            new = new.allowed_address_pairs(pairs(also));
        }
        let made = self.client.network().ports().create(&new).await?;
        self.lookups.keep_address(&made);
        Ok(made.id)
    }

    pub(super) async fn ids(&self, ids: &Ids, keys: &[Key]) -> Result<Vec<String>> {
        let mut all = Vec::with_capacity(keys.len());
        for key in keys {
            all.push(self.id(ids, key).await?);
        }
        Ok(all)
    }

    async fn new_volume(&self, making: &Making<'_>, want: &Volume) -> Result<String> {
        let mut metadata = marks::metadata(making.owner, making.key);
        let mut new = NewVolume::new(u64::from(want.size)).name(&*making.name);
        new.volume_type = want.kind.clone();
        new.availability_zone = want.zone.clone();
        if let Some(image) = &want.image {
            metadata.insert(marks::IMAGE.to_owned(), marks::chosen(image));
            new.image = Some(self.lookups.image(&self.client, image).await?);
        }
        Ok(self
            .client
            .block_storage()
            .volumes()
            .create(&new.metadata(metadata))
            .await?
            .id)
    }

    async fn new_server(&self, making: &Making<'_>, want: &Server) -> Result<String> {
        let port = self.id(making.ids, &want.port).await?;
        let image = async {
            match &want.root {
                Root::Image => self.lookups.image(&self.client, &want.image).await.map(Some),
                Root::Volume(_) => Ok(None),
            }
        };
        let (flavor, image) = tokio::try_join!(self.lookups.flavor(&self.client, &want.flavor), image)?;
        let mut metadata = marks::metadata(making.owner, making.key);
        metadata.insert(marks::FLAVOR.to_owned(), marks::chosen(&want.flavor));
        metadata.insert(marks::IMAGE.to_owned(), marks::chosen(&want.image));
        let mut new = NewServer::new(making.machine(), flavor, Networks::port(port))
            .metadata(metadata)
            .config_drive(true);
        let mut disks = Vec::new();
        match &want.root {
            Root::Image => new.image = image,
            Root::Volume(key) => disks.push(NewDisk::volume(self.id(making.ids, key).await?, 0)),
        }
        if matches!(want.root, Root::Image) && !want.volumes.is_empty() {
            // With further disks Nova has to be told of the root's too.
            disks.push(NewDisk::local_root(new.image.clone().unwrap_or_default()));
        }
        for key in &want.volumes {
            disks.push(NewDisk::volume(self.id(making.ids, key).await?, -1));
        }
        if !disks.is_empty() {
            new = new.disks(disks);
        }
        if let Some(key) = &want.key_pair {
            new.key_name = Some(self.id(making.ids, key).await?);
        }
        if let Some(key) = &want.group {
            new.group = Some(self.id(making.ids, key).await?);
        }
        new.availability_zone = want.zone.clone();
        new.user_data = match &want.user_data {
            None => None,
            Some(kinds::UserData::Stored(secret)) => Some(self.stored(making, secret).await?),
            Some(kinds::UserData::Boot { control_plane }) => {
                Some(self.boot(making, want, control_plane).await?)
            }
        };
        Ok(self.client.compute().servers().create(&new).await?.id)
    }

    /// What whoever installs the cluster says, with the address that its machines look for the control plane at.
    async fn boot(&self, making: &Making<'_>, want: &Server, control_plane: &Key) -> Result<UserData> {
        let boot = self.boot.as_ref().ok_or_else(|| {
            Error::new(&OS_UNSUPPORTED, Class::Internal)
                .attempted(format!("make {}", making.key))
                .happened("nobody says what it does on its first boot")
        })?;
        let port = self.id(making.ids, control_plane).await?;
        let is_server = |key: &&Key| key.as_str().starts_with("server/");
        let machine = NewMachine {
            name: making.machine().to_owned(),
            role: want.pool.clone(),
            control_plane: self.lookups.address(&self.client, &port).await?,
            first: !making.ids.keys().any(|key| is_server(&key)),
            limit: USER_DATA_LIMIT / 4 * 3,
        };
        let text = boot.user_data(making.owner, &machine).await?;
        UserData::new(text.expose_secret().as_bytes())
    }

    async fn stored(&self, making: &Making<'_>, secret: &SecretRef) -> Result<UserData> {
        match self.secrets.get(making.owner, &secret.name).await? {
            Some(text) => UserData::new(text.expose_secret().as_bytes()),
            None => Err(Error::new(&CORE_SECRET_MISSING, Class::Blocked)
                .attempted(format!("make {}", making.key))
                .happened(format!("the secret {} with its user-data is gone", secret.name))),
        }
    }

    async fn new_address(&self, making: &Making<'_>, want: &FloatingIp) -> Result<String> {
        let network = self.lookups.external(&self.client, &want.external).await?;
        let port = self.target(making.ids, &want.target).await?;
        let new = NewFloatingIp::new(network)
            .port_id(port)
            .description(marks::described(making.owner, making.key));
        Ok(self.client.network().floating_ips().create(&new).await?.id)
    }

    /// The port that an address leads to: a machine's own, or a load balancer's.
    pub(super) async fn target(&self, ids: &Ids, key: &Key) -> Result<String> {
        let id = self.id(ids, key).await?;
        if !key.as_str().starts_with("load-balancer/") {
            return Ok(id);
        }
        Ok(self
            .client
            .load_balancer()
            .load_balancers()
            .show(&id)
            .await?
            .vip_port_id)
    }
}

fn lets_everything(rule: &SecurityGroupRule) -> bool {
    rule.protocol.is_none()
        && rule.port_range_min.is_none()
        && rule.port_range_max.is_none()
        && rule.remote_ip_prefix.is_none()
        && rule.remote_group_id.is_none()
}

/// What a rule without any condition is remembered by.
fn open_rule(group: &str, way: &crate::network::Direction, ethertype: &Ethertype) -> String {
    format!("rule {group} {way} {ethertype}")
}

pub(super) fn pairs(ranges: &[String]) -> Vec<AddressPair> {
    let pair = |range: &String| AddressPair {
        ip_address: range.clone(),
        mac_address: None,
    };
    ranges.iter().map(pair).collect()
}

/// The id of the rule that is there already, which Neutron tells in its refusal.
fn existing_rule(e: &Error) -> Option<String> {
    let api = ApiError::of(e)?;
    if api.kind.as_deref() != Some("SecurityGroupRuleExists") {
        return None;
    }
    let words = api.words.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words
        .into_iter()
        .find(|word| uuid::Uuid::try_parse(word).is_ok())
        .map(str::to_owned)
}
