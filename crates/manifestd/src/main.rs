#![doc = include_str!("../README.md")]

mod cli;
mod clock;
mod collect;
mod config;
mod copy;
mod failure;
mod fsck;
mod greeting;
mod listen;
mod lock;
mod logs;
mod look;
mod migrate;
mod output;
mod ready;
mod serve;
mod signals;
mod signing;
mod storage;
mod table;
mod target;
mod words;
mod workers;

use clap::Parser;
use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(failure) => {
            output::say(&failure.report());
            failure.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, Failure> {
    if let Command::Config(show) = &cli.command
        && show.sample
    {
        return done(output::print(&config::sample()));
    }
    let loaded = config::load(cli.common.config.as_deref(), std::env::vars_os(), cli.flags());
    let loaded = loaded.map_err(Failure::Config)?;
    match &cli.command {
        Command::Serve(_) => done(serve::run(&loaded)),
        Command::Config(_) => done(output::print(&config::effective(&loaded))),
        Command::Gc(gc) => done(collect::gc(&loaded.config, gc)),
        Command::Fsck(fsck) => fsck::run(&loaded.config, fsck),
        Command::RotateKey(rotate) => done(signing::rotate(&loaded.config, rotate)),
        Command::CopyMetadata(ask) => done(copy::run(&loaded.config, ask)),
        Command::Migrate(migrate) => done(migrate::run(&loaded.config, &migrate.step)),
        Command::Look(command) => done(look::run(&loaded.config, command)),
    }
}

fn done(outcome: Result<(), Failure>) -> Result<ExitCode, Failure> {
    outcome.map(|()| ExitCode::SUCCESS)
}
