//! Simulated flows as CSV, for whoever tunes a detector with other tools.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::benign::Class;
use crate::chain::Set;
use crate::evasion::Evasion;
use crate::tape::{Event, Framing};
use crate::world;

fn messages<'a>(out: &mut impl Write, id: u32, mut events: impl Iterator<Item = &'a Event>) -> std::io::Result<()> {
    events.try_for_each(|e| writeln!(out, "{id},{:.6},{},{}", e.at, if e.up { 'U' } else { 'D' }, e.size))
}

/// Writes `flows.csv` and `messages.csv`: mining flows without evasion in each framing, mining flows with each evasion
/// in TLS 1.3, and benign flows of each class, `each` of each.
pub(crate) fn write(folder: &Path, seed: u64, set: Set, each: u64) -> std::io::Result<u32> {
    std::fs::create_dir_all(folder)?;
    let mut flows = BufWriter::new(File::create(folder.join("flows.csv"))?);
    let mut out = BufWriter::new(File::create(folder.join("messages.csv"))?);
    writeln!(flows, "id,label,class,coin,dialect,framing,evasion,timer,messages,seconds")?;
    writeln!(out, "id,t,way,size")?;
    let mut id = 0;
    for pair in world::mined(set) {
        let plain = Framing::ALL.iter().map(|f| (*f, Evasion::None));
        let hidden = Evasion::MATRIX.iter().skip(1).map(|e| (Framing::Tls13, *e));
        // Other pools in each row: many are worth more here than rows that can be compared.
        for (row, (framing, evasion)) in (0..).zip(plain.chain(hidden)) {
            for number in row * each..(row + 1) * each {
                let m = world::mining(seed, number, set, pair, framing, evasion);
                let seconds = m.events().last().map_or(0.0, |e| e.at - m.start);
                writeln!(
                    flows,
                    "{id},mining,mining,{},{},{},{},{},{},{seconds:.0}",
                    m.coin.ticker(),
                    m.dialect.name(),
                    m.framing.name().replace(',', ""),
                    m.evasion.name().replace(',', ""),
                    m.timer.map_or_else(String::new, |t| t.to_string()),
                    m.events().count(),
                )?;
                messages(&mut out, id, m.events())?;
                id += 1;
            }
        }
    }
    for class in Class::of(set) {
        for number in 0..each * 5 {
            let b = world::benign(seed, number, class);
            let name = class.name.replace(',', "");
            writeln!(flows, "{id},benign,{name},,,,,,{},{:.0}", b.events.len(), b.seconds)?;
            messages(&mut out, id, b.events.iter())?;
            id += 1;
        }
    }
    flows.flush()?;
    out.flush()?;
    Ok(id)
}
