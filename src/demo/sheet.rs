//! CSV files as a seller makes them.

pub fn sheet(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = head.iter().map(|&name| name.to_owned()).collect();
    for row in std::iter::once(head).chain(rows) {
        writer.write_record(row).expect("memory takes everything, and all rows are of one length");
    }
    writer.into_inner().expect("memory takes everything")
}
