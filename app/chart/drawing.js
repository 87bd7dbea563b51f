/** A plot on a canvas: the same calls every time. */

import { abs, clamp, degreeTicks, disc, drawGrid, drawTicks, floor, logTicks, max, min, ticks, write } from "../canvas/canvas.js";
import { pixelOf, valueOf } from "./sheet.js";
import { placed } from "./layout.js";

const tiles = new WeakMap(); // what was painted of a raster's levels, and by which table

/** A raster on a canvas of its own, a pixel each, the highest row at the top. */
export function paintRaster(data, { levels, table, columns, rows, clear }) {
  for (let row = 0, at = 0; row < rows; row++)
    for (let i = (rows - 1 - row) * columns, end = i + columns; i < end; i++, at += 4) {
      const k = 3 * levels[i];
      data[at] = table[k], data[at + 1] = table[k + 1], data[at + 2] = table[k + 2], data[at + 3] = levels[i] === clear ? 0 : 255;
    }
}

function tileOf(raster) {
  const known = tiles.get(raster.levels), table = raster.table.join();
  if (known?.table === table) return known.canvas;
  const canvas = document.createElement("canvas"), image = new ImageData(raster.columns, raster.rows);
  canvas.width = raster.columns, canvas.height = raster.rows;
  paintRaster(image.data, raster);
  canvas.getContext("2d").putImageData(image, 0, 0);
  tiles.set(raster.levels, { table, canvas });
  return canvas;
}

/** Whether a raster is drawn smoothly: where pixels are lost, so that fine dots are not; never where they can be seen. */
export const smoothly = (across, up) => min(across, up) < 1 && max(across, up) < 1.25;

/** The raster stretched from its own window to the one that is looked at. Single pixels stay sharp when magnified. */
function drawRaster(ctx, plot, view) {
  const { raster } = plot, [x0, x1, y0, y1] = raster.window, ratio = view.ratio ?? 1;
  const [left, top] = pixelOf(view, plot, x0, y1), [right, bottom] = pixelOf(view, plot, x1, y0);
  ctx.imageSmoothingEnabled = smoothly(((right - left) * ratio) / raster.columns, ((bottom - top) * ratio) / raster.rows);
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(tileOf(raster), left, top, right - left, bottom - top);
}

/** A curve as pixels; where it is not finite it breaks. */
function curveLine(ctx, curve, plot, view) {
  let broken = true;
  for (let i = 0; i < curve.x.length; i++) {
    const [px, py] = pixelOf(view, plot, curve.x[i], curve.y[i]), y = clamp(py, -1e4, 1e4), fine = Number.isFinite(px + py);
    if (fine) broken ? ctx.moveTo(px, y) : ctx.lineTo(px, y);
    broken = !fine;
  }
}

function drawCurve(ctx, curve, plot, view, theme) {
  const colour = curve.colour ?? theme.text, width = (curve.width ?? 2) * theme.line;
  ctx.strokeStyle = ctx.fillStyle = colour, ctx.lineWidth = width, ctx.lineJoin = "round", ctx.lineCap = curve.dash?.length ? "butt" : "round";
  ctx.beginPath();
  if (curve.dots) {
    for (let i = 0; i < curve.x.length; i++) {
      const [px, py] = pixelOf(view, plot, curve.x[i], curve.y[i]);
      if (Number.isFinite(px + py)) ctx.moveTo(px + width, py), ctx.arc(px, py, width, 0, 7);
    }
    return void ctx.fill();
  }
  if (curve.cross) {
    for (let i = 0; i < curve.x.length; i++) {
      const [px, py] = pixelOf(view, plot, curve.x[i], curve.y[i]);
      if (Number.isFinite(px + py)) for (const s of [1, -1]) ctx.moveTo(px - width, py - s * width), ctx.lineTo(px + width, py + s * width);
    }
    ctx.lineWidth = 1.5 * theme.line;
    return void ctx.stroke();
  }
  curveLine(ctx, curve, plot, view);
  ctx.setLineDash((curve.dash ?? []).map((length) => length * theme.line)), ctx.stroke(), ctx.setLineDash([]);
}

/** Boxes round the drawn part of the curves, which names had better not cover. */
function curveBoxes(plot, view) {
  return plot.curves.flatMap(({ x, y }) => {
    const every = max(1, floor(x.length / 120)), boxes = [];
    for (let i = 0; i < x.length; i += every) {
      const [px, py] = pixelOf(view, plot, x[i], y[i]);
      if (px >= 0 && px <= view.width && py >= 0 && py <= view.height) boxes.push([px - 3, py - 3, px + 3, py + 3]);
    }
    return boxes;
  });
}

const SHARES = [0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1];

