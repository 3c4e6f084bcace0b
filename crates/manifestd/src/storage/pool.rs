use manifest_postgres::{PoolState, PostgresStore};
use registry_http::prometheus_client::collector::Collector;
use registry_http::prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use registry_http::prometheus_client::metrics::counter::ConstCounter;
use registry_http::prometheus_client::metrics::gauge::ConstGauge;
use registry_http::prometheus_client::registry::Unit;
use std::fmt;

/// The connections to the database, as they are when somebody asks.
pub(super) struct Pool(pub(super) PostgresStore);

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Collector for Pool {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let PoolState { size, open, idle, waited, in_vain, wait_time, opened, broken } = self.0.pool();
        let mut metric =
            |name, help, unit: Option<&Unit>, metric: &dyn Shown| metric.show(&mut encoder, name, help, unit);
        let gauge = |count: u32| ConstGauge::new(i64::from(count));
        metric("database_connections_max", "Connections to the database that may be open", None, &gauge(size))?;
        metric(
            "database_connections_used",
            "Connections that answer somebody now",
            None,
            &gauge(open - idle.min(open)),
        )?;
        metric("database_connections_idle", "Open connections that nobody uses", None, &gauge(idle))?;
        metric("database_connections_opened", "Connections opened", None, &ConstCounter::new(opened))?;
        metric("database_connections_broken", "Connections that were lost", None, &ConstCounter::new(broken))?;
        metric("database_waits", "Requests that waited for a connection", None, &ConstCounter::new(waited))?;
        metric("database_waits_failed", "Requests that waited in vain", None, &ConstCounter::new(in_vain))?;
        let waited = ConstCounter::new(wait_time.as_secs_f64());
        metric("database_wait", "How long requests waited for a connection", Some(&Unit::Seconds), &waited)
    }
}

/// A metric of any kind.
trait Shown {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, unit: Option<&Unit>) -> fmt::Result;
}

impl<M: EncodeMetric> Shown for M {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, unit: Option<&Unit>) -> fmt::Result {
        self.encode(encoder.encode_descriptor(name, help, unit, self.metric_type())?)
    }
}
