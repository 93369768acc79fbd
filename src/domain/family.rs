//! Split orders: which of the units missing from a member are held by its siblings, and which are gone.
//!
//! A member that shrinks releases nothing by itself. Units count as *moved* as soon as a sibling holds them,
//! and what no member holds is cancelled, but only after a search of the whole family that started after the
//! shrinking was seen.

/// One line of one member, all of the same listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Cut off from the order that was split.
    pub child: bool,
    pub ordered: u32,
    pub shrunk: u32,
    pub moved: u32,
    pub cancelled: u32,
}

/// What a member becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub moved: u32,
    pub cancelled: u32,
}

/// The family's units are held by its members, so the shrunken ones give up what the children hold; after a
/// complete search the rest is cancelled.
pub fn settle(members: &[Member], searched: bool) -> Vec<Settled> {
    let mut held: u32 = members.iter().filter(|member| member.child).map(|member| member.ordered).sum();
    members
        .iter()
        .map(|member| {
            let moved = member.shrunk.min(held);
            held -= moved;
            let lost = member.shrunk - moved;
            let cancelled = if searched { member.cancelled.max(lost) } else { member.cancelled };
            Settled { moved, cancelled: cancelled.min(member.ordered - moved) }
        })
        .collect()
}

/// Some units are still unaccounted for: the family must be searched.
pub fn needs_search(members: &[Member]) -> bool {
    settle(members, false).iter().zip(members).any(|(now, member)| member.shrunk > now.moved + member.cancelled)
}

/// More is held by the members than was ever ordered: the mall states a split in a way that is not understood.
pub fn exceeds_original(members: &[Member]) -> Option<(u32, u32)> {
    let original: u32 = members.iter().filter(|member| !member.child).map(|member| member.ordered).sum();
    let held: u32 = members.iter().map(|member| member.ordered - member.shrunk).sum();
    (original > 0 && held > original).then_some((held, original))
}
