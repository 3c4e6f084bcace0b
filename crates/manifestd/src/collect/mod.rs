//! Removing what nothing keeps: in the background of `serve`, and by `manifestd gc` where nothing is served.

mod background;
mod command;
mod dry;
mod metrics;
mod round;
#[cfg(test)]
mod tests;

pub(crate) use background::run as in_background;
pub(crate) use command::run as gc;
pub(crate) use metrics::Collected;
