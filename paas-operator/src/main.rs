//! The `paas-operator` command.

fn main() -> std::process::ExitCode {
    paas_operator::main()
}
