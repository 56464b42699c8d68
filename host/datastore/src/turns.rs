//! Who writes: the writer's thread, and a [`Committer`] wherever one runs. Each has its own queue, and one of them writes at a
//! time, in the order in which they ask for it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, mpsc};

use crate::FileError;
use crate::answers::{Answers, ignore_absent};
use crate::shared::Shared;
use crate::writer::{Command, Writer};

/// Waiting commands, after which senders wait.
pub(crate) const QUEUE: usize = 4096;
/// Commands taken at once.
const TAKE: usize = 1024;

/// The writer, which one takes at a time.
pub(crate) struct Turns {
    state: Mutex<State>,
    stop: AtomicBool,
}

enum State {
    Idle(Box<Writer>),
    Ended(Ended),
}

/// Why nothing is written any more.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    Stopped,
    /// The disk failed in a way that does not pass by itself.
    Failed(Arc<FileError>),
    Panicked,
}

impl Turns {
    pub(crate) fn new(writer: Writer) -> Self {
        Self { state: Mutex::new(State::Idle(Box::new(writer))), stop: AtomicBool::new(false) }
    }

    /// The next turn is the last: it closes the files.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Carries out what was taken, unless it is over; tells whether something is left to do.
    fn turn(
        &self,
        state: &mut State,
        taken: &mut Vec<Command>,
        give: &dyn Fn(Answers),
    ) -> Result<bool, Ended> {
        // What a turn that panics leaves behind.
        let before = mem::replace(state, State::Ended(Ended::Panicked));
        let outcome = match before {
            State::Idle(mut writer) if !self.stop.load(Ordering::Acquire) => {
                writer.turn(taken, give).map(|is_unfinished| (writer, is_unfinished)).map_err(Ended::Failed)
            }
            State::Idle(writer) => Err(writer.finish().map_or_else(Ended::Failed, |()| Ended::Stopped)),
            State::Ended(ended) => Err(ended),
        };
        outcome
            .map(|(writer, is_unfinished)| {
                *state = State::Idle(writer);
                is_unfinished
            })
            .inspect_err(|ended| *state = State::Ended(ended.clone()))
    }
}

/// The thread that writes what most ask for, and all that is to be done from time to time.
pub(crate) struct Thread {
    pub(crate) turns: Arc<Turns>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) answers: mpsc::Sender<Answers>,
}

impl Thread {
    /// Returns when stopped.
    ///
    /// # Errors
    /// Any other end.
    pub(crate) fn run(mut self) -> Result<(), Ended> {
        let _closing = Closing(Arc::clone(&self.shared));
        let mut taken = Vec::new();
        let mut is_unfinished = false;
        loop {
            if is_unfinished && self.commands.is_empty() {
                // Goes on with what is left to do, as if woken.
                taken.push(Command::Wake);
            } else if self.commands.blocking_recv_many(&mut taken, TAKE) == 0 {
                self.turns.stop();
            }
            let turn = self.turns.turn(&mut self.turns.state.blocking_lock(), &mut taken, &|answers| {
                if !answers.is_empty() {
                    ignore_absent(self.answers.blocking_send(answers));
                }
            });
            match turn {
                Ok(left) => is_unfinished = left,
                Err(Ended::Stopped) => return Ok(()),
                Err(ended) => return Err(ended),
            }
        }
    }
}

/// Writes what its handle asks for on the thread that polls it, so that a request and its answer change no thread. That one
/// waits for the disk meanwhile: it is for a runtime of one thread that has little else to do.
#[must_use = "nothing is written unless it runs"]
pub struct Committer {
    turns: Arc<Turns>,
    commands: mpsc::Receiver<Command>,
    /// The queue of the writer's thread.
    thread: mpsc::Sender<Command>,
}

impl Committer {
    /// Gives the queue of its handle too.
    pub(crate) fn new(turns: Arc<Turns>, thread: mpsc::Sender<Command>) -> (mpsc::Sender<Command>, Self) {
        let (sender, commands) = mpsc::channel(QUEUE);
        (sender, Self { turns, commands, thread })
    }

    /// Runs until the datastore's task ends, or all handles are dropped; without it they are told that the store is stopped.
    pub async fn run(mut self) {
        let mut taken = Vec::new();
        while self.commands.recv_many(&mut taken, TAKE).await > 0 {
            self.gather().await;
            while taken.len() < TAKE
                && let Ok(command) = self.commands.try_recv()
            {
                taken.push(command);
            }
            let turn = self.turns.turn(&mut *self.turns.state.lock().await, &mut taken, &Answers::give);
            match turn {
                Ok(false) => {}
                Ok(true) => self.wake(),
                Err(_) => return,
            }
        }
    }

    /// Returns when nothing comes any more from what can be read without waiting: all that goes to disk together.
    async fn gather(&self) {
        let mut waiting = 0;
        loop {
            tokio::task::yield_now().await;
            let now = self.commands.len();
            if now <= waiting || now >= TAKE {
                return;
            }
            waiting = now;
        }
    }

    /// Where the queue is full its thread is awake.
    fn wake(&self) {
        drop(self.thread.try_send(Command::Wake));
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        // Where a turn of this one failed, the thread has to know.
        self.wake();
    }
}

/// Tells watchers that nothing comes any more.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.hub.close();
    }
}
