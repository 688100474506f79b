//! Instruction sets: which this processor has, and which one the kernels use.
//!
//! An [`Isa`] exists only for a set that the processor has, so holding one proves that its kernels may run.
//! The set in use is one relaxed atomic: the best one, until [`use_isa`] changes it. Nothing here reads the
//! environment.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set this processor has.
///
/// All sets give the same answers and differ only in speed. From the slowest to the fastest: `scalar`,
/// `popcnt`, `avx2` and `avx512` (with VPOPCNTDQ) on x86-64, `scalar` and `neon` on aarch64, `scalar`
/// elsewhere.
///
/// ```
/// use aesearch_index::{Isa, use_isa};
///
/// let best = Isa::current();
/// assert!(Isa::available().contains(&best));
/// if let Some(slow) = Isa::named("scalar") {
///     use_isa(slow); // to compare, or to measure
/// }
/// # use_isa(best);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(pub(super) Kind);

/// Sets by rising speed; each has what those before it need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Popcnt,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// Every kind, at the place its number says.
const KINDS: &[Kind] = &[
    Kind::Scalar,
    #[cfg(target_arch = "x86_64")]
    Kind::Popcnt,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx2,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx512,
    #[cfg(target_arch = "aarch64")]
    Kind::Neon,
];

/// Number of the kind in use; out of range at first. Only sets that this processor has are stored.
static IN_USE: AtomicU8 = AtomicU8::new(u8::MAX);

impl Isa {
    /// The set in use by the kernels of this process.
    #[inline]
    pub fn current() -> Self {
        match KINDS.get(usize::from(IN_USE.load(Ordering::Relaxed))) {
            Some(&kind) => Isa(kind),
            None => Self::start(),
        }
    }

    /// Every set of this processor, the fastest last.
    pub fn available() -> Vec<Self> {
        KINDS.iter().filter(|kind| kind.is_here()).map(|&kind| Isa(kind)).collect()
    }

    /// The set of this name; `None` if it is unknown or this processor lacks it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|isa| isa.name() == name)
    }

    /// `scalar`, `popcnt`, `avx2`, `avx512` or `neon`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => "popcnt",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
        }
    }

    #[cold]
    fn start() -> Self {
        let best = KINDS.iter().rfind(|kind| kind.is_here()).map_or(Isa(Kind::Scalar), |&kind| Isa(kind));
        use_isa(best);
        best
    }
}

/// Makes all kernels of this process use `isa` from now on. Running scans finish with the set they started
/// with.
pub fn use_isa(isa: Isa) {
    IN_USE.store(isa.0 as u8, Ordering::Relaxed);
}

impl Kind {
    fn is_here(self) -> bool {
        match self {
            Kind::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Kind::Popcnt => is_x86_feature_detected!("popcnt"),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => is_x86_feature_detected!("avx2") && Kind::Popcnt.is_here(),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vpopcntdq")
                    && Kind::Avx2.is_here()
            }
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => std::arch::is_aarch64_feature_detected!("neon"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_where_their_numbers_say() {
        assert!(KINDS.iter().enumerate().all(|(i, &kind)| kind as usize == i));
    }

    #[test]
    fn available_sets_are_found_by_their_names_and_no_others() {
        let available = Isa::available();
        assert_eq!(available[0].name(), "scalar");
        assert!(available.iter().all(|isa| Isa::named(isa.name()) == Some(*isa)));
        assert!(["", "AVX2", "sse2", "auto"].iter().all(|name| Isa::named(name).is_none()));
        let known = ["scalar", "popcnt", "avx2", "avx512", "neon"];
        assert_eq!(known.iter().filter_map(|name| Isa::named(name)).count(), available.len());
    }

    // The one test that switches: the others pass their set along, and get the same answers from any.
    #[test]
    fn the_set_in_use_is_the_best_until_another_is_chosen() {
        assert_eq!(Isa::available().last(), Some(&Isa::current()));
        for isa in Isa::available() {
            use_isa(isa);
            assert_eq!(Isa::current(), isa);
        }
    }
}
