//! What the seller of the demo sells: a dozen things of a tea shop, some of them by the pack on some malls.

/// One SKU.
pub struct Good {
    pub code: &'static str,
    pub name: &'static str,
    /// What lies in the warehouse when the demo begins.
    pub opening: i64,
    /// How often shoppers choose it, beside the others.
    pub weight: u32,
    /// SKU units of one listing unit, per mall in the order of the list of malls; 1 beyond its end.
    packs: &'static [i64],
}

impl Good {
    /// SKU units that one unit of its listing on the `mall`-th mall sells.
    pub fn units(&self, mall: usize) -> i64 {
        self.packs.get(mall).copied().unwrap_or(1)
    }
}

/// Below this many free units a delivery is ordered.
pub const LOW: i64 = 3;

pub const GOODS: [Good; 12] = [
    good("SENCHA-100", "深蒸し煎茶 100g", 48, 9, &[]),
    good("HOJICHA-200", "ほうじ茶 200g", 36, 6, &[]),
    good("GENMAI-20", "玄米茶 ティーバッグ20包", 60, 6, &[3]),
    good("MATCHA-30", "宇治抹茶 30g", 12, 8, &[]),
    good("YUNOMI-AO", "湯呑み 藍染付", 24, 4, &[1, 2]),
    good("KYUSU-01", "常滑焼 急須", 8, 3, &[]),
    good("CHAZUTSU", "桜皮の茶筒", 5, 3, &[]),
    good("YOKAN-3", "羊羹 3本入", 40, 5, &[1, 1, 2]),
    good("SENBEI-12", "草加せんべい 12枚", 64, 5, &[]),
    good("UMEBOSHI-500", "南高梅 500g", 18, 4, &[]),
    good("DASHI-10", "だしパック 10袋", 30, 4, &[2, 3, 2]),
    good("FUROSHIKI", "風呂敷 二四巾", 14, 2, &[]),
];

const fn good(code: &'static str, name: &'static str, opening: i64, weight: u32, packs: &'static [i64]) -> Good {
    Good { code, name, opening, weight, packs }
}
