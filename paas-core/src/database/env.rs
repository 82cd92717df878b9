//! A way into a database as text that shells and tools read, exactly quoted.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::connection::Connection;

/// A form that [`render`] writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `export NAME='value'` for POSIX shells.
    Shell,
    /// `NAME='value'` for `.env` files.
    Dotenv,
    /// A JSON object of the variables.
    Json,
    /// Lines for direnv's `.envrc`.
    Direnv,
    /// JDBC's URL.
    Jdbc,
    /// A line of a `.pgpass` file.
    Pgpass,
}

/// The variables that programs read: libpq's, and `DATABASE_URL`.
pub fn variables(to: &Connection) -> Vec<(&'static str, SecretString)> {
    let mut all = to.env();
    all.push(("DATABASE_URL", to.url()));
    all
}

/// A way into a database in one form, without a newline at its end.
///
/// With the directory of a binding to the same place, the lines for direnv read that: they hold no password, stay right when it is
/// changed, and make direnv look again then.
pub fn render(to: &Connection, form: Format, binding: Option<&Path>) -> SecretString {
    match form {
        Format::Shell => lines(to, |name, value| format!("export {name}={}", single(value))),
        Format::Dotenv => lines(to, |name, value| format!("{name}={}", dotenv(value))),
        Format::Json => json(to),
        Format::Direnv => binding.map_or_else(|| render(to, Format::Shell, None), |b| direnv(to, b)),
        Format::Jdbc => to.jdbc(),
        Format::Pgpass => to.pgpass(),
    }
}

fn lines(to: &Connection, line: fn(&str, &str) -> String) -> SecretString {
    let all = variables(to);
    let all = all.iter().map(|(name, value)| line(name, value.expose_secret()));
    all.collect::<Vec<_>>().join("\n").into()
}

fn json(to: &Connection) -> SecretString {
    let all = variables(to);
    let value: serde_json::Map<String, serde_json::Value> = all
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.expose_secret().into()))
        .collect();
    // Texts alone have nothing to fail on.
    serde_json::to_string_pretty(&value).unwrap_or_default().into()
}

fn direnv(to: &Connection, binding: &Path) -> SecretString {
    let file = |key: &str| single(&binding.join(key).display().to_string());
    let mut out = vec![format!("watch_file {}", file("uri"))];
    for (name, value) in variables(to) {
        let key = match name {
            "PGUSER" => Some("username"),
            "PGPASSWORD" => Some("password"),
            "DATABASE_URL" => Some("uri"),
            _ => None,
        };
        out.push(match key {
            Some(key) => format!("export {name}=\"$(cat {})\"", file(key)),
            None => format!("export {name}={}", single(value.expose_secret())),
        });
    }
    out.join("\n").into()
}

/// A word for a POSIX shell that stands for exactly this text. NUL has no such word; no part of a connection can hold it.
///
/// ```
/// assert_eq!(paas_core::database::env::single("it's"), r"'it'\''s'");
/// ```
pub fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A value that readers of `.env` files agree on, a shell among them: in single quotes nothing has a meaning; a text with such a
/// quote stands in double ones, escaped.
fn dotenv(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;
    use crate::database::connection::SslMode;

    fn connection(database: &str, password: &str) -> Connection {
        Connection {
            host: "127.0.0.1".into(),
            port: 5433,
            database: database.into(),
            user: "app_a".into(),
            password: password.to_owned().into(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        }
    }

    /// What a shell has in these variables after it read the text.
    fn read_by_sh(text: &str) -> Vec<String> {
        let ask = r#"printf '%s\0' "$PGDATABASE" "$PGPASSWORD" "$PGUSER" "$DATABASE_URL""#;
        let script = format!("set -eu; watch_file() {{ :; }}; {text}\n{ask}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        said.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn the_forms_are_those_that_their_readers_know() {
        let to = connection("shop", "s3cret");
        let text = |form| render(&to, form, None).expose_secret().to_owned();
        assert!(text(Format::Shell).starts_with("export PGHOST='127.0.0.1'\nexport PGPORT='5433'\n"));
        assert!(
            text(Format::Dotenv)
                .ends_with("DATABASE_URL='postgresql://app_a:s3cret@127.0.0.1:5433/shop?sslmode=disable'")
        );
        let json: serde_json::Value = serde_json::from_str(&text(Format::Json)).unwrap();
        assert_eq!(
            (&json["PGUSER"], &json["PGPORT"]),
            (&"app_a".into(), &"5433".into())
        );
        assert!(text(Format::Jdbc).starts_with("jdbc:postgresql://127.0.0.1:5433/shop?user=app_a"));
        assert_eq!(text(Format::Pgpass), "127.0.0.1:5433:shop:app_a:s3cret");
        assert_eq!(text(Format::Direnv), text(Format::Shell));
    }

    #[test]
    fn lines_for_direnv_read_the_binding_and_hold_no_password() {
        let dir = tempfile::tempdir().unwrap();
        let binding = dir.path().join("it's here");
        std::fs::create_dir(&binding).unwrap();
        for (key, value) in [
            ("username", "app_b"),
            ("password", "new"),
            ("uri", "postgresql://new"),
        ] {
            std::fs::write(binding.join(key), value).unwrap();
        }
        let text = render(&connection("shop", "0ld-one"), Format::Direnv, Some(&binding));
        let text = text.expose_secret();
        assert!(!text.contains("0ld-one") && text.starts_with("watch_file '"));
        assert_eq!(read_by_sh(text), ["shop", "new", "app_b", "postgresql://new"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_back_exactly_what_was_quoted(database in "[^\0]{0,30}", password in "([$`\"'\\\\ \n!~*]|[^\0]){0,20}") {
            let to = connection(&database, &password);
            let url = to.url().expose_secret().to_owned();
            for form in [Format::Shell, Format::Dotenv] {
                let read = read_by_sh(render(&to, form, None).expose_secret());
                prop_assert_eq!(&read, &[database.clone(), password.clone(), "app_a".to_owned(), url.clone()]);
            }
        }
    }
}
