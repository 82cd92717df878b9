//! What the commands that touch nothing print: help, usage errors, codes, files that are wrong.

#[test]
fn help_usage_and_errors_are_what_was_reviewed() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    // As root, PostgreSQL runs as another user, who must be able to pass.
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    trycmd::TestCases::new()
        .env("PAAS_HOME", home.path().join("home").display().to_string())
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd");
}
