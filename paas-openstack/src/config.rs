//! clouds.yaml, secure.yaml, clouds-public.yaml and `OS_*`, resolved to one [`crate::Cloud`] as openstacksdk resolves them.
