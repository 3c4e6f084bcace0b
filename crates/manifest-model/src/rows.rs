//! The whole state of a side as text: every row of every table, and what keeps each manifest.

use crate::pool::Pool;
use crate::side::Side;
use manifest_core::Context;
use manifest_core::ports::{SupportAsk, Table};

impl Side {
    /// What the side holds, one line a row.
    pub(crate) async fn rows(&mut self, pool: &Pool, cx: &Context) -> Vec<String> {
        let mut lines = Vec::new();
        for table in Table::ALL {
            self.table(table, &mut lines).await;
        }
        for repository in &pool.repositories {
            for document in &pool.documents {
                let why = self.registry.why(cx, repository, &document.digest).await;
                lines.push(self.texts.of(&why));
                let window = self.registry.policy().history_window;
                let ask = SupportAsk { repository: repository.clone(), digest: document.digest, now: cx.now, window };
                let support = self.registry.ports().manifests.support(&ask).await;
                lines.push(self.texts.of(&support));
            }
        }
        lines
    }

    /// The rows of a table, in small pages.
    async fn table(&mut self, table: Table, lines: &mut Vec<String>) {
        let mut after = None;
        loop {
            match self.registry.ports().records.page(table, after.take(), 50).await {
                Ok(page) => {
                    lines.extend(page.items.iter().map(|row| format!("{table:?} {} {:?}", row.key, row.columns)));
                    after = page.items.last().filter(|_| page.more).map(|row| row.key.clone());
                }
                Err(error) => lines.push(format!("{table:?} {error:?}")),
            }
            if after.is_none() {
                return;
            }
        }
    }
}
