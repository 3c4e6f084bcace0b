//! How many statements each call runs, counted at the driver, and that each is prepared once (architecture, "Budgets").

#![expect(clippy::unwrap_used, reason = "a test that lacks what it needs ends there")]

mod changes;
mod counted;
mod pushes;
mod reads;
mod uploads;
mod values;
