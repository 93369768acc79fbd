//! Files of orders: the malls' reader, and what the configuration says of a file, put together.

use std::collections::BTreeMap;

use crate::{
    engine::import::{OrderFile, OrderSheet, Profile, StatedOrder},
    malls::order_files::{self, COLUMNS, Column, Encoding, Flaw, consoles},
    store::sheets::Rejection,
};

/// The malls whose consoles' exports are known. Each has a profile of its name, unless the configuration says otherwise.
pub const EXPORTS: [&str; consoles::NAMES.len()] = consoles::NAMES;

/// The profiles of the exports as they are.
pub(super) fn profiles() -> BTreeMap<String, Profile> {
    EXPORTS.into_iter().map(|mall| (mall.to_owned(), export(mall))).collect()
}

/// The profile of a mall's export as it is.
pub(super) fn export(mall: &str) -> Profile {
    Profile { export: Some(mall.to_owned()), ..Profile::default() }
}

/// Reads a file of orders: as a mall's console exports them, or with the hub's own columns.
pub fn read(file: &OrderFile<'_>) -> Result<OrderSheet, Rejection> {
    let sheet = order_files::read(file.bytes, &profile(file)?).map_err(|fault| Rejection {
        line: fault.line,
        column: fault.column,
        message: fault.message,
    })?;
    let stated =
        |stated: order_files::Stated| StatedOrder { channel: stated.channel, order: stated.order, line: stated.line };
    let flaw = |Flaw { line, column, message, .. }| Rejection { line, column, message };
    Ok(OrderSheet {
        orders: sheet.orders.into_iter().map(stated).collect(),
        flaws: sheet.flaws.into_iter().map(flaw).collect(),
        rows: sheet.rows,
    })
}

fn profile(file: &OrderFile<'_>) -> Result<order_files::Profile, Rejection> {
    let said = file.profile;
    let mut profile = match &said.export {
        Some(mall) => consoles::by_name(mall)
            .ok_or_else(|| whole(format!("no export of {mall:?} is known; there are: {}", EXPORTS.join(", "))))?,
        // A console's times are its country's; the hub's own files are of the shop's zone.
        None => order_files::Profile { zone: file.zone.clone(), needs_key: true, ..order_files::Profile::default() },
    };
    profile.encoding = Encoding::parse(said.encoding.word()).unwrap_or_default();
    for ours in COLUMNS {
        if let Some(theirs) = said.columns.get(ours) {
            profile.rename(ours, theirs);
        }
    }
    profile.reword(said.cancelled_words.clone(), said.shipped_words.clone());
    match &mut profile.channel {
        _ if file.has_channel => {}
        Some(Column { required, .. }) => *required = true,
        None => {
            return Err(whole(
                "the file doesn't say whose orders these are: name the channel (--channel ID; channel=ID over HTTP; \
                 channel = \"ID\" of a watched folder)"
                    .into(),
            ));
        }
    }
    Ok(profile)
}

fn whole(message: String) -> Rejection {
    Rejection { line: 1, column: None, message }
}
