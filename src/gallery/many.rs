//! Many queries, answered in the order in which they come.
//!
//! ```text
//! queries --a thread--> queue --batches--> workers: read, decode, resize, encode, search --in order--> give
//! ```
//!
//! A worker takes its share of the queries that wait, and waits for no more: so the encoder is never idle while
//! there are queries, and who asks one at a time is answered at once. A slow query holds up those behind it only
//! when they are some batches ahead.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::labels::Labels;
use super::open::{Gallery, QueryEncoder};
use super::own::Own;
use super::query::{Answer, Answers, QueryOptions, QueryResult, mean};
use crate::encode::is_usable;
use crate::error::{Error, Problem, Result};
use crate::images::{Item, Limits, Pixels, Remarks, Skipped, Source, read};
use crate::observer::{Note, Observer, Progress};

/// Queries per batch at most.
const BATCH: usize = 32;
/// Values per batch at most, but for a single large image: 8 MB.
const BATCH_VALUES: usize = 1 << 21;
/// Batches per worker that are under way or wait for an earlier one.
const WINDOW: usize = 4;
/// How often a worker without work looks whether the run has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How to answer many queries.
#[derive(Debug, Clone)]
pub struct ManyOptions {
    /// What to search for.
    pub query: QueryOptions,
    /// Worker threads, each with a session of its own.
    pub threads: usize,
    /// Keep the pixels of the queries.
    pub pixels: bool,
    /// Which labels count; none: all that images were indexed with.
    pub labels: Option<Labels>,
}

impl Default for ManyOptions {
    fn default() -> Self {
        ManyOptions { query: QueryOptions::default(), threads: 1, pixels: false, labels: None }
    }
}

/// What became of one of many queries.
#[derive(Debug)]
pub struct Answered<T> {
    /// What the caller gave with it.
    pub of: T,
    /// The answer, or why there is none.
    pub answer: Result<Answer, String>,
    /// What is odd about an image that could be read all the same.
    pub remarks: Vec<String>,
}

/// A query that waits.
struct Waiting<T> {
    number: usize,
    of: T,
    item: Result<Item, String>,
    /// Of an item that is best read in order.
    source: Option<Result<Source, String>>,
}

/// A query whose image is ready to be encoded, as the last of a batch.
struct Ready {
    item: Item,
    own: Own,
    pixels: Pixels,
    /// How many images it is encoded as.
    views: usize,
    inverted: bool,
    took: Duration,
}

/// Queries from the caller's iterator, and how many of them wait.
struct Feed<T> {
    queue: Mutex<Receiver<Waiting<T>>>,
    waiting: Arc<AtomicUsize>,
    has_ended: AtomicBool,
}

