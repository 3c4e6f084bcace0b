#![doc = include_str!("../README.md")]

mod cli;
mod clock;
mod config;
mod failure;
mod greeting;
mod listen;
mod lock;
mod logs;
mod look;
mod output;
mod ready;
mod serve;
mod signals;
mod storage;
mod sweeper;
mod table;
mod target;
mod words;

use clap::Parser;
use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::say(&failure.report());
            failure.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    if let Command::Config(show) = &cli.command
        && show.sample
    {
        return output::print(&config::sample());
    }
    let loaded = config::load(cli.common.config.as_deref(), std::env::vars_os(), cli.flags());
    let loaded = loaded.map_err(Failure::Config)?;
    match &cli.command {
        Command::Serve(_) => serve::run(&loaded),
        Command::Config(_) => output::print(&config::effective(&loaded)),
        Command::Look(command) => look::run(&loaded.config, command),
    }
}
