//! Who a `watch` tells how it is: whoever opens the socket in its state folder, and over HTTP whoever it serves.
//!
//! In: where. Out: sockets that are open before rights are given up, and are answered once [`Telling::start`] was called.

use std::path::Path;

use super::Failure;
use super::remembered::now;
use crate::serve::{Answering, Board, Socket};

/// Whether and whom to serve.
#[cfg(feature = "serve")]
#[derive(clap::Args, Debug)]
pub(super) struct Serving {
    // An attribute, because a doc comment would need marks around the example.
    #[arg(
        long,
        visible_alias = "serve-lists",
        value_name = "ADDR:PORT",
        help = "Serve block lists, metrics and health over HTTP here, such as 127.0.0.1:9464 or [::1]:9464"
    )]
    serve: Option<std::net::SocketAddr>,
    /// Who is served, address or prefix. May be given several times [default: loopback and private addresses]
    #[arg(long, value_name = "PREFIX", requires = "serve")]
    serve_to: Vec<crate::firewall::Prefix>,
}

#[cfg(feature = "serve")]
impl Serving {
    /// Whether anything is to be served.
    pub(super) const fn is_wanted(&self) -> bool {
        self.serve.is_some()
    }
}

/// Tells others.
pub(super) struct Telling {
    board: Board,
    socket: Option<Socket>,
    /// Removed when this is dropped.
    answering: Option<Answering>,
    #[cfg(feature = "serve")]
    listener: Option<crate::serve::Listener>,
}

impl Default for Telling {
    fn default() -> Self {
        Self {
            board: Board::new(now()),
            socket: None,
            answering: None,
            #[cfg(feature = "serve")]
            listener: None,
        }
    }
}

impl Telling {
    /// Where to put what others may know.
    pub(super) fn board(&self) -> Board {
        self.board.clone()
    }

    /// Opens the socket in the state folder. A sentence if that does not work.
    pub(super) fn open(&mut self, dir: &Path) -> Result<Option<String>, Failure> {
        let (socket, said) = Socket::bind(dir)?;
        self.socket = Some(socket);
        Ok(said)
    }

    /// Opens the port for HTTP. Sentences for the operator.
    #[cfg(feature = "serve")]
    pub(super) fn serve(&mut self, how: &Serving) -> Result<Vec<String>, Failure> {
        let Some(at) = how.serve else { return Ok(Vec::new()) };
        let listener = crate::serve::Listener::bind(at, how.serve_to.clone())?;
        let mut said = vec![format!("serving at http://{}/", listener.address())];
        said.extend(listener.warning());
        self.listener = Some(listener);
        Ok(said)
    }

    /// Answers from now on. To be called once rights are given up.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        if let Some(socket) = self.socket.take() {
            self.answering = Some(socket.start(self.board())?);
        }
        #[cfg(feature = "serve")]
        if let Some(listener) = self.listener.take() {
            listener.start(self.board())?;
        }
        Ok(())
    }
}
