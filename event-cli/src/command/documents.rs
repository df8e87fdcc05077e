//! `completions` and `man`: what a shell and `man` know of the program.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::session::Session;

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

/// The arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder for the page of the program and of each command; without it the page of the program is printed.
    folder: Option<PathBuf>,
}

impl Completions {
    pub(super) fn run(&self, session: &mut Session) -> Result<(), Failure> {
        let mut program = session.host.program.clone();
        let name = program.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        session.out.raw(&script)
    }
}

impl Man {
    pub(super) fn run(&self, session: &mut Session) -> Result<(), Failure> {
        let mut program = session.host.program.clone();
        program.build();
        let Some(folder) = &self.folder else {
            return session.out.raw(&page(&program)?);
        };
        let name = program.get_name().to_owned();
        write(folder, &name, &program)?;
        for command in program.get_subcommands().filter(|it| it.get_name() != "help") {
            let page = format!("{name}-{}", command.get_name());
            write(folder, &page, &command.clone().name(page.clone()))?;
        }
        Ok(())
    }
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut text)
        .map_err(|error| Failure::general(format!("could not write the page: {error}")))?;
    Ok(text)
}

fn write(folder: &Path, name: &str, command: &clap::Command) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(command)?)
        .map_err(|error| Failure::general(format!("could not write {}: {error}", path.display())))
}
