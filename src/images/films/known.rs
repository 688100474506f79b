//! Times of films that were listed before. To find the scenes of a film takes a pass through all of it, so an
//! unchanged film is not gone through again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::times::time_of;
use crate::images::names::{path_of, splits};
use crate::images::plain_file::mtime_ns;
use crate::images::sniff;

/// The times of films, by their names, with the size and time of change that they had.
#[derive(Debug, Clone, Default)]
pub struct KnownFilms(Arc<HashMap<Vec<u8>, Known>>);

#[derive(Debug)]
struct Known {
    stamp: (u64, i64),
    times: Vec<u64>,
}

impl KnownFilms {
    /// The films among the items of an index, by their names and stamps. It must hold all pictures of each.
    pub fn of<'a>(items: impl Iterator<Item = (&'a [u8], (u64, i64))>) -> KnownFilms {
        let mut films: HashMap<Vec<u8>, Known> = HashMap::new();
        for (name, stamp) in items {
            let Some((film, time)) = splits(name).next() else { continue };
            let Some(time) = time_of(time).filter(|_| sniff::is_film_name(&path_of(film))) else { continue };
            match films.get_mut(film) {
                None => drop(films.insert(film.to_vec(), Known { stamp, times: vec![time] })),
                Some(known) if known.stamp == stamp => known.times.push(time),
                Some(known) => known.stamp = (u64::MAX, i64::MIN), // of two versions: listed again
            }
        }
        films.values_mut().for_each(|known| known.times.sort_unstable());
        KnownFilms(Arc::new(films))
    }

    /// The times of a film that has not changed since.
    pub(in crate::images) fn times(&self, path: &Path) -> Option<Vec<u64>> {
        let known = self.0.get(path.as_os_str().as_encoded_bytes())?;
        let metadata = std::fs::metadata(path).ok()?;
        ((metadata.len(), mtime_ns(&metadata)) == known.stamp).then(|| known.times.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_films_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.mp4");
        std::fs::write(&path, "film").unwrap();
        let metadata = path.metadata().unwrap();
        let stamp = (metadata.len(), mtime_ns(&metadata));
        let name = |entry: &str| [path.as_os_str().as_encoded_bytes(), b"#", entry.as_bytes()].concat();
        let of = |entries: &[(&str, (u64, i64))]| {
            let names: Vec<_> = entries.iter().map(|(entry, stamp)| (name(entry), *stamp)).collect();
            KnownFilms::of(names.iter().map(|(name, stamp)| (name.as_slice(), *stamp))).times(&path)
        };
        assert_eq!(of(&[("00:00:03", stamp), ("00:00:00", stamp), ("x", stamp)]), Some(vec![0, 3000]));
        assert_eq!(of(&[("00:00:03", stamp), ("00:00:00", (1, 1))]), None);
        assert_eq!((of(&[("00:00:00", (1, 1))]), of(&[])), (None, None));
    }
}
