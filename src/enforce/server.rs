//! The enforcer: the process that can change the firewall, and does nothing else.
//!
//! In: typed messages over a socket. Out: an answer to each. When the socket closes, or something comes that leaves
//! unclear where the next message begins, it ends, and leaves the kernel as it is: entries end with their life times.

use std::io::{self, BufReader, BufWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::alone::Alone;
use super::applier::Applier;
use super::backend::{Choice, choose, take_over};
use super::confine::{confine, lend, needs};
use super::gate::Gate;
use super::problem::EnforceError;
use super::wanted::Wanted;
use super::wire::{Answer, MOST_REQUEST, Received, Request, receive, send};

/// Why the enforcer does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody called it by hand.
    #[error("the enforcer is started by minewatch itself, with a socket as its standard input")]
    NoSocket(#[source] io::Error),
    /// It would run with rights that it does not need.
    #[error("the enforcer cannot give up the rights that it does not need")]
    Confine(#[source] io::Error),
    /// The other end speaks another language.
    #[error("the enforcer got something that is no message and ends; the kernel keeps its entries until they expire")]
    Garbage(#[source] io::Error),
}

/// Serves the socket that is standard input until it closes; nothing gets past `gate`. Must be called before there is any other thread.
pub fn serve(choice: Choice, gate: Gate) -> Result<(), ServeError> {
    let socket = socket().map_err(ServeError::NoSocket)?;
    // Before rights are given up, since the backend decides which.
    lend().map_err(|e| ServeError::Confine(e.into()))?;
    // Of two, each would take away what the other one cuts off.
    let alone = Alone::here();
    let backend = alone.as_ref().map_err(Clone::clone).and_then(|_| choose(choice));
    let backend = backend.and_then(|b| take_over(b.name()).map(|()| b));
    confine(needs(backend.as_ref().map_or("", |b| b.name()))).map_err(|e| ServeError::Confine(e.into()))?;
    let mut applier = backend.map(|b| Applier::new(gate, b));
    let (mut from, mut to) = (BufReader::new(&socket), BufWriter::new(&socket));
    loop {
        let answer = match receive(&mut from, MOST_REQUEST).map_err(ServeError::Garbage)? {
            Received::Message(request) => match &mut applier {
                Ok(applier) => answer(applier, request),
                Err(why) => Answer::Failed(why.clone()),
            },
            Received::Odd(why) => {
                Answer::Failed(EnforceError::Protocol(crate::text::printable(&why, 256).into_owned()))
            }
            Received::End => return Ok(()),
        };
        if send(&mut to, &answer).is_err() {
            // Nobody listens any more.
            return Ok(());
        }
    }
}

/// Standard input as a socket, under a number that started programs do not inherit.
fn socket() -> io::Result<UnixStream> {
    let fd: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let socket = UnixStream::from(fd);
    // Fails for anything that is no socket.
    socket.peer_addr()?;
    Ok(socket)
}

fn answer(applier: &mut Applier, request: Request) -> Answer {
    match request {
        Request::Apply(form) => Wanted::try_from(form)
            .and_then(|wanted| applier.apply(&wanted))
            .map_or_else(Answer::Failed, |a| Answer::Applied(a.into())),
        Request::ReadBack {} => applier.read_back().map_or_else(Answer::Failed, |h| Answer::Held(h.into())),
        Request::Remove {} => applier.remove().map_or_else(Answer::Failed, |had| Answer::Removed { had }),
        Request::Ping {} => Answer::Pong { backend: applier.backend().to_owned() },
    }
}
