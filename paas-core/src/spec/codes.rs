//! The stable error codes of the user's words (area SPEC).

crate::codes! {
    SPEC_UNREADABLE = "PAAS-SPEC-0001", "a file cannot be read",
        "The path does not exist, is not readable, is not text in UTF-8, is too large, is empty, or the folder has no YAML or JSON files.",
        "Check the path and its permissions; write a first file with `paas init`.";
    SPEC_SYNTAX = "PAAS-SPEC-0002", "the text is not YAML",
        "Quotes, brackets or the indentation do not match, or YAML is used that other readers understand differently.",
        "Look at the line that the message names and at the one before it; indent with spaces.";
    SPEC_LIMIT = "PAAS-SPEC-0003", "the text is nested too deeply or grows without bound",
        "Lists and maps within each other, or aliases of aliases, go beyond what a description of a platform needs.",
        "Write the values out instead of using aliases.";
    SPEC_KIND = "PAAS-SPEC-0004", "not one of our kinds",
        "apiVersion or kind is missing, misspelt, or belongs to somebody else.",
        "Use apiVersion paas.rs/v1alpha1 and one of the kinds Platform, DatabaseInstance, DatabaseBackup.";
    SPEC_UNKNOWN_FIELD = "PAAS-SPEC-0005", "a field does not exist",
        "The field is misspelt or stands at the wrong depth.",
        "Use the word that the message offers; `paas crds` prints every field with its description.";
    SPEC_VALUE = "PAAS-SPEC-0006", "a value is not allowed",
        "The value has the wrong type or form, is out of bounds, or is none of the allowed words.",
        "Use one of the values that the message offers.";
    SPEC_MISSING = "PAAS-SPEC-0007", "a required field is missing",
        "A field without a default was left out.",
        "Add the field that the message names.";
    SPEC_DUPLICATE = "PAAS-SPEC-0008", "something is there twice",
        "A key, a list entry or an object is declared more than once, and only one of them could hold.",
        "Remove one of the two places that the message names.";
    SPEC_RULE = "PAAS-SPEC-0009", "fields contradict each other",
        "Each field is fine by itself, together they cannot be.",
        "Change one of the fields that the message names.";
    SPEC_CHANGE = "PAAS-SPEC-0010", "a field cannot be changed that way",
        "What exists cannot become what is asked for without losing data.",
        "Take the field back to what it was, or make a new object.";
}
