//! The text of units.

use std::path::Path;

/// A systemd unit: see `systemd.service(5)`, `systemd.kill(5)`.
///
/// `KillMode=mixed` sends SIGTERM to our process alone, which stops the databases in their right way; whatever is left after the time for
/// that is killed. Stopping a server may take 75 seconds (fast, then immediate shutdown), waiting for another command 20 more.
pub(super) fn systemd(program: &Path, home: &Path, target: &str) -> String {
    let (program, folder) = (quoted(program), escaped(home));
    let home = quoted(home);
    format!(
        "# Written by `paas service install`; `paas service uninstall` removes it.\n\
         [Unit]\n\
         Description=Databases of paas\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={program} up --foreground --resume --home {home}\n\
         WorkingDirectory=-{folder}\n\
         KillMode=mixed\n\
         KillSignal=SIGTERM\n\
         TimeoutStopSec=120\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         \n\
         [Install]\n\
         WantedBy={target}\n"
    )
}

/// One word of a command line: see "Quoting" in `systemd.syntax(7)`; `%` and `$` have meanings of their own.
fn quoted(path: &Path) -> String {
    let mut word = String::from("\"");
    for c in path.to_string_lossy().chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            '%' | '$' => word.extend([c, c]),
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

/// A path as the whole rest of a line.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%%")
}

/// A property list for launchd: see `launchd.plist(5)`.
pub(super) fn plist(program: &Path, home: &Path) -> String {
    let (program, home) = (xml(program), xml(home));
    let label = super::LABEL;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{label}</string>
  <key>ProgramArguments</key>
  <array>
    <string>{program}</string>
    <string>up</string>
    <string>--foreground</string>
    <string>--resume</string>
    <string>--home</string>
    <string>{home}</string>
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ExitTimeOut</key>
  <integer>120</integer>
  <key>StandardErrorPath</key>
  <string>{home}/service.log</string>
</dict>
</plist>
"#
    )
}

fn xml(path: &Path) -> String {
    path.to_string_lossy()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_names_program_and_home_whatever_is_in_their_names() {
        let unit = systemd(
            Path::new("/opt/my tools/paas"),
            Path::new("/srv/100%/$x\"y"),
            "default.target",
        );
        insta::assert_snapshot!(unit, @r#"
        # Written by `paas service install`; `paas service uninstall` removes it.
        [Unit]
        Description=Databases of paas

        [Service]
        Type=exec
        ExecStart="/opt/my tools/paas" up --foreground --resume --home "/srv/100%%/$$x\"y"
        WorkingDirectory=-/srv/100%%/$x"y
        KillMode=mixed
        KillSignal=SIGTERM
        TimeoutStopSec=120
        Restart=on-failure
        RestartSec=5

        [Install]
        WantedBy=default.target
        "#);
        insta::assert_snapshot!(plist(Path::new("/opt/a&b/paas"), Path::new("/srv/eve/paas")), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
        <plist version="1.0">
        <dict>
          <key>Label</key>
          <string>rs.paas.platform</string>
          <key>ProgramArguments</key>
          <array>
            <string>/opt/a&amp;b/paas</string>
            <string>up</string>
            <string>--foreground</string>
            <string>--resume</string>
            <string>--home</string>
            <string>/srv/eve/paas</string>
          </array>
          <key>RunAtLoad</key>
          <true/>
          <key>KeepAlive</key>
          <dict>
            <key>SuccessfulExit</key>
            <false/>
          </dict>
          <key>ExitTimeOut</key>
          <integer>120</integer>
          <key>StandardErrorPath</key>
          <string>/srv/eve/paas/service.log</string>
        </dict>
        </plist>
        "#);
    }
}
