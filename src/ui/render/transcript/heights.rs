//! Heights of all rows with their sums (a Fenwick tree, 4 bytes a row): where a row stands among all lines, and which
//! row stands at a line, in O(log n). Heights are estimates until a row was laid out; 0 only for hidden rows.

/// The heights.
#[derive(Clone, Debug, Default)]
pub(super) struct Heights {
    /// `tree[i]`: the sum of the rows `i + 1 - lowbit(i + 1) ..= i`.
    tree: Vec<u32>,
}

fn low_bit(n: usize) -> usize {
    n & n.wrapping_neg()
}

impl Heights {
    /// All heights at once, in O(n).
    pub(super) fn build(heights: impl Iterator<Item = u32>) -> Self {
        let mut tree: Vec<u32> = heights.collect();
        for at in 0..tree.len() {
            let parent = at + low_bit(at + 1);
            if parent < tree.len() {
                tree[parent] = tree[parent].saturating_add(tree[at]);
            }
        }
        Self { tree }
    }

    /// Rows.
    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    /// One more row.
    pub(super) fn push(&mut self, height: u32) {
        let at = self.tree.len();
        let first = at + 1 - low_bit(at + 1);
        let sum = self.before(at) - self.before(first);
        self.tree.push(height.saturating_add(u32::try_from(sum).unwrap_or(u32::MAX)));
    }

    /// Lines above a row.
    pub(super) fn before(&self, row: usize) -> u64 {
        let mut sum = 0;
        let mut end = row.min(self.tree.len());
        while end > 0 {
            sum += u64::from(self.tree[end - 1]);
            end -= low_bit(end);
        }
        sum
    }

    /// All lines.
    pub(super) fn total(&self) -> u64 {
        self.before(self.tree.len())
    }

    /// The height of a row.
    pub(super) fn get(&self, row: usize) -> u32 {
        u32::try_from(self.before(row + 1) - self.before(row)).unwrap_or(u32::MAX)
    }

    /// Corrects a height.
    pub(super) fn set(&mut self, row: usize, height: u32) {
        let old = self.get(row);
        if row >= self.tree.len() || old == height {
            return;
        }
        let mut at = row;
        while at < self.tree.len() {
            self.tree[at] = (self.tree[at] - old).saturating_add(height);
            at += low_bit(at + 1);
        }
    }

    /// The row that a line is in; `None`: there are not so many lines.
    pub(super) fn find(&self, line: u64) -> Option<usize> {
        let (mut at, mut left) = (0, line);
        let mut step = self.tree.len().next_power_of_two();
        while step > 0 {
            if at + step <= self.tree.len() && u64::from(self.tree[at + step - 1]) <= left {
                left -= u64::from(self.tree[at + step - 1]);
                at += step;
            }
            step /= 2;
        }
        (at < self.tree.len()).then_some(at)
    }

    /// The next row below that has a height.
    pub(super) fn next(&self, row: usize) -> Option<usize> {
        self.find(self.before(row + 1))
    }

    /// The next row above that has a height.
    pub(super) fn previous(&self, row: usize) -> Option<usize> {
        self.find(self.before(row).checked_sub(1)?)
    }

    /// This row, or the next visible one below, or else above.
    pub(super) fn near(&self, row: usize) -> Option<usize> {
        self.find(self.before(row)).or_else(|| self.previous(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_searches_agree_with_counting() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut plain: Vec<u32> = (0..300).map(|_| rng.u32(0..4)).collect();
        let mut heights = Heights::build(plain[..100].iter().copied());
        plain[100..].iter().for_each(|height| heights.push(*height));
        for _ in 0..300 {
            let (row, height) = (rng.usize(0..plain.len()), rng.u32(0..9));
            plain[row] = height;
            heights.set(row, height);
            let sum = |end: usize| plain[..end].iter().map(|h| u64::from(*h)).sum::<u64>();
            assert_eq!(
                (heights.total(), heights.get(row), heights.before(row)),
                (sum(300), height, sum(row))
            );
            let line = rng.u64(0..heights.total() + 5);
            let counted = (0..300).find(|row| sum(row + 1) > line);
            assert_eq!(heights.find(line), counted);
            assert_eq!(heights.next(row), (row + 1..300).find(|r| plain[*r] > 0));
            assert_eq!(heights.previous(row), (0..row).rev().find(|r| plain[*r] > 0));
        }
    }
}