/** Where the name of a mark may stand: beside its ring, or along its line. */
function markSpots({ x, y }, [px, py], wide, { width, height }, size, m) {
  const up = 0.75 * size, middle = clamp(px - wide / 2, 4, width - wide - 4);
  if (x != null && y != null) return [[px + 10 * m, py], [px - 10 * m - wide, py], [middle, py - up - 6 * m], [middle, py + up + 6 * m]];
  if (x != null) return [px + 6 * m, px - 6 * m - wide].flatMap((left) => SHARES.map((s) => [left, size + s * (height - 2 * size)]));
  return [py - up, py + up].flatMap((at) => SHARES.map((s) => [6 + (1 - s) * (width - wide - 12), at]));
}

/** Dashed lines across the plot, rings, and what they are called. */
function drawMarks(ctx, plot, view, theme) {
  const { width, height } = view, m = theme.line, lines = [];
  ctx.font = `400 ${theme.small}px ${theme.font}`, ctx.textBaseline = "middle";
  const labels = plot.marks.map((mark) => {
    const { x, y, label } = mark, ring = x != null && y != null;
    const [px, py] = pixelOf(view, plot, x ?? valueOf(plot.x, view.span[0]), y ?? valueOf(plot.y, view.span[2]));
    ctx.beginPath();
    if (ring) ctx.arc(px, py, 5 * m, 0, 2 * Math.PI), lines.push([px - 7, py - 7, px + 7, py + 7]);
    else if (x != null) ctx.moveTo(px, 0), ctx.lineTo(px, height), lines.push([px - 2, 0, px + 2, height]);
    else ctx.moveTo(0, py), ctx.lineTo(width, py), lines.push([0, py - 2, width, py + 2]);
    ctx.setLineDash(ring ? [] : [5 * m, 4 * m]);
    ctx.lineWidth = 3.5 * m, ctx.strokeStyle = theme.halo;
    if (ring || theme.ink !== theme.text) ctx.stroke(); // on plain ground a line needs no casing
    ctx.lineWidth = 1.25 * m, ctx.strokeStyle = theme.ink, ctx.globalAlpha = 0.75, ctx.stroke();
    ctx.setLineDash([]), (ctx.globalAlpha = 1);
    const wide = label ? ctx.measureText(label).width : 0, seen = px >= 0 && px <= width && py >= 0 && py <= height;
    return { label, wide, spots: label && seen ? markSpots(mark, [px, py], wide, view, theme.small, m) : [] };
  });
  placed(labels, [...curveBoxes(plot, view), ...lines], view, theme.small).forEach((spot, i) => spot && write(ctx, labels[i].label, ...spot, theme.ink, theme.halo));
}

/** The ticks of both axes over the span that is looked at. */
export function ticksOf(plot, { span: [a, b, c, d], width, height }, { unit }) {
  const along = (axis, lo, hi, pixels, gap) =>
    axis.degrees ? degreeTicks(lo, hi, pixels, 0.7 * gap)
    : axis.log ? logTicks(lo, hi, pixels, 0.6 * gap)
    : ticks(lo, hi, 0, pixels, gap);
  return [along(plot.x, a, b, width, 5 * unit), along(plot.y, c, d, height, clamp(height / 4, 1.6 * unit, 3 * unit))];
}

/** The small strokes that say where a tick is, and what the axes are called. */
function drawAxes(ctx, plot, [across, up], view, theme) {
  const { width, height } = view;
  ctx.beginPath();
  for (const x of across.map(({ at }) => Math.round(at * width))) ctx.moveTo(x, height), ctx.lineTo(x, height + 0.28 * theme.unit);
  for (const y of up.map(({ at }) => Math.round((1 - at) * height))) ctx.moveTo(0, y), ctx.lineTo(-0.28 * theme.unit, y);
  ctx.strokeStyle = theme.border, ctx.lineWidth = 1, ctx.stroke();
  ctx.font = `400 ${theme.small}px ${theme.font}`, ctx.fillStyle = theme.text, ctx.textAlign = "center";
  ctx.textBaseline = "top";
  if (view.named) ctx.fillText(plot.x.label, width / 2, height + 0.65 * theme.unit + 1.2 * theme.small);
  ctx.save();
  ctx.translate(-view.left + 1, height / 2), ctx.rotate(-Math.PI / 2);
  ctx.fillText(plot.y.label, 0, 0, height);
  ctx.restore();
}

/** What colours mean: a bar from the lowest to the highest. The last colour of the table says that there is no value. */
function drawKey(ctx, plot, view, theme) {
  const { key, raster } = plot, { table } = raster, last = table.length / 3 - 2, { height } = view;
  const left = view.width + theme.unit, wide = 0.65 * theme.unit, top = key.title ? 1.6 * theme.small : 0;
  const bar = ctx.createLinearGradient(0, height, 0, top);
  for (let i = 0; i <= last; i++) bar.addColorStop(i / max(last, 1), `rgb(${table[3 * i]},${table[3 * i + 1]},${table[3 * i + 2]})`);
  ctx.beginPath(), ctx.roundRect(left, top, wide, height - top, 2), (ctx.fillStyle = bar), ctx.fill();
  ctx.font = `400 ${theme.small}px ${theme.font}`, ctx.textAlign = "left", ctx.textBaseline = "top", ctx.fillStyle = theme.text;
  if (key.title) ctx.fillText(key.title, left, 0);
  ctx.textBaseline = "middle", ctx.fillStyle = theme.muted;
  for (const [at, text] of key.ticks)
    ctx.fillText(text, left + wide + 0.4 * theme.unit, clamp(height - at * (height - top), top + theme.small / 2, height - theme.small / 2));
}

