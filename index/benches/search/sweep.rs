//! Times searches of our own index: by recall asked for, exact, and on two threads.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aesearch_index::{Hit, Search, Snapshot, distance, words};

use crate::common::args::{Args, number};
use crate::common::codes::{self, K};
use crate::common::{api, clock};

const TARGETS: &str = "0.5,0.8,0.9,0.95,0.98,0.99,0.995,0.998,0.999,0.9995,0.9999,1";
/// Queries of the exact scan, which takes a thousand times as long as a search.
const EXACT_QUERIES: usize = 200;

/// An index and the queries to time on it.
struct Task {
    snapshot: Snapshot,
    queries: Vec<u64>, // [queries, words]
    words: usize,
    budget: Duration,
}

impl Task {
    fn open(args: &Args, index: &str, queries: &str) -> Result<Task, Box<dyn Error>> {
        let snapshot = api::open(Path::new(index))?;
        let words = words(snapshot.bits());
        let queries = codes::read(Path::new(queries), words)?;
        let budget = Duration::from_secs_f64(args.option("budget", 0.5)?);
        Ok(Task { snapshot, queries, words, budget })
    }

    fn n_queries(&self) -> usize {
        self.queries.len() / self.words
    }

    fn each(&self) -> impl Iterator<Item = &[u64]> {
        self.queries.chunks_exact(self.words)
    }

    fn one_by_one(&self, wanted: &Search) -> Result<Vec<Vec<Hit>>, Box<dyn Error>> {
        self.each().map(|query| api::search(&self.snapshot, query, wanted)).collect()
    }

    fn at_once(&self, wanted: &Search) -> Result<Vec<Vec<Hit>>, Box<dyn Error>> {
        api::search_many(&self.snapshot, &self.queries, wanted)
    }

    /// The distances found, each checked against the item's code.
    fn distances(&self, found: &[Vec<Hit>]) -> Result<Vec<Vec<u32>>, String> {
        let check = |(query, hits): (&[u64], &Vec<Hit>)| {
            let mut ids: Vec<u32> = hits.iter().map(|hit| hit.id).collect();
            ids.sort_unstable();
            ids.dedup();
            let honest = |hit: &Hit| distance(query, self.snapshot.code(hit.id)) == hit.distance;
            match ids.len() == hits.len() && hits.iter().all(honest) {
                true => Ok(hits.iter().map(|hit| hit.distance).collect()),
                false => Err("an answer holds an item twice, or at a wrong distance".to_owned()),
            }
        };
        self.each().zip(found).map(check).collect()
    }

    /// Microseconds per query, one by one and all at once.
    fn time(&self, wanted: &Search) -> (clock::Timing, clock::Timing) {
        let us = |timing: clock::Timing| {
            let scale = 1e6 / self.n_queries() as f64;
            clock::Timing { best: timing.best * scale, median: timing.median * scale }
        };
        let single = clock::time(self.budget, || {
            self.each().for_each(|query| drop(black_box(api::search(&self.snapshot, query, wanted))));
        });
        let many = clock::time(self.budget, || drop(black_box(self.at_once(wanted))));
        (us(single), us(many))
    }
}

/// `search INDEX QUERIES TRUTH`: a line per target, one by one and all at once.
pub(crate) fn search(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, index, queries, truth] = args.exactly()?;
    let task = Task::open(args, index, queries)?;
    let truth = codes::read_truth(Path::new(truth), task.n_queries())?;
    for target in args.text("targets").unwrap_or(TARGETS).split(',') {
        let wanted = api::wanted(Some(number("--targets", target)?));
        let single_recall = codes::recall(&task.distances(&task.one_by_one(&wanted)?)?, &truth);
        let many_recall = codes::recall(&task.distances(&task.at_once(&wanted)?)?, &truth);
        let (single, many) = task.time(&wanted);
        let print = |way: &str, recall: f64, clock::Timing { best, median }: clock::Timing| {
            println!(
                "{{\"at\": \"recall {target}\", \"way\": \"{way}\", \"recall\": {recall:.6}, \
                 \"us_best\": {best:.4}, \"us\": {median:.4}}}"
            );
        };
        print("single", single_recall, single);
        print("many", many_recall, many);
    }
    Ok(())
}

/// `exact INDEX QUERIES TRUTH`: the exact scan, its rate, and the rate of merely reading as many bytes.
pub(crate) fn exact(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, index, queries, truth] = args.exactly()?;
    let mut task = Task::open(args, index, queries)?;
    let mut truth = codes::read_truth(Path::new(truth), task.n_queries())?;
    task.queries.truncate(EXACT_QUERIES * task.words);
    truth.truncate(EXACT_QUERIES);
    let wanted = api::wanted(None);
    let found = task.distances(&task.one_by_one(&wanted)?)?;
    // which of several ties is found does not matter
    let same = found.iter().zip(&truth).all(|(found, last)| found.len() == K && found[K - 1] == *last);
    if !same {
        return Err("the whole scan does not find the exact neighbours".into());
    }
    let (single, many) = task.time(&wanted);
    let bytes = api::scanned_bytes(&task.snapshot);
    let read = clock::gb_per_s(bytes, task.budget);
    let scan = bytes as f64 / single.best / 1e3;
    println!(
        "{{\"us_single\": {:.4}, \"us_many\": {:.4}, \"bytes\": {bytes}, \"scan_gb_s\": {scan:.3}, \"read_gb_s\": {read:.3}}}",
        single.best, many.best
    );
    Ok(())
}

/// `threads INDEX QUERIES`: wall time, one thread and two in turn, each with all queries to answer.
pub(crate) fn threads(args: &Args) -> Result<(), Box<dyn Error>> {
    const TURNS: usize = 5;
    let [_, index, queries] = args.exactly()?;
    let task = Task::open(args, index, queries)?;
    let wanted = api::wanted(Some(0.99));
    let answer_all = || {
        task.each().for_each(|query| drop(black_box(api::search(&task.snapshot, query, &wanted))));
    };
    // many rounds, so that it matters little if one thread ends first
    let rate = |n: usize| {
        let rounds = AtomicUsize::new(0);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..n {
                scope.spawn(|| {
                    while start.elapsed() < task.budget {
                        answer_all();
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        (rounds.into_inner() * task.n_queries()) as f64 / start.elapsed().as_secs_f64()
    };
    answer_all(); // warm
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        rates[0].push(rate(1));
        rates[1].push(rate(2));
    }
    let [one, two] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[TURNS / 2]
    });
    println!("{{\"queries_per_s\": [{one:.0}, {two:.0}], \"times\": {:.3}}}", two / one);
    Ok(())
}
