//! What was found before the first write, as text: each with its numbers, its code, and what to do.

use super::{Paint, clean, line};
use crate::preflight::Finding;

/// Errors, then warnings; nothing where there is none.
pub(super) fn findings(out: &mut String, findings: &[Finding], paint: Paint) {
    let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|f| f.is_error());
    let head = "in the way: nothing is begun before it is gone";
    group(out, (head, "✗"), &errors, paint, Paint::bad);
    group(out, ("to know before", "!"), &warnings, paint, Paint::change);
}

fn group(
    out: &mut String,
    (head, sign): (&str, &str),
    findings: &[&Finding],
    paint: Paint,
    color: fn(Paint, &str) -> String,
) {
    if findings.is_empty() {
        return;
    }
    line(out, &format!("  {}", color(paint, head)));
    for found in findings {
        let about = found.key.as_ref().map_or(String::new(), |key| format!("{key}: "));
        let text = format!(
            "    {} {about}{}  {}",
            color(paint, sign),
            clean(&found.what),
            paint.dim(&format!("[{}]", clean(&found.code)))
        );
        line(out, &text);
        line(out, &format!("      → {}", clean(&found.remedy)));
    }
}
