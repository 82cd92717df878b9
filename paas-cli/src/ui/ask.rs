//! Questions, only where somebody sits at a terminal.

use std::io::{self, BufRead, IsTerminal};

use paas_core::error::{Class, Error};

use super::printer::Printer;
use crate::{
    codes::{CLI_CONSENT, CLI_DECLINED},
    interrupt::Interrupt,
};

/// True if there is somebody to ask.
pub(crate) fn possible(no_input: bool) -> bool {
    !no_input && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for `y`; anything else declines.
pub(crate) fn agree(printer: &Printer, interrupt: &Interrupt, question: &str) -> Result<(), Error> {
    is_yes(&answer(printer, interrupt, &format!("{question} [y/N] "))?)
}

fn is_yes(answer: &str) -> Result<(), Error> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(declined()),
    }
}

/// Asks for a name to be typed; anything else declines.
pub(crate) fn type_name(
    printer: &Printer,
    interrupt: &Interrupt,
    question: &str,
    name: &str,
) -> Result<(), Error> {
    if answer(printer, interrupt, &format!("{question} "))?.trim() == name {
        Ok(())
    } else {
        Err(declined())
    }
}

/// Consent is missing and nobody can be asked.
pub(crate) fn nobody(what: &str) -> Error {
    Error::new(&CLI_CONSENT, Class::Blocked).attempted(what)
}

fn declined() -> Error {
    Error::new(&CLI_DECLINED, Class::Blocked)
}

fn answer(printer: &Printer, interrupt: &Interrupt, question: &str) -> Result<String, Error> {
    let _asking = interrupt.nothing_under_way();
    printer.ask(question);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|_| declined())?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for yes in ["y", "Y\n", "yes\r\n"] {
            is_yes(yes).unwrap();
        }
        for no in ["", "\n", "n", "yeah", "demo"] {
            assert_eq!(is_yes(no).unwrap_err().code().id, CLI_DECLINED.id);
        }
    }
}
