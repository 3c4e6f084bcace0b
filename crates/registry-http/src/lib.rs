#![doc = include_str!("../README.md")]

mod admin;
mod answer;
mod app;
mod authenticate;
mod body;
mod errors;
#[doc(hidden)]
pub mod fuzzing;
mod handlers;
mod hosts;
mod metrics;
mod options;
mod request;
mod request_id;
mod serve;
mod site;

pub use admin::Admin;
pub use app::App;
pub use authenticate::{Authenticate, AuthenticateError};
pub use body::{Body, BodyFailed};
pub use hosts::{Hosts, ParseHostError};
pub use metrics::Metrics;
pub use options::{AppOptions, Clock, Readiness};
pub use prometheus_client;
pub use serve::{ServeOptions, Stopped, serve};
pub use site::Site;
