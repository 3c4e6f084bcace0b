use super::{CollectorOptions, Stage};
use crate::error::Port;
use crate::ports::{Doomed, Ports, Reclaim, SweepCursor};
use crate::service::Registry;
use crate::time::Millis;
use std::sync::Arc;

/// What a [`Collector`](super::Collector) would remove now, read in the same steps, without writing anything.
///
/// It names the rows that each sweep would remove in the state as it is. What goes only because another row went before (the access
/// rows and blobs of doomed manifests) is in [`Preview::reclaim`], which counts it exactly.
pub struct Preview {
    ports: Arc<Ports>,
    options: CollectorOptions,
    stage: Option<Stage>,
    after: Option<SweepCursor>,
}

/// Rows that would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewStep {
    /// In which stage.
    pub stage: Stage,
    /// The rows, and since when they might have gone.
    pub doomed: Vec<Doomed>,
}

impl Preview {
    /// From the first row, under the registry's policy.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self::with_options(registry, CollectorOptions::from(registry.policy()))
    }

    /// From the first row, with other spans than the policy's.
    #[must_use]
    pub fn with_options(registry: &Registry, options: CollectorOptions) -> Self {
        Self { ports: Arc::clone(&registry.ports), options, stage: Some(Stage::History), after: None }
    }

    /// The next rows, perhaps none of a stage; nothing at the end. Uploads and bytes are not listed: nobody can push them again.
    ///
    /// Example: [the guide](crate::guide#collecting). On the command line: `manifestd gc`.
    ///
    /// # Errors
    ///
    /// A [`PortError`](crate::PortError). The next step asks for the same rows again.
    pub async fn step(&mut self, now: Millis) -> Port<Option<PreviewStep>> {
        let Some((stage, kind)) = self.stage.and_then(|stage| Some((stage, stage.sweep()?))) else {
            return Ok(None);
        };
        let ask = self.options.ask(kind, self.after.clone(), now);
        let (doomed, next) = self.ports.collection.doomed(&ask).await?;
        if next.is_none() {
            self.stage = stage.next();
        }
        self.after = next;
        Ok(Some(PreviewStep { stage, doomed }))
    }

    /// What a whole collection would free now: manifests, blobs and their bytes, each blob counted once however often it is shared.
    ///
    /// Example: [the guide](crate::guide#collecting). On the command line: `manifestd gc --dry-run`.
    ///
    /// # Errors
    ///
    /// A [`PortError`](crate::PortError).
    pub async fn reclaim(&self, now: Millis) -> Port<Reclaim> {
        self.ports.collection.reclaimable(now, self.options.window, self.options.grace).await
    }
}
