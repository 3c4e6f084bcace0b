#![doc = include_str!("../README.md")]

mod config;

fn main() {}
