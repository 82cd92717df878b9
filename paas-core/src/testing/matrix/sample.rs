//! Some points of a matrix instead of all.

/// Which points: the same seed gives the same ones, as long as the clean runs make the same calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many points, if there are so many.
    pub points: usize,
    /// Where the choice begins. A seed that changes from run to run reaches every point in time; print it.
    pub seed: u64,
}

impl Sample {
    /// The Fisher–Yates shuffle. Modulo makes it a little uneven, which does not matter for a choice of tests.
    pub(super) fn shuffle<T>(self, items: &mut [T]) {
        let mut state = self.seed;
        for last in (1..items.len()).rev() {
            let among = last as u64 + 1;
            let other = usize::try_from(next(&mut state) % among).unwrap_or(last);
            items.swap(last, other);
        }
    }
}

/// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub(in crate::testing) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        Fault, Pace, matrix,
        shapes::{Shape, Shaped},
    };

    #[test]
    fn a_seed_gives_one_order_and_every_item_stays() {
        let shuffled = |seed| {
            let mut items: Vec<u32> = (0..50).collect();
            Sample { points: 0, seed }.shuffle(&mut items);
            items
        };
        assert_eq!(shuffled(7), shuffled(7));
        assert_ne!(shuffled(7), shuffled(8));
        let mut back = shuffled(7);
        back.sort_unstable();
        assert_eq!(back, (0..50).collect::<Vec<_>>());
        Sample { points: 1, seed: 1 }.shuffle::<u32>(&mut []);
    }

    #[test]
    fn the_generator_gives_the_numbers_of_its_reference_implementation() {
        let mut state = 1_234_567;
        let numbers = [next(&mut state), next(&mut state)];
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[tokio::test]
    async fn a_sample_has_as_many_points_as_it_was_asked_for() {
        let scene = matrix::OneStage::new(Shaped::new(Shape::Chain, Pace::default()));
        for (points, seed) in [(3, 1), (10, 2)] {
            let table = matrix::sample(&scene, &Fault::ALL, Sample { points, seed }).await;
            assert!(table.is_good(), "{table}");
            assert_eq!(table.points(), points);
        }
    }
}
