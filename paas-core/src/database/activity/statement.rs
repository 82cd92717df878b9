//! A statement in a few words.

/// How many characters of a statement are given.
const LENGTH: usize = 80;

/// The first 80 characters of a statement in one line. What follows the word `PASSWORD` is left out, because it is one.
pub fn brief(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = secret(&line);
    let (line, cut) = match ends {
        Some(at) => (&line[..at], true),
        None => (line.as_str(), false),
    };
    let mut brief: String = line.chars().take(LENGTH).collect();
    if brief.len() < line.len() {
        brief.pop();
        brief.push('…');
    } else if cut {
        brief.push_str(" …");
    }
    brief
}

/// Where a password begins: after the word, before its first quote.
fn secret(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    lower.match_indices("password").find_map(|(at, word)| {
        let after = at + word.len();
        let rest = lower[after..].trim_start();
        let quoted = ["'", "e'", "u&'", "$"].iter().any(|q| rest.starts_with(q));
        quoted.then_some(after)
    })
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn a_statement_is_one_line_of_eighty_characters_without_a_password() {
        assert_eq!(brief("select\n  1\t+ 1 "), "select 1 + 1");
        assert_eq!(brief(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(brief(&"é".repeat(81)), "é".repeat(79) + "…");
        for quoted in ["'hunter2'", " E'hunter2'", "  $$hunter2$$"] {
            let told = brief(&format!("ALTER ROLE x PaSSWORD{quoted} LOGIN"));
            assert_eq!(told, "ALTER ROLE x PaSSWORD …");
        }
        assert_eq!(brief("select password from t"), "select password from t");
    }
}
