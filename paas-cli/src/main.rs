//! The `paas` command.

fn main() -> std::process::ExitCode {
    paas_cli::main()
}
