//! The error codes of talking to a PostgreSQL (area PG).

crate::codes! {
    PG_CONNECT = "PAAS-PG-0001", "PostgreSQL cannot be reached",
        "Nothing listens there, or the connection broke.",
        "See `paas status`; start the instance with `paas up`.";
    PG_AUTH = "PAAS-PG-0002", "PostgreSQL refused the login",
        "The password or the role is not the one the server knows, or the server's access rules exclude it.",
        "Check that the stored secret is the one of this instance; it is never changed silently.";
    PG_SQL = "PAAS-PG-0003", "PostgreSQL refused a statement",
        "The server's words say why.",
        "Read the server's words; nothing else was changed by the statement.";
    PG_PARAMETER = "PAAS-PG-0004", "a parameter is unknown or has a value that PostgreSQL refuses",
        "A name or a value under `parameters` is not one of this PostgreSQL version.",
        "Correct it; the server's words name the parameter. The running server keeps its former settings.";
    PG_EXTENSION = "PAAS-PG-0005", "an extension is not available",
        "This PostgreSQL build does not bring the extension.",
        "Install the extension's package for this build, or use a build that has it; the message lists what is there.";
    PG_IDENTIFIER = "PAAS-PG-0006", "a name cannot be used in PostgreSQL",
        "Names hold 1 to 63 bytes, no NUL, and must not begin with `pg_` or be one of the server's own.",
        "Choose another name.";
    PG_STARTING = "PAAS-PG-0007", "PostgreSQL is starting or stopping",
        "The server answers, but takes no sessions yet, or no more.",
        "Wait; it is asked again by itself.";
    PG_ROTATE = "PAAS-PG-0008", "the password cannot be changed now",
        "The former login is still accepted for programs that hold it, or no single login role is the active one.",
        "Wait until the time in the message, or end the former login at once with --now.";
    PG_AUTHORITY = "PAAS-PG-0009", "the authority's certificate cannot be read",
        "A binding holds a copy of the certificate that clients check the server with.",
        "Restore the file that the message names, then run `paas up`.";
    PG_TLS = "PAAS-PG-0014", "the server's certificate is not the expected one, or there is no TLS",
        "The chain does not end at the named authority, the name or the time does not fit, or what answers speaks no TLS.",
        "Read the words: give the authority's own file, or run `paas up`, which renews the certificate; `paas db check NAME` looks closer.";
    PG_READ_ONLY = "PAAS-PG-0015", "PostgreSQL takes no writes",
        "The server, the database or the role is set to read-only, the server is recovering, or its disk is full.",
        "Look for default_transaction_read_only in the parameters, or free disk space; the words say which.";
    PG_NOT_COVERED = "PAAS-PG-0010", "the dump would not hold everything",
        "The database holds objects that our own dump has no words for, so it stops before a row is written.",
        "Use pg_dump, or leave the listed objects out with --allow-missing; the file's head then names them.";
    PG_LOAD = "PAAS-PG-0011", "a dump cannot be loaded",
        "The server refused one of its statements or rows; all of it was one transaction, so nothing was changed.",
        "Read the server's words; correct the statement at the line that the message names, or make the role that it names.";
    PG_DUMP_TEXT = "PAAS-PG-0012", "the text of a dump cannot be written, or is not one that can be loaded",
        "There is no place for it; or it is cut short, or has commands that are psql's, or says itself where a transaction begins and ends.",
        "Make room, or make the dump again as plain text of one database, or load it with psql: `paas db connect NAME -- -f FILE`.";
    PG_NOT_EMPTY = "PAAS-PG-0013", "the database to load into is not empty",
        "It has objects already, which a dump's own might meet.",
        "Load into a new database, or add --into-existing: if a name is taken, nothing is changed.";
}
