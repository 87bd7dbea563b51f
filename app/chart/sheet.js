/** A sheet: plots on axes, from its bytes; and values and the pixels they are drawn at. */

import { abs, clamp, exp, floor, formatNumber, log, max, min, unpack } from "../canvas/canvas.js";

/** Bytes to a sheet whose array names have become typed arrays. */
export function decode(bytes, held = new Map()) {
  const { header, arrays } = unpack(bytes);
  const get = (name) => (name == null ? null : arrays[name]);
  const located = (thing) => thing && { ...thing, x: get(thing.x), y: get(thing.y) };
  const raster = (sent) => {
    const kept = sent.levels == null ? held.get(sent.id) : { levels: get(sent.levels), values: get(sent.values) };
    return { ...sent, table: get(sent.table), levels: kept?.levels ?? null, values: kept?.values ?? null };
  };
  return {
    ...header,
    plots: header.plots.map((plot) => ({
      ...plot, raster: plot.raster && raster(plot.raster), curves: (plot.curves ?? []).map(located), marks: plot.marks ?? [],
    })),
    card: header.card && { ...header.card, path: located(header.card.path) },
  };
}

export const sameAxis = (a, b) => a.label === b.label && a.low === b.low && a.high === b.high && a.log === b.log;

// ──── values and pixels ────

const coordinateOf = (axis, value) => (axis.log ? log(value) : value);
export const valueOf = (axis, coordinate) => (axis.log ? exp(coordinate) : coordinate);

/** A window in true units as a span, and back. */
export const spanOf = (plot, [x0, x1, y0, y1] = [plot.x.low, plot.x.high, plot.y.low, plot.y.high]) =>
  [coordinateOf(plot.x, x0), coordinateOf(plot.x, x1), coordinateOf(plot.y, y0), coordinateOf(plot.y, y1)];
export const windowOf = (plot, [a, b, c, d]) => [valueOf(plot.x, a), valueOf(plot.x, b), valueOf(plot.y, c), valueOf(plot.y, d)];

/** The pixel of a place in true units, from the top left corner of the plot. */
export function pixelOf({ span: [a, b, c, d], width, height }, plot, x, y) {
  return [((coordinateOf(plot.x, x) - a) / (b - a)) * width, ((d - coordinateOf(plot.y, y)) / (d - c)) * height];
}

/** The place under a pixel, in true units. */
export function placeOf({ span: [a, b, c, d], width, height }, plot, [px, py]) {
  return [valueOf(plot.x, a + (px / width) * (b - a)), valueOf(plot.y, d - (py / height) * (d - c))];
}

/** The pixel of the raster at a place, held inside it; row 0 is the lowest. */
export function cellOf(plot, [x, y]) {
  const { columns, rows, window } = plot.raster, [a, b, c, d] = spanOf(plot, window);
  const along = (u, from, to, count) => clamp(floor(((u - from) / (to - from)) * count), 0, count - 1);
  return { column: along(coordinateOf(plot.x, x), a, b, columns), row: along(coordinateOf(plot.y, y), c, d, rows) };
}

/** A span `factor` times as large, about the pixel that stays where it is. */
export function scaled({ span: [a, b, c, d], width, height }, factor, [px, py]) {
  const u = a + (px / width) * (b - a), v = d - (py / height) * (d - c);
  return [u + (a - u) * factor, u + (b - u) * factor, v + (c - v) * factor, v + (d - v) * factor];
}

export const CLICK = 6; // px that a pointer may move and still mean a click

/** The corners of a rubber band, [left, right, top, bottom], or null for a click. One that has no height, or no width, takes the plot's. */
export function bandOf({ width, height }, from, to) {
  if (Math.hypot(to[0] - from[0], to[1] - from[1]) < CLICK) return null;
  const along = (a, b, whole) => (abs(b - a) < CLICK ? [0, whole] : [clamp(min(a, b), 0, whole), clamp(max(a, b), 0, whole)]);
  return [...along(from[0], to[0], width), ...along(from[1], to[1], height)];
}

/** The span that a rubber band goes round. */
export function bandSpan({ span: [a, b, c, d], width, height }, [left, right, top, bottom]) {
  const u = (px) => a + (px / width) * (b - a), v = (py) => d - (py / height) * (d - c);
  return [u(left), u(right), v(bottom), v(top)];
}

/** A value in words: three digits, or as many as tell two pixels of a span of such a width apart. */
export function reading(axis, value, span) {
  const finer = axis.log ? -Math.log10(span) : Math.log10(abs(value) / span);
  return formatNumber(value, finer >= 1 ? min(floor(finer) + 4, 15) : 3) + (axis.degrees ? "°" : "");
}

/** What a raster says at a place: a word, a number, or that there is none. */
export function valueAt(plot, place) {
  const { raster, words } = plot;
  if (!raster?.values) return null;
  const { column, row } = cellOf(plot, place), value = raster.values[row * raster.columns + column];
  return Number.isFinite(value) ? (words?.[value] ?? formatNumber(value)) : "none";
}
