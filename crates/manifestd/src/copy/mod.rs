//! `manifestd copy-metadata`: the rows of a data directory into a Postgres database, verified.

mod progress;

use crate::cli::CopyMetadata;
use crate::config::Config;
use crate::failure::Failure;
use crate::logs::{self, LogStream};
use crate::storage::Move;
use crate::{output, words};
use progress::Bar;

/// Copies every table, compares both sides, and says what was copied. Begun again, it goes on where it ended.
pub(crate) fn run(config: &Config, ask: &CopyMetadata) -> Result<(), Failure> {
    logs::start(&config.log, LogStream::Error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Process { doing: "starting the runtime", source })?;
    let text = runtime.block_on(answer(config, ask))?;
    output::print(&text)
}

async fn answer(config: &Config, ask: &CopyMetadata) -> Result<String, Failure> {
    let copy = Move::open(config, &ask.from, &ask.to).await?;
    let (mut all, bar) = (0, Bar::on_terminal());
    for table in copy.tables() {
        let total = copy.total(table).await?;
        bar.begin(&table.name, total);
        copy.table(table, total, &|done| bar.show(done)).await?;
        all += total;
    }
    for table in copy.tables() {
        bar.begin(&format!("verify {}", table.name), 0);
        copy.verify(table).await?;
    }
    copy.finish().await?;
    bar.clear();
    Ok(format!(
        "Copied and verified {}. Nodes that serve {} need the blobs in {}.\n",
        words::counted(all, "row", "rows"),
        copy.database(),
        copy.blobs().display()
    ))
}
