/** Where things go: plots in a grid, names beside lines, and what floats beside the pointer. */

import { abs, clamp, max, min, sum } from "../canvas/canvas.js";
import { pixelOf } from "./sheet.js";

/** Where the plots of a grid are: [left, top, width, height] each. */
export function cellsOf({ plots, columns, rows }, width, height, [across, down]) {
  const track = (weights, whole, gap) => {
    const unit = (whole - gap * (weights.length - 1)) / sum(weights);
    return weights.map((weight, i) => [sum(weights.slice(0, i)) * unit + i * gap, weight * unit]);
  };
  const x = track(columns, width, across), y = track(rows, height, down);
  return plots.map(({ cell: [column, row, wide, tall] }) => {
    const [right, bottom] = [x[column + wide - 1], y[row + tall - 1]];
    return [x[column][0], y[row][0], right[0] + right[1] - x[column][0], bottom[0] + bottom[1] - y[row][0]];
  });
}

/** The same plots one below the other. */
export function stackOf({ plots }, width, most, gap) {
  let top = 0;
  return plots.map((plot) => {
    const share = plots.length === 1 ? 1.1 : 0.72; // one alone has the room to itself
    const height = plot.raster ? clamp(width, 300, max(300, most)) : clamp(share * width, 220, 0.7 * most);
    return [0, (top += height + gap) - height - gap, width, height];
  });
}

/** The top left corner of a box that floats beside a point: inside the whole and never over the point. */
export function beside([x, y], [w, h], [width, height], away = 16) {
  const fits = ([left, top]) => left >= 0 && top >= 0 && left + w <= width && top + h <= height;
  const inside = (v, size, whole) => clamp(v, 0, max(0, whole - size));
  const right = x + away, left = x - away - w, below = y + away, above = y - away - h;
  const corners = [[right, below], [left, below], [right, above], [left, above]];
  const sides = [[right, inside(y - h / 2, h, height)], [left, inside(y - h / 2, h, height)], [inside(x - w / 2, w, width), below], [inside(x - w / 2, w, width), above]];
  return [...corners, ...sides].find(fits) ?? [inside(x < width / 2 ? right : left, w, width), inside(below, h, height)];
}

/** Heights for names that want to stand at `wanted` pixels, at least `gap` apart; null where one would have to go too far. */
export function spread(wanted, height, gap) {
  const order = wanted.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y);
  const down = order.map(({ y }) => y), up = [...down];
  for (let i = 1; i < down.length; i++) down[i] = max(down[i], down[i - 1] + gap);
  for (let i = up.length - 2; i >= 0; i--) up[i] = min(up[i], up[i + 1] - gap);
  const placed = [];
  order.forEach(({ i }, n) => (placed[i] = clamp((down[n] + up[n]) / 2, (n + 0.5) * gap, height - (up.length - n - 0.5) * gap))); // halfway between pushing all down and all up
  return placed.length * gap <= height && placed.every((y, i) => abs(y - wanted[i]) <= 0.9 * gap) ? placed : null;
}

/** Where the names of curves go at the right ends of their lines; null where they would crowd, or a line ends elsewhere. */
export function endLabels(plot, view, gap) {
  const named = plot.curves.filter(({ label }) => label);
  const ends = named.map(({ x, y }) => {
    let last = x.length - 1;
    while (last >= 0 && !Number.isFinite(x[last] + y[last])) last--;
    return last < 0 ? [NaN, NaN] : pixelOf(view, plot, x[last], y[last]);
  });
  if (!ends.every(([px, py]) => abs(px - view.width) < 0.03 * view.width && py >= -1 && py <= view.height + 1)) return null;
  const heights = spread(ends.map(([, py]) => py), view.height, gap);
  return heights && named.map((curve, i) => ({ curve, y: heights[i] }));
}

/**
 * Each label at the first of its spots (where its left end and its middle would be) that is free; where none is, at the
 * first that covers no other label; else nowhere.
 */
export function placed(labels, taken, { width, height }, size) {
  const said = [], box = ({ wide }, [x, y]) => [x - 2, y - size / 2, x + wide + 2, y + size / 2];
  const inside = ([l, u, r, d]) => l >= 0 && r <= width && u >= 1 && d <= height - 1;
  const free = ([l, u, r, d], boxes) => boxes.every(([a, b, c, e]) => l > c || r < a || u > e || d < b);
  return labels.map((label) => {
    const spots = label.spots.filter((spot) => inside(box(label, spot)));
    const spot = spots.find((s) => free(box(label, s), [...taken, ...said])) ?? spots.find((s) => free(box(label, s), said)) ?? null;
    if (spot) said.push(box(label, spot));
    return spot;
  });
}
