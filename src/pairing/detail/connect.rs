/// What a connect that failed has: how it was tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Connect {
    /// When the SYN was repeated, in ms after the first; of many, the first ones.
    pub repeats: Vec<u32>,
}
