//! Lines on a sheet of 720 × 360, as SVG.

use std::fmt::Write;

pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

const COLOURS: [&str; 7] = ["#c0392b", "#e67e22", "#7f8c8d", "#8e44ad", "#2980b9", "#27ae60", "#2c3e50"];
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const WIDTH: f64 = 500.0;
const HEIGHT: f64 = 270.0;

pub fn svg(title: &str, across: &str, up: &str, lines: &[Line]) -> String {
    let most = |of: fn(&(f64, f64)) -> f64| {
        lines.iter().flat_map(|line| &line.points).map(of).fold(f64::MIN_POSITIVE, f64::max)
    };
    let (right, top) = (most(|point| point.0), most(|point| point.1));
    let place = |(x, y): (f64, f64)| (LEFT + x / right * WIDTH, TOP + HEIGHT - y / top * HEIGHT);
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 360\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"720\" height=\"360\" fill=\"#fff\"/>\n",
    );
    let text = |x: f64, y: f64, anchor: &str, words: &str| {
        format!("<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{words}</text>\n")
    };
    let mut labels = text(LEFT, 22.0, "start", title);
    for step in 0..=4 {
        let part = f64::from(step) / 4.0;
        let (x, y) = place((right * part, top * part));
        let _ = writeln!(out, "<path d=\"M{LEFT} {y:.1}h{WIDTH}\" stroke=\"#ddd\"/>");
        labels += &text(LEFT - 6.0, y + 4.0, "end", &short(top * part));
        labels += &text(x, TOP + HEIGHT + 18.0, "middle", &short(right * part));
    }
    labels += &text(LEFT + WIDTH, TOP + HEIGHT + 36.0, "end", across);
    labels += &text(LEFT + WIDTH + 14.0, TOP - 4.0, "start", up);
    for (index, line) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<String> =
            line.points.iter().map(|point| place(*point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let joined = points.join(" ");
        let _ = writeln!(out, "<polyline points=\"{joined}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        let y = TOP + 16.0 + 18.0 * index as f64;
        let x = LEFT + WIDTH + 14.0;
        let _ = writeln!(out, "<path d=\"M{x} {y}h16\" stroke=\"{colour}\" stroke-width=\"3\"/>");
        labels += &text(x + 22.0, y + 4.0, "start", &line.name);
    }
    out + &labels + "</svg>\n"
}

fn short(figure: f64) -> String {
    if figure >= 10.0 || figure == 0.0 { format!("{figure:.0}") } else { format!("{figure:.3}") }
}
