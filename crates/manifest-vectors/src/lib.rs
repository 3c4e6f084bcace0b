#![doc = include_str!("../README.md")]

mod case;
mod children;
mod compare;
mod data_layer;
mod deviations;
mod directory;
mod group;
mod images;
mod labels;
mod legacy;
mod malformed;
mod observed;
mod odd_labels;
mod outcome;
mod report;
mod schema1;
mod seed;
mod unusable;

pub use directory::run;
pub use group::judge;
pub use report::{Count, FileReport, Report};
pub use unusable::{InputError, Unusable};
