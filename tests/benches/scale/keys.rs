//! From a key to the screen, through a real pseudo-terminal: the arrow is pressed until the selection is on another line.

use std::time::{Duration, Instant};

use crate::{
    Outcome,
    program::{Program, Source},
    spread::Spread,
    tty::{COLUMNS, ROWS, Tty},
};

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const PRESSES: u64 = 60;
/// The selection goes so far down, then up again: at the end of a page it would stand still.
const RUN: u64 = 15;
/// Above are the header, the tabs and the notices.
const FIRST_ROW: u16 = 3;

pub(crate) fn measure() -> Outcome<()> {
    println!("### From a key to the screen, ms, in a pseudo-terminal of 200x60\n");
    println!("| tasks | p50 | p99 | max |\n|---:|---:|---:|---:|");
    for tasks in SIZES {
        let mut program = Program::start(Source::Wrap)?;
        program.obey(&format!("park {tasks}"))?;
        program.obey("stir 10")?;
        let mut tty = Tty::start(&program.address)?;
        tty.press("1")?;
        tty.wait_for_tasks()?;
        // A row for each task, from the first one on.
        tty.press("+")?;
        tty.watch(Duration::from_secs(2))?;
        tty.press("gg")?;
        tty.watch(Duration::from_secs(2))?;
        let mut times = Spread::default();
        for press in 0..PRESSES {
            let before = selected_row(&tty).ok_or("no row is selected")?;
            let pressed = Instant::now();
            tty.press(if (press / RUN).is_multiple_of(2) { "j" } else { "k" })?;
            let seen =
                tty.wait("the selection to move", |tty| selected_row(tty).is_some_and(|row| row != before))?;
            times.add(seen.saturating_duration_since(pressed));
            // Not in step with the console's own clock; long enough that rows are made anew in between.
            tty.watch(Duration::from_millis(40 + press * 37 % 70 + if press % 10 == 0 { 600 } else { 0 }))?;
        }
        println!("| {tasks} | {} |", times.cells());
    }
    println!();
    Ok(())
}

/// The line of the selected row: it alone is reversed below header, tabs and notices.
fn selected_row(tty: &Tty) -> Option<u16> {
    let is_reversed = |row: &u16| {
        let cells = (0..COLUMNS / 2).filter_map(|column| tty.parser.screen().cell(*row, column));
        cells.filter(|cell| cell.inverse()).count() > 10
    };
    (FIRST_ROW..ROWS).find(is_reversed)
}
