//! The error codes of this machine's platform (area LOC).

crate::codes! {
    LOC_NO_BUILD = "PAAS-LOC-0001", "PostgreSQL of this major is not on this machine",
        "No build of the wanted major was found, and fetching it was not possible or not allowed.",
        "Use a major that the message lists, install the wanted one, or run once with a network.";
    LOC_FETCH = "PAAS-LOC-0002", "PostgreSQL could not be fetched",
        "The network, the archive or its checksum failed, or there is no archive for this kind of machine.",
        "Check the network and run again, or install PostgreSQL from your system's packages: it is found by itself.";
    LOC_CLOSED = "PAAS-LOC-0003", "a directory is closed to the user that PostgreSQL runs as",
        "PostgreSQL refuses to run as root, and the unprivileged user may not pass through a parent of the data.",
        "Use --home with a directory that this user can reach, or open the named directory with chmod o+x.";
    LOC_NO_USER = "PAAS-LOC-0004", "there is no unprivileged user to run PostgreSQL as",
        "This program runs as root, and neither `postgres` nor `nobody` exists here.",
        "Run as an ordinary user, or create the user `postgres`.";
    LOC_HOME = "PAAS-LOC-0005", "the home of this platform cannot be used",
        "No home was given and none can be derived, or the directory cannot be made or belongs to somebody else.",
        "Give one with --home or PAAS_HOME, an absolute path that you may write.";
    LOC_LOCKED = "PAAS-LOC-0006", "another process holds the lock",
        "Two programs want to change the same things at the same time; one writer at a time is allowed.",
        "Wait for the process that the message names, or stop it; its lock ends with it.";
    LOC_INITDB = "PAAS-LOC-0007", "initdb failed",
        "PostgreSQL's own program could not make a data directory.",
        "Read its words; often the disk is full or a path is not reachable. The half-made directory is redone by the next run.";
    LOC_START = "PAAS-LOC-0008", "PostgreSQL did not start",
        "The server ended by itself before it answered a query.",
        "Read the server's last words in the message; a parameter may be wrong, or memory too small.";
    LOC_STOP = "PAAS-LOC-0009", "PostgreSQL did not stop",
        "The server is still there after a fast and an immediate shutdown were asked for.",
        "Look at the process that the message names; it may hang in the kernel on a broken disk.";
    LOC_FOREIGN = "PAAS-LOC-0010", "somebody else's process or file is in the way",
        "A process or a file at our place cannot be proved to be ours, so it is not touched.",
        "Look at what the message names, and move or stop it yourself.";
    LOC_PORT = "PAAS-LOC-0011", "no free port",
        "The wanted port is taken by another program, or the whole range is.",
        "Stop the other program, or declare another port.";
    LOC_MARK = "PAAS-LOC-0012", "a mark file cannot be read",
        "A file that says whose directory this is was damaged, or is of a newer version.",
        "Restore it from a backup, or move the directory away; nothing in it is touched.";
    LOC_IO = "PAAS-LOC-0013", "a file operation failed",
        "The system refused it: permissions, a full disk, a read-only mount.",
        "Read the system's words about the path in the message.";
    LOC_BROKEN_BUILD = "PAAS-LOC-0014", "a PostgreSQL build does not run",
        "The program does not start here, most often for want of a shared library.",
        "Repair or remove the build that the message names; others on this machine are used by giving their version.";
    LOC_UPGRADE = "PAAS-LOC-0015", "the data is of another major version",
        "A data directory can be used by its own major only, and declaring another one does not upgrade it.",
        "Declare the major that the data has, or bring the data to a newer one with `paas db upgrade NAME --to MAJOR`.";
    LOC_BACKUP = "PAAS-LOC-0016", "a backup cannot be made",
        "The instance uses what a backup cannot hold, a setting rules it out, or its write-ahead log was removed while it was copied.",
        "Read what the message names. Nothing half-made is left, and earlier backups are untouched.";
    LOC_RESTORE = "PAAS-LOC-0017", "a backup cannot be restored there",
        "An instance of that name exists, or PostgreSQL could not recover the copy.",
        "Give another name; if the server's words speak of the data, try an older backup.";
    LOC_CORRUPT = "PAAS-LOC-0018", "a backup is not what was written",
        "A file of it was changed, cut short or lost, or its manifest was.",
        "Restore an older one (`paas db backups`), and look after the disk; the file that the message names is damaged.";
    LOC_SHARED = "PAAS-LOC-0019", "a restored instance does not archive its log",
        "Restored and cloned data has the system identifier of its origin. Two histories in one archive could not be told apart.",
        "Remove archive_mode, archive_command and archive_library; for an instance that archives, dump the data and load it into a new one.";
    LOC_NO_BACKUP = "PAAS-LOC-0020", "there is no such backup",
        "The id is misspelt, or the backup was removed.",
        "See what there is with `paas db backups`.";
    LOC_BINDING = "PAAS-LOC-0021", "a binding directory cannot be used",
        "At the place where programs read how they get in, there is something that is not ours.",
        "Move away what the message names, then run `paas up`.";
    LOC_AUTHORITY = "PAAS-LOC-0022", "the certificate authority of this home cannot be used",
        "A file below authority/ in the home is damaged, missing or of another authority. Clients trust it, so it is never made anew in silence.",
        "Restore authority/ca.key and authority/ca.crt; or move both away and run `paas up`: a new authority is made, whose ca.crt clients must get.";
    LOC_NO_TLS = "PAAS-LOC-0023", "the instance has no TLS",
        "Its PostgreSQL build was made without it, or the instance was made before there was TLS here.",
        "Run `paas up`; where the build has none, install one that has it, or connect without TLS: it is the loopback.";
    LOC_SPACE = "PAAS-LOC-0024", "little disk space is left for the data",
        "The file system of the data is nearly full, or the data is nearly as large as spec.storage.size. PostgreSQL stops at a full disk.",
        "Free space there, or move the home to a larger file system; raise spec.storage.size if the data may grow.";
    LOC_MISPLACED = "PAAS-LOC-0033", "data of an instance lies at another place than its own",
        "Somebody moved or renamed the folder, or copied it and removed the original.",
        "Move it back to the place that the message names, or let `paas db adopt NAME` do that.";
    LOC_NOT_RETAINED = "PAAS-LOC-0034", "there is no such data that was kept",
        "Nothing below instances/ bears a mark of that name, or only what a deletion left half-removed.",
        "See what there is with `paas db list --retained`; `paas db purge NAME` ends a deletion that was interrupted.";
    LOC_IN_USE = "PAAS-LOC-0035", "a server runs on data that is to be moved or deleted",
        "The object was lost or the folder was moved while its server went on.",
        "Take it up with `paas db adopt NAME` and delete it then, or stop the process that the message names.";
    LOC_OTHER_HOME = "PAAS-LOC-0036", "data belongs to another home",
        "The folder was brought here from another home, or the file `id` of this home was lost. Its passwords are not here.",
        "Move it back to the home it came from, or bring back that home's file `id` and its secrets.";
    LOC_PREFLIGHT = "PAAS-LOC-0029", "the upgrade cannot begin",
        "Something that the message lists would make it fail; nothing was stopped or changed.",
        "Mend what is listed, and look again with `paas db upgrade NAME --to MAJOR --check`.";
    LOC_TRANSFER = "PAAS-LOC-0030", "the data could not be brought to the new major",
        "PostgreSQL's own tools or the new server refused; the old data was not touched and runs on.",
        "Read their words in the message; mend what they name and run the same command again.";
    LOC_COPY_DIFFERS = "PAAS-LOC-0031", "the upgraded copy is not what the original is",
        "Rows, checksums or objects differ between the old server and the new one, so the old one was kept.",
        "Look at what the message names; the database runs on as it was.";
    LOC_NO_WAY_BACK = "PAAS-LOC-0032", "there is no kept data to go back to",
        "The instance was not upgraded here, or its old data was given up with --forget-old.",
        "See what is kept with `paas db show NAME`.";
    LOC_NO_SERVICES = "PAAS-LOC-0025", "no service manager can be used here",
        "Neither a running systemd nor launchd was found, as in most containers, or there is none for this user.",
        "Let what starts this machine's programs run `paas up --foreground`; `paas service install --print` shows a unit to start from.";
    LOC_SERVICE = "PAAS-LOC-0026", "the service manager refused",
        "systemctl or launchctl ended with an error; what was written was taken back.",
        "Read its words in the message. A user's systemd needs a login session, or `loginctl enable-linger`.";
    LOC_BREAKS = "PAAS-LOC-0027", "a database breaks again and again",
        "Its server was brought back several times in a short while and did not stay.",
        "Read postgres.log in its folder, which `paas db show NAME` names; a full disk or too little memory is the usual cause. It is tried again, less and less often.";
    LOC_CLOCK = "PAAS-LOC-0028", "the clock goes behind what was written",
        "Something in the home was written at a time that is yet to come: the clock was set back, or it was wrong before.",
        "Set the clock right. Until its time is reached, schedules, ages and the order of events may be wrong; the data is not touched by that.";
}