/** A plot over colours has white words with dark halos; on plain ground, words in the colour of the text. */
const onGround = (theme, { raster }) => (raster && raster.clear == null ? theme : { ...theme, ink: theme.text, halo: theme.plot });

/**
 * One plot. The view says how it is looked at: gutters left, right and top, width and height of what lies between the
 * axes, the `span` that is seen, `ends` (names beside the ends of curves) and whether the x axis is `named`.
 */
export function drawPlot(ctx, plot, view, theme) {
  const { left, right, top, bottom, width, height } = view, marks = ticksOf(plot, view, theme);
  ctx.clearRect(0, 0, left + width + right, top + height + bottom);
  ctx.save();
  ctx.translate(left, top);
  drawTicks(ctx, marks, view, theme);
  drawAxes(ctx, plot, marks, view, theme);
  ctx.save();
  ctx.beginPath(), ctx.rect(0, 0, width, height), ctx.clip();
  drawGrid(ctx, marks, view, theme);
  if (plot.raster?.levels) drawRaster(ctx, plot, view);
  for (const curve of plot.curves) drawCurve(ctx, curve, plot, view, theme);
  drawMarks(ctx, plot, view, onGround(theme, plot));
  ctx.restore();
  ctx.strokeStyle = theme.border, ctx.lineWidth = 1, ctx.strokeRect(-0.5, -0.5, width + 1, height + 1);
  if (plot.key?.ticks && plot.raster) drawKey(ctx, plot, view, theme);
  ctx.font = `600 ${theme.small}px ${theme.font}`, ctx.textAlign = "left", ctx.textBaseline = "middle";
  for (const { curve, y } of view.ends ?? []) (ctx.fillStyle = curve.colour ?? theme.text), ctx.fillText(curve.label, width + 7, y);
  ctx.restore();
}

/** A window round a path, with equal units, for a picture `size` pixels square. */
export function pathWindow({ x, y }, window) {
  let [x0, x1, y0, y1] = window ?? [Infinity, -Infinity, Infinity, -Infinity];
  if (!window)
    for (let i = 0; i < x.length; i++) {
      if (!Number.isFinite(x[i] + y[i])) continue;
      x0 = min(x0, x[i]), x1 = max(x1, x[i]), y0 = min(y0, y[i]), y1 = max(y1, y[i]);
    }
  const half = max((x1 - x0) / 2, (y1 - y0) / 2) * (window ? 1 : 1.15) || abs(x0) || 1, cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
  return Number.isFinite(half + cx + cy) ? [cx - half, cx + half, cy - half, cy + half] : [-1, 1, -1, 1];
}

/** The little picture on a card: a path from its ring to its disc, and thin lines through the origin. */
export function drawPath(ctx, { path, window, colour }, size, theme) {
  const [x0, x1, y0, y1] = pathWindow(path, window), { x, y } = path;
  const at = (u, v) => [clamp(((u - x0) / (x1 - x0)) * size, -1e4, 1e4), clamp(((y1 - v) / (y1 - y0)) * size, -1e4, 1e4)];
  ctx.clearRect(0, 0, size, size);
  ctx.save();
  ctx.beginPath(), ctx.roundRect(0, 0, size, size, 4), ctx.clip();
  ctx.fillStyle = theme.plot, ctx.fillRect(0, 0, size, size);
  const [ox, oy] = at(0, 0).map((v) => Math.round(v) + 0.5);
  ctx.beginPath(), ctx.moveTo(ox, 0), ctx.lineTo(ox, size), ctx.moveTo(0, oy), ctx.lineTo(size, oy);
  ctx.strokeStyle = theme.border, ctx.lineWidth = 1, ctx.stroke();
  const spots = Array.from(x, (u, i) => at(u, y[i])).filter(([px, py]) => Number.isFinite(px + py));
  ctx.beginPath();
  spots.forEach(([px, py], i) => (i ? ctx.lineTo(px, py) : ctx.moveTo(px, py)));
  ctx.strokeStyle = colour ?? theme.text, ctx.lineWidth = 1.5 * theme.line, ctx.lineJoin = "round", ctx.globalAlpha = spots.length > 300 ? 0.7 : 1;
  ctx.stroke(), (ctx.globalAlpha = 1);
  if (spots.length) {
    ctx.beginPath(), ctx.arc(...spots[0], 4 * theme.line, 0, 2 * Math.PI), (ctx.lineWidth = 1.75 * theme.line), (ctx.strokeStyle = theme.text), ctx.stroke();
    disc(ctx, ...spots.at(-1), 5.5 * theme.line, theme.background), disc(ctx, ...spots.at(-1), 4 * theme.line, colour ?? theme.text);
  }
  ctx.restore();
}
