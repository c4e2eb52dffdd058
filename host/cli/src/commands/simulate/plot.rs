//! Bytes and time of a rank against the ranks of the world, as SVG.

use std::ops::Range;
use std::path::Path;

use ckpt_policy_core::Encoding;
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement};
use plotters::prelude::{IntoLogRange as _, SVGBackend};
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color as _, RGBColor, ShapeStyle, WHITE};

use super::{Basis, Figures, Row};
use crate::exit;
use crate::report::{Failure, Report};

const GATHER: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const REDUCE: RGBColor = RGBColor(0x00, 0x72, 0xb2);

/// Draws both charts into a file.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn draw(figures: &Figures, path: &Path) -> Result<(), Failure> {
    let mut svg = String::new();
    drawn(figures, &mut svg).map_err(|error| {
        Failure::new(
            exit::OURS,
            Report::new(format!("the plot cannot be drawn: {error}")),
        )
    })?;
    std::fs::write(path, svg).map_err(|error| {
        let report = Report::new(format!("cannot write the plot `{}`", path.display()));
        Failure::new(exit::USER, report.caused_by(&error))
    })
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Figure = fn(&Row) -> f64;

fn drawn(figures: &Figures, svg: &mut String) -> Drawn {
    let area = SVGBackend::with_string(svg, (960, 440)).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(480);
    #[expect(clippy::cast_precision_loss, reason = "a plot shows no 53 bits")]
    let bytes: Figure = |row| row.gets as f64;
    chart(
        &left,
        figures,
        "bytes that a rank gets in one exchange",
        bytes,
    )?;
    chart(
        &right,
        figures,
        "microseconds of a rank in one exchange",
        Row::micros,
    )?;
    area.present()?;
    Ok(())
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    figures: &Figures,
    title: &str,
    figure: Figure,
) -> Drawn {
    let ranks = |row: &Row| f64::from(row.ranks);
    let (across, up) = (span(figures, ranks), span(figures, figure));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(across.log_scale(), up.log_scale())?;
    chart
        .configure_mesh()
        .x_desc("ranks")
        .light_line_style(WHITE)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()?;
    for (encoding, colour) in [(Encoding::Gather, GATHER), (Encoding::Reduce, REDUCE)] {
        let rows: Vec<_> = figures
            .rows
            .iter()
            .filter(|row| row.encoding == encoding)
            .collect();
        if rows.is_empty() {
            continue;
        }
        let point = |row: &&Row| (ranks(row), figure(row));
        chart
            .draw_series(LineSeries::new(
                rows.iter().map(point),
                colour.stroke_width(2),
            ))?
            .label(encoding.to_string())
            .legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2))
            });
        // A hollow point was not measured.
        let style = |row: &Row| match row.basis {
            Basis::Extrapolated => ShapeStyle::from(colour).stroke_width(1),
            Basis::AllRanks | Basis::SomeRanks => colour.filled(),
        };
        chart.draw_series(
            rows.iter()
                .map(|row| Circle::new(point(row), 4, style(row))),
        )?;
    }
    chart
        .configure_series_labels()
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    Ok(())
}

/// Returns what an axis spans, with a little room.
fn span(figures: &Figures, figure: impl Fn(&Row) -> f64) -> Range<f64> {
    let values = || {
        figures
            .rows
            .iter()
            .map(&figure)
            .filter(|value| *value > 0.0)
    };
    let low = values().fold(f64::MAX, f64::min);
    let high = values().fold(f64::MIN_POSITIVE, f64::max);
    (low.min(high) / 1.5)..(high * 1.5)
}