impl Gallery {
    /// Calls `give` with the answer to each of `queries`, in their order and as soon as it is there. A query that
    /// comes with a reason instead of an image has that for its answer.
    ///
    /// The queries are taken on a thread of their own, which is left behind if it waits for the next one when the
    /// run has failed.
    ///
    /// # Errors
    /// Those of `give`; when the options do not fit the index, or the encoder fails.
    pub fn query_each<T, E>(
        &self,
        queries: impl Iterator<Item = (T, Result<Item, String>)> + Send + 'static,
        options: &ManyOptions,
        mut give: impl FnMut(Answered<T>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        T: Send + 'static,
        E: From<Error>,
    {
        let values = self.model().metadata.input.size().max(1);
        let (threads, batch) = (options.threads.max(1), (BATCH_VALUES / values).clamp(1, BATCH));
        let (feed, permits) = feed(queries, WINDOW * threads * batch)?;
        let (sender, results) = mpsc::channel();
        let chosen = options.labels.as_ref().map(|labels| self.chosen(labels)).transpose()?;
        let mut give = |mut answered: Answered<T>| {
            if let (Some(chosen), Ok(answer)) = (&chosen, &mut answered.answer) {
                answer.label_by(chosen);
            }
            give(answered)
        };
        thread::scope(|scope| {
            for _ in 0..threads {
                let (feed, sender) = (&feed, sender.clone());
                let work = move || {
                    let take = || feed.take(threads, batch, &self.options.limits);
                    if let Err(error) = self.work(take, options, &sender) {
                        let _ = sender.send(Err(error)); // nobody listens after an earlier error
                    }
                };
                let started = thread::Builder::new().name("query".to_owned()).spawn_scoped(scope, work);
                started.map_err(|error| {
                    feed.has_ended.store(true, Ordering::Relaxed);
                    Error::invalid(format!("threads: cannot start another one: {error}"))
                })?;
            }
            drop(sender);
            let given = in_order(&results, &permits, &mut give);
            feed.has_ended.store(true, Ordering::Relaxed);
            given
        })
    }

    /// Answers to a query for each of `items`, on all threads of the current rayon pool. An image that cannot be
    /// read is skipped.
    ///
    /// # Errors
    /// When `options` do not fit the index, the encoder fails, or the observer stops the run.
    pub fn query_items(
        &self,
        items: &[Item],
        options: &QueryOptions,
        observer: &dyn Observer,
    ) -> Result<Answers> {
        let threads = rayon::current_num_threads();
        let options = ManyOptions { query: options.clone(), threads, pixels: true, labels: None };
        let own: Vec<Item> = items.to_vec(); // the workers outlive the slice
        let queries = own.into_iter().map(|item| (item.clone(), Ok(item)));
        let (mut all, mut done) = (Answers::default(), 0);
        self.query_each(queries, &options, |Answered { of: item, answer, remarks }| {
            match answer {
                Ok(answer) => all.answers.push(answer),
                Err(reason) => {
                    observer.skipped(&item.display(), &reason);
                    all.skipped.push(Skipped::new(item.name(), reason));
                }
            }
            let named = |remark: String| Note::new(format!("{}: {remark}", item.display()));
            remarks.into_iter().for_each(|remark| observer.note(&named(remark)));
            done += 1;
            observer.progress(&Progress::of(done, items.len()));
            if observer.should_stop() { Err(Error::Interrupted) } else { Ok(()) }
        })?;
        Ok(all)
    }

    /// Answers queries until there are no more.
    fn work<T>(
        &self,
        take: impl Fn() -> Option<Vec<Waiting<T>>>,
        options: &ManyOptions,
        sender: &Sender<Result<(usize, Answered<T>)>>,
    ) -> Result<()> {
        self.with_encoder(|session| {
            while let Some(batch) = take() {
                for answered in self.answer(session, batch, options)? {
                    if sender.send(Ok(answered)).is_err() {
                        return Ok(()); // the run has ended
                    }
                }
            }
            Ok(())
        })
    }

    fn answer<T>(
        &self,
        session: &mut QueryEncoder,
        batch: Vec<Waiting<T>>,
        options: &ManyOptions,
    ) -> Result<Vec<(usize, Answered<T>)>> {
        let (mut images, mut ready) = (Vec::new(), Vec::with_capacity(batch.len()));
        for Waiting { number, of, item, source } in batch {
            let remarks = Remarks::default();
            let one = match item {
                Ok(item) => self.ready(session, item, source, (options, &remarks), &mut images)?,
                Err(reason) => Err(reason),
            };
            ready.push((number, of, one, remarks.take()));
        }
        let start = Instant::now();
        let latents = session.encoder.encode(&images)?;
        let n_ready = ready.iter().filter(|(_, _, one, _)| one.is_ok()).count();
        let encoding = start.elapsed() / n_ready.max(1) as u32; // at most BATCH
        let mut latents = latents.as_slice();
        let answered = ready.into_iter().map(|(number, of, one, remarks)| {
            let answer = match one {
                Ok(one) => {
                    let (own, rest) = latents.split_at(one.views * session.encoder.latent_size());
                    latents = rest;
                    self.found(one, own, encoding, options)?
                }
                Err(reason) => Err(reason),
            };
            Ok((number, Answered { of, answer, remarks }))
        });
        answered.collect()
    }

    /// Reads an image and adds it to the batch, or says why that cannot be done.
    fn ready(
        &self,
        session: &mut QueryEncoder,
        item: Item,
        source: Option<Result<Source, String>>,
        (options, remarks): (&ManyOptions, &Remarks),
        images: &mut Vec<f32>,
    ) -> Result<Result<Ready, String>> {
        let start = Instant::now();
        let decoded = source.unwrap_or_else(|| read(&item, &self.options.limits)).and_then(|source| {
            let own = Own::of(&item, &source, options.query.without_self);
            Ok((own, self.decode_source(source, false, remarks)?))
        });
        let (own, pixels) = match decoded {
            Ok(decoded) => decoded,
            Err(reason) => return Ok(Err(reason)),
        };
        let before = images.len();
        match self.views(session, &pixels, options.query.crops, images) {
            Ok((views, inverted)) => {
                Ok(Ok(Ready { item, own, pixels, views, inverted, took: start.elapsed() }))
            }
            Err(Error::Invalid(Problem { what, .. })) => {
                images.truncate(before);
                Ok(Err(what))
            }
            Err(error) => Err(error),
        }
    }

    /// The hits of a query whose latents are `[views, D]`.
    fn found(
        &self,
        one: Ready,
        latents: &[f32],
        encoding: Duration,
        options: &ManyOptions,
    ) -> Result<Result<Answer, String>> {
        let start = Instant::now();
        let Ready { item, own, pixels, views, inverted, took } = one;
        let latent = mean(latents, views);
        if !is_usable(&latent) {
            return Ok(Err(
                "the model gives it a latent with numbers that are not finite, or too large".to_owned()
            ));
        }
        let hits = self.search_but(&latent, &options.query, &own)?;
        let seconds = (took + encoding + start.elapsed()).as_secs_f64();
        let (label, result) = (item.label().map(str::to_owned), QueryResult { hits, inverted });
        let pixels = options.pixels.then_some(pixels);
        Ok(Ok(Answer { item, label, pixels, result, seconds }))
    }
}

/// Starts the thread that takes the queries, at most `window` ahead of the answers: each answer that is given
/// frees a permit.
fn feed<T: Send + 'static>(
    queries: impl Iterator<Item = (T, Result<Item, String>)> + Send + 'static,
    window: usize,
) -> Result<(Feed<T>, Receiver<()>)> {
    let (permit, permits) = mpsc::sync_channel(window);
    let (sender, queue) = mpsc::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let count = waiting.clone();
    let take = move || {
        for (number, (of, item)) in queries.enumerate() {
            count.fetch_add(1, Ordering::Relaxed);
            let is_sent = sender.send(Waiting { number, of, item, source: None }).is_ok();
            if !is_sent || permit.send(()).is_err() {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("queries".to_owned())
        .spawn(take)
        .map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))?;
    Ok((Feed { queue: Mutex::new(queue), waiting, has_ended: AtomicBool::new(false) }, permits))
}

impl<T> Feed<T> {
    /// The share of one of `threads` workers in the queries that wait, at most `batch` of them and at least one;
    /// none when there are no more.
    fn take(&self, threads: usize, batch: usize, limits: &Limits) -> Option<Vec<Waiting<T>>> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = loop {
            if self.has_ended.load(Ordering::Relaxed) {
                return None;
            }
            match queue.recv_timeout(LOOK_EVERY) {
                Ok(first) => break vec![first],
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        };
        let share = self.waiting.load(Ordering::Relaxed).div_ceil(threads).clamp(1, batch);
        taken.extend((1..share).map_while(|_| queue.try_recv().ok()));
        self.waiting.fetch_sub(taken.len(), Ordering::Relaxed);
        // entries of a stream are read in order, one worker after the other
        for Waiting { item, source, .. } in &mut taken {
            *source = item.as_ref().ok().filter(|item| item.in_sequence()).map(|item| read(item, limits));
        }
        Some(taken)
    }
}

/// Gives what the workers found, in the order of the queries.
fn in_order<T, E: From<Error>>(
    results: &Receiver<Result<(usize, Answered<T>)>>,
    permits: &Receiver<()>,
    give: &mut impl FnMut(Answered<T>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut early, mut next) = (BTreeMap::new(), 0);
    for result in results {
        let (number, answered) = result?;
        early.insert(number, answered);
        while let Some(answered) = early.remove(&next) {
            give(answered)?;
            let _ = permits.recv(); // the queries may have come to an end
            next += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::tests::{Fixture, picture};
    use super::*;
    use crate::images::encode_png;
    use crate::model::Family;

    fn gallery_of(n: usize) -> (Fixture, Gallery) {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..n);
        fixture.update();
        let gallery = fixture.open();
        (fixture, gallery)
    }

    fn item(n: usize) -> Item {
        Item::from_bytes(format!("{n}"), encode_png(&picture(n)).unwrap())
    }

    /// Batches round differently than single images, in the last digits.
    fn assert_same(answer: &Answer, alone: &QueryResult) {
        assert_eq!(answer.result.hits.len(), alone.hits.len());
        for (hit, expected) in answer.result.hits.iter().zip(&alone.hits) {
            assert!((hit.similarity - expected.similarity).abs() < 1e-4, "{hit:?} {expected:?}");
        }
        assert_eq!(answer.result.hits[0].path, alone.hits[0].path);
    }

    #[test]
    fn answers_come_in_the_order_of_the_queries_whoever_is_quicker() {
        let (_fixture, gallery) = gallery_of(40);
        let (threads, batch) = (4, BATCH);
        let options = ManyOptions { threads, ..ManyOptions::default() };
        let n = 2 * WINDOW * threads * batch;
        let queries = (0..n).map(|i| match i % 7 {
            3 => (i, Err("gone".to_owned())),
            5 => (i, Ok(Item::from_bytes("x", b"no image".to_vec()))),
            _ => (i, Ok(item(i % 40))),
        });
        let mut given = Vec::new();
        let done: Result<()> = gallery.query_each(queries, &options, |answered| {
            given.push(answered);
            Ok(())
        });
        done.unwrap();
        let alone: Vec<QueryResult> =
            (0..40).map(|i| gallery.query(&item(i), &options.query).unwrap()).collect();
        assert_eq!(given.len(), n);
        for (i, Answered { of, answer, .. }) in given.iter().enumerate() {
            assert_eq!(*of, i);
            match (i % 7, answer) {
                (3, Err(reason)) => assert_eq!(reason, "gone"),
                (5, Err(reason)) => assert!(!reason.is_empty()),
                (_, Ok(answer)) => assert_same(answer, &alone[i % 40]),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn who_asks_one_at_a_time_is_answered_at_once() {
        let (_fixture, gallery) = gallery_of(9);
        let (ask, asked) = channel::<usize>();
        ask.send(0).unwrap();
        let queries = asked.into_iter().map(|i| (i, Ok(item(i))));
        let mut ask = Some(ask);
        let done: Result<()> =
            gallery.query_each(queries, &ManyOptions::default(), |Answered { of, answer, .. }| {
                assert!(answer.is_ok());
                // the next question comes after the answer to this one
                match of {
                    0..5 => ask.as_ref().unwrap().send(of + 1).unwrap(),
                    _ => ask = None,
                }
                Ok(())
            });
        done.unwrap();
        assert!(ask.is_none());
    }

    #[test]
    fn a_run_that_fails_does_not_wait_for_the_next_question() {
        let (_fixture, gallery) = gallery_of(9);
        let (ask, asked) = channel::<usize>();
        ask.send(1).unwrap();
        let queries = asked.into_iter().map(|i| (i, Ok(item(i))));
        let failed = gallery.query_each(queries, &ManyOptions::default(), |_| Err(Error::Interrupted));
        assert!(matches!(failed, Err(Error::Interrupted)));
        drop(ask);
    }

    #[test]
    fn a_query_can_be_left_out_of_its_own_answer() {
        let (fixture, gallery) = gallery_of(12);
        let query = QueryOptions { k: 12, without_self: true, ..QueryOptions::default() };
        let named = Item::from_path(fixture.path("data/../data/003.png"));
        let found = gallery.query_items(&[named, item(3)], &query, &()).unwrap();
        for answer in &found.answers {
            let hits = &answer.result.hits;
            assert_eq!(hits.len(), 11);
            assert!(hits.iter().all(|hit| !hit.path.ends_with("003.png")), "{hits:?}");
            assert!(hits.iter().map(|hit| hit.rank).eq(1..=11));
        }
        let few = QueryOptions { k: 3, rerank: 0, ..query };
        assert_eq!(gallery.query_items(&[item(3)], &few, &()).unwrap().answers[0].result.hits.len(), 3);
    }
}
