use meshsniff::Counts;
use meshsniff::capture::Timestamp;
use meshsniff::slow::Samples;

/// When the captures were made that are compared.
#[derive(Debug, Default)]
pub(super) struct Files {
    list: Vec<File>,
}

/// From its first packet to its last, and the pods that are in it.
#[derive(Debug)]
struct File {
    first: Timestamp,
    last: Timestamp,
    pods: Vec<usize>,
}

impl Files {
    /// A file of these pods has been read.
    pub(super) fn ended(&mut self, counts: &Counts, pods: impl Iterator<Item = usize>) {
        if let (Some(first), Some(last)) = (counts.first, counts.last) {
            let (first, last) = (first.time, last.time);
            self.list.push(File { first, last, pods: pods.collect() });
        }
    }

    /// What was open when a file ended grew no older. Answers whether the captures were made one after
    /// the other; then they are compared as if they had begun together.
    pub(super) fn align(&mut self, samples: &mut Samples) -> bool {
        let apart = |a: &File, b: &File| {
            let both = a.last.min(b.last).since(a.first.max(b.first));
            both * 2 < a.last.since(a.first).min(b.last.since(b.first))
        };
        let apart = self.list.iter().any(|a| self.list.iter().any(|b| apart(a, b)));
        if let Some(to) = self.list.first().map(|file| file.first).filter(|_| apart) {
            for File { first, last, pods } in &mut self.list {
                pods.iter().for_each(|pod| samples.shift(*pod, *first, to));
                (*first, *last) = (to, to.after(last.since(*first)));
            }
        }
        for File { last, pods, .. } in &self.list {
            pods.iter().for_each(|pod| samples.ended(*pod, *last));
        }
        apart
    }
}
