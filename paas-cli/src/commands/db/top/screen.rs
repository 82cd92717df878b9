//! A terminal that is drawn anew in place, and left as it was found.

use std::io::{Read, Write, stdin, stdout};

use paas_core::{
    codes::CORE_UNSUPPORTED,
    error::{Class, Error},
    render::Paint,
};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use tokio::sync::mpsc;

use super::view::Line;

/// The other buffer, no cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// A terminal in use; as it was before when dropped.
#[derive(Debug)]
pub(super) struct Screen {
    before: Termios,
    keys: mpsc::Receiver<u8>,
}

impl Screen {
    /// Takes the terminal: keys come one by one and are not shown; Ctrl-C is a signal as ever.
    pub(super) fn open() -> Result<Self, Error> {
        let failed = |e: rustix::io::Errno| {
            Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                .attempted("use the terminal")
                .happened(e.to_string())
                .remedy("add --once")
        };
        let before = termios::tcgetattr(stdin()).map_err(failed)?;
        let mut ours = before.clone();
        ours.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        termios::tcsetattr(stdin(), OptionalActions::Now, &ours).map_err(failed)?;
        write(ENTER);
        let (pressed, keys) = mpsc::channel(8);
        // It ends with the process, or when nobody listens and a key comes.
        std::thread::spawn(move || {
            for key in stdin().lock().bytes().map_while(Result::ok) {
                if pressed.blocking_send(key).is_err() {
                    break;
                }
            }
        });
        Ok(Self { before, keys })
    }

    /// Draws in one write, line over line, so that nothing flickers; what does not fit is left out.
    pub(super) fn draw(&mut self, lines: &[Line], paint: Paint) {
        let (width, height) = size();
        let mut frame = String::from("\x1b[H");
        let fit = if lines.len() > height {
            height.saturating_sub(1)
        } else {
            lines.len()
        };
        for (at, line) in lines.iter().take(fit).enumerate() {
            if at > 0 {
                frame.push_str("\r\n");
            }
            frame.push_str(&line.paint(width, paint));
            frame.push_str("\x1b[K");
        }
        if fit < lines.len() {
            let more = Line::dim(format!("… {} more lines", lines.len() - fit));
            frame.push_str("\r\n");
            frame.push_str(&more.paint(width, paint));
            frame.push_str("\x1b[K");
        }
        frame.push_str("\x1b[J");
        write(&frame);
    }

    /// Comes back when q is pressed, or never where nothing can be.
    pub(super) async fn quit(&mut self) {
        loop {
            match self.keys.recv().await {
                Some(b'q' | b'Q') => return,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write(LEAVE);
        // Nobody is there to be told.
        let _ = termios::tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

/// Columns and rows.
pub(super) fn size() -> (usize, usize) {
    match termios::tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

fn write(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
