//! The key of this registry, which signs schema 1 manifests for clients that take nothing newer: made once, kept for all nodes.

mod key;

use crate::cli::RotateKey;
use crate::config::Config;
use crate::failure::Failure;
use crate::{output, storage};
use key::InstanceKey;
use manifest_core::legacy::{PublicKey, Signer};
use manifest_core::ports::{PrivateKey, Retired, SigningKeys};
use serde_json::json;
use std::error::Error;
use std::sync::Arc;

/// The key in use, made now if there is none. Of nodes that start together one makes it, and all use it.
pub(crate) async fn load(config: &Config, keys: &dyn SigningKeys) -> Result<Arc<dyn Signer>, Failure> {
    let unusable = |source: Box<dyn Error + Send + Sync>| unusable(config, source);
    let current = keys.current().await.map_err(|error| unusable(error.into()))?;
    let stored = if let Some(stored) = current {
        stored
    } else {
        let fresh = InstanceKey::generate().map_err(|error| unusable(error.into()))?;
        let in_use = keys.replace(None, &fresh).await.map_err(|error| unusable(error.into()))?;
        in_use.ok_or_else(|| unusable("it was not kept".into()))?
    };
    let key = InstanceKey::read(&stored).map_err(|error| unusable(error.into()))?;
    tracing::debug!(id = key.key().id(), algorithm = key.key().algorithm(), "schema 1 is signed with this key");
    Ok(Arc::new(key))
}

/// Takes a new P-256 key into use, if it does not replace an RSA key. A server that runs goes on with the old one until
/// it is started again.
pub(crate) fn rotate(config: &Config, rotate: &RotateKey) -> Result<(), Failure> {
    storage::require_registry(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Process { doing: "starting the runtime", source })?;
    let rotated = runtime.block_on(async {
        let keys = storage::signing_keys(config).await?;
        let current = keys.current().await.map_err(|error| unusable(config, error.into()))?;
        let old = current.map(|old| InstanceKey::read(&old).map(|key| (key, old))).transpose();
        let old = old.map_err(|error| unusable(config, error.into()))?;
        // What is made is P-256, and whoever has an RSA key has clients that know nothing else.
        if old.as_ref().is_some_and(|(key, _)| matches!(key.key(), PublicKey::Rsa { .. })) {
            return Err(Failure::RsaKey { path: storage::signing_key_path(config) });
        }
        replaced(&*keys, old).await.map_err(|source| unusable(config, source))
    })?;
    output::print(&if rotate.form.json {
        output::json(&json!({ "key": rotated.id, "algorithm": rotated.algorithm, "was": rotated.was }))
    } else {
        let was = rotated.was.map(|was| format!("It was {was}.\n")).unwrap_or_default();
        format!(
            "The key is {} ({}). `serve` signs with it from its next start on.\n{was}",
            rotated.id, rotated.algorithm
        )
    })
}

struct Rotated {
    id: String,
    algorithm: &'static str,
    was: Option<String>,
}

async fn replaced(
    keys: &dyn SigningKeys,
    old: Option<(InstanceKey, PrivateKey)>,
) -> Result<Rotated, Box<dyn Error + Send + Sync>> {
    let fresh: PrivateKey = InstanceKey::generate()?;
    let retired = old.as_ref().map(|(key, old)| Retired { private: old.clone(), public: key.key().to_der() });
    let in_use = keys.replace(retired, &fresh).await?;
    if in_use.as_ref() != Some(&fresh) {
        return Err("it was replaced by somebody else at the same time".into());
    }
    let key = InstanceKey::read(&fresh)?;
    let was = old.map(|(key, _)| key.key().id());
    Ok(Rotated { id: key.key().id(), algorithm: key.key().algorithm(), was })
}

fn unusable(config: &Config, source: Box<dyn Error + Send + Sync>) -> Failure {
    Failure::SigningKey { path: storage::signing_key_path(config), source }
}
