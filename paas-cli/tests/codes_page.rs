//! The page of error codes in the book is made of the same tables as `paas explain`. `UPDATE_DOCS=1` writes it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{env, fs, path::Path, process::Command};

#[test]
fn the_books_page_of_codes_says_what_explain_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_paas"))
        .args(["explain", "-o", "json"])
        .output()
        .unwrap();
    let codes: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(codes.len() > 30, "all tables are in it: {}", codes.len());
    let mut page = String::from(
        "# Error codes\n\nEvery error has a stable code; a code is never reused. `paas explain CODE` says the same as this page, which is made of the \
         same tables.\n",
    );
    for code in &codes {
        let text = |field: &str| code[field].as_str().unwrap();
        page += &format!(
            "\n## {}\n\n**{}.** {}\n\n{}\n",
            text("id"),
            text("title"),
            text("cause"),
            text("remedy")
        );
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/codes.md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "write docs/src/codes.md anew with UPDATE_DOCS=1");
}
