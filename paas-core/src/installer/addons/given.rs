//! What the infrastructure gives of its cloud, as the addons need it.

use super::cloud::{CloudConfig, CloudFacts};
use crate::{driver::Outputs, error::Result, spec::PlatformSpec};

/// The cloud that the stage of the machines tells of.
#[derive(Debug, Clone, Copy, Default)]
pub struct GivenCloud;

impl CloudFacts for GivenCloud {
    fn cloud(&self, spec: &PlatformSpec, from: &Outputs) -> Result<Option<CloudConfig>> {
        let Some(cloud) = &from.cloud else {
            return Ok(None);
        };
        let open_stack = spec.infrastructure.open_stack.as_deref();
        Ok(Some(CloudConfig {
            auth_url: cloud.auth_url.clone(),
            region: cloud.region.clone(),
            credential_id: cloud.credential_id.clone(),
            credential_secret: cloud.credential_secret.clone(),
            ca: None,
            internal_network: None,
            floating_network: None,
            subnet: Some(cloud.subnet.clone()).filter(|s| !s.is_empty()),
            load_balancer_provider: None,
            // Where machines are not spread over zones, volumes may be in any.
            ignore_volume_zone: open_stack.is_none_or(|o| o.availability_zones.is_empty()),
        }))
    }
}
