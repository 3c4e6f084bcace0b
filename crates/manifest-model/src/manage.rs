//! Repositories, purges and collection.

use crate::op;
use crate::side::{Ask, Side};
use manifest_core::Millis;
use manifest_core::facts::Visibility;
use manifest_core::service::{Collector, Preview, Purge, Stage};
use std::collections::BTreeMap;

impl Side {
    pub(crate) async fn manage(&mut self, kind: op::Manage, ask: &Ask<'_>) -> String {
        let (registry, cx, repository) = (&self.registry, ask.cx, ask.repository());
        match kind {
            op::Manage::Create => {
                let visibility = if ask.op.pick.is_multiple_of(2) { Visibility::Public } else { Visibility::Private };
                let created = registry.create_repository(cx, repository, visibility).await;
                self.texts.of(&created)
            }
            op::Manage::ReadOnly => {
                let set = registry.set_read_only(cx, repository, true).await;
                self.texts.of(&set)
            }
            op::Manage::Open => {
                let set = registry.set_read_only(cx, repository, false).await;
                self.texts.of(&set)
            }
            op::Manage::DeleteRepository => {
                let deleted = registry.delete_repository(cx, repository).await;
                self.texts.of(&deleted)
            }
            op::Manage::PlanPurge => self.plan_purge(ask).await,
            op::Manage::Purge => {
                // What was planned some time ago, or is planned now.
                let planned = if ask.op.pick & 16 == 0 { self.plan_purge(ask).await } else { String::new() };
                let Some((repository, what, id, planned_at)) = self.purge.clone() else { return planned };
                let purged = self.registry.purge(cx, &repository, &what, id, planned_at).await;
                planned + &self.texts.of(&purged)
            }
            op::Manage::Collect => self.collect(cx.now).await,
            op::Manage::Preview => self.preview(ask).await,
            // The clock is moved by whoever runs the sequence.
            op::Manage::Forward | op::Manage::Backward => String::new(),
        }
    }

    async fn plan_purge(&mut self, ask: &Ask<'_>) -> String {
        let (repository, what) = (ask.repository(), purge(ask));
        let planned = self.registry.plan_purge(ask.cx, repository, &what).await;
        let shown = planned.as_ref().ok();
        self.purge = shown.map(|shown| (repository.clone(), what, shown.id, shown.planned_at));
        self.texts.of(&planned)
    }

    /// A whole round. Adapters may cut it into steps as they like, so the rows of a stage are added up; and where the clock went
    /// back they may wait before they delete bytes, so those are added up over all rounds.
    pub(crate) async fn collect(&mut self, now: Millis) -> String {
        let mut collector = Collector::new(&self.registry);
        let mut removed = BTreeMap::new();
        loop {
            match collector.step(now).await {
                Ok(step) if step.stage == Stage::Trash => self.emptied += step.removed,
                Ok(step) => *removed.entry(step.stage).or_insert(0) += step.removed,
                Err(error) => return self.texts.of(&error),
            }
            if collector.between_rounds() {
                return self.texts.of(&removed);
            }
        }
    }

    /// What a round would remove, and what that frees.
    async fn preview(&mut self, ask: &Ask<'_>) -> String {
        let mut preview = Preview::new(&self.registry);
        let mut doomed = Vec::new();
        loop {
            match preview.step(ask.cx.now).await {
                Ok(Some(step)) => {
                    doomed.extend(step.doomed.into_iter().map(|row| format!("{} {row:?}", step.stage.name())));
                }
                Ok(None) => break,
                Err(error) => return self.texts.of(&error),
            }
        }
        doomed.sort();
        let reclaim = preview.reclaim(ask.cx.now).await;
        self.texts.of(&(doomed, reclaim))
    }
}

fn purge(ask: &Ask<'_>) -> Purge {
    match ask.op.pick % 8 {
        0 => Purge::Repository,
        1..=3 => Purge::Tags([ask.pool.tag(ask.op.tag).clone(), ask.pool.tag(ask.op.pick / 8).clone()].into()),
        _ => Purge::Manifests([ask.manifest(), ask.pool.digest(ask.op.pick / 8)].into()),
    }
}
