import {
  abs, button, clamp, component, degreeTicks, disc, drawGrid, drawLabels, drawTicks, el, exp, fit, floor, formatLog, formatNumber, group, icon, log,
  logTicks, max, min, nextId, pow, standing, still, sum, swatch, themeOf, ticks, topOf, unpack, watchPlace, write,
} from "../canvas/canvas.js";
import { numbersIn, seenIn, withSeen } from "../canvas/seen.js";
import { answering } from "./live.js";

/**
 * The stage: a frame is a pure function of data and time.
 *
 *     decode(bytes)                                  → frame     what the experiment is
 *     drawPanel(ctx, frame, panel, t, view, theme)   → picture   the same calls every time
 *     caption(frame, t)                              → words     what that picture shows: a sentence, and remarks
 *     mount(root, host)                              → stage     the only part that remembers
 *
 * A point is stored as (x, y)·exp(k), and k may be a hundred thousand: the product is never formed.
 * The camera carries a log scale s of its own, and only exp(k − s) is ever taken. A lens is the camera,
 * the window and the panel's size folded into five numbers, so a point lands on the pixel
 *
 *     ox + ux · x·exp(k − s),    oy + uy · y·exp(k − s).
 *
 * The pure parts come first, then the drawing, then the page.
 */

// ──── the frame ────


/** Bytes, or a header and its arrays, to a frame whose array names have become typed arrays. */
export function decode(source) {
  const { header, arrays } = source.header ? source : unpack(source);
  const get = (name) => (name == null ? null : arrays[name]);
  const located = (thing) => ({ ...thing, x: get(thing.x), y: get(thing.y), k: get(thing.k) });
  const runs = (header.runs ?? []).map((run) => ({ ...run, paths: run.paths.map(located) }));
  return {
    ...header,
    every: header.every ?? 1, // very long runs are sent thinned: one sample in so many steps
    arrays,
    runs,
    fields: (header.fields ?? []).map((field) => ({
      ...field,
      signature: JSON.stringify(field), // tells whether a new frame may keep the old background
      colours: { ...field.colours, lut: get(field.colours.lut) },
      shift: get(field.shift),
    })),
    caption: { ...header.caption, log_difference: get(header.caption?.log_difference), lyapunov: get(header.caption?.lyapunov) },
    panels: (header.panels ?? []).map((panel) => ({
      ...panel,
      camera: { ...panel.camera, log_scale: get(panel.camera.log_scale) },
      curves: panel.curves?.map(located),
      items: itemsOf(runs, panel.traces?.map(located), panel.runs),
      echoes: panel.echo ? echoesOf(runs, panel.echo.run, get(panel.echo.log_scale)) : [],
    })),
    strips: (header.strips ?? []).map((strip) => ({
      ...strip,
      series: strip.series.map((series) => ({
        ...series,
        array: stretched(get(series.array), strip.stride),
        band: series.band?.map((name) => stretched(get(name), strip.stride)),
      })),
      guides: [
        ...(strip.guides ?? []).map((guide) => ({ ...guide, array: get(guide.array), dash: [1.5, 3] })),
        ...(strip.threshold ? [{ ...strip.threshold, array: [strip.threshold.value, strip.threshold.value], dash: [4, 4] }] : []),
      ],
    })),
  };
}

/** What a panel shows: whole runs or, as traces, some of their paths in other coordinates. */
const itemsOf = (runs, traces, shown) =>
  traces
    ? traces.map(({ run, path, x, y }) => ({ run: runs[run], r: run, p: path, path: { ...runs[run].paths[path], x, y, k: null } }))
    : shown.flatMap((r) => runs[r].paths.map((path, p) => ({ run: runs[r], r, p, path })));

/** The paths of a run that another panel shows, brought to this panel's coordinates. */
const echoesOf = (runs, r, scale) =>
  runs[r].paths.map((path, p) => ({ run: runs[r], r, p, path: { ...path, k: Float64Array.from(scale, (s, i) => s + (path.k ? path.k[i] : 0)) } }));

/** While something is dragged, strips come with one value in `stride`; the rest is held, so that indices stay steps. */
function stretched(array, stride = 1) {
  if (stride === 1) return array;
  const full = new Float32Array(array.length * stride);
  for (let i = 0; i < full.length; i++) full[i] = array[Math.floor(i / stride)];
  return full;
}

/** A recorded quantity between steps: linear. */
function at(array, t) {
  const last = array.length - 1;
  const i = clamp(Math.floor(t), 0, last);
  const a = array[i];
  return i === last || t <= i ? a : a + (t - i) * (array[i + 1] - a);
}

/** The last recorded step by time t, and where in the arrays it stands. Words are about recorded steps only. */
const sampleOf = (frame, t) => clamp(Math.floor(t / frame.every + 1e-9), 0, Math.floor(frame.steps / frame.every));
const stepOf = (frame, t) => sampleOf(frame, t) * frame.every;

const logNorm = (path, i) => (path.k ? path.k[i] : 0) + Math.log(Math.hypot(path.x[i], path.y[i]));

const pathsOf = (panel, hidden) => panel.items.filter(({ r }) => !hidden?.has(r));

const stopped = (path, t) => path.stopped_at != null && t >= path.stopped_at;

/** The first step from which some visible path is no longer predictive. */
export function horizonOf(frame, hidden) {
  const steps = frame.runs.flatMap((run, r) => (hidden?.has(r) ? [] : run.paths.map((p) => p.horizon))).filter((h) => h != null);
  return steps.length ? Math.min(...steps) : null;
}

// ──── the landscape ────

const { sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, expm1, log1p, sqrt, sign, atan2 } = Math;
const UNARY = { sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, exp, expm1, log, log1p, sqrt, abs, sign };
const gated = (weight, value) => (weight === 0 ? 0 : weight * value); // what does not count may be no number
const BINARY = { pow, min, max, atan2, gated };
const TILE = 2048; // points per sweep: a register is 16 KB, so a program's working set stays in cache

/** One operation over one tile. The four that dominate have loops of their own: no call per point. */
function apply([op, a, b], out, regs, n) {
  const A = regs[a], B = regs[b];
  if (op === "add") for (let i = 0; i < n; i++) out[i] = A[i] + B[i];
  else if (op === "mul") for (let i = 0; i < n; i++) out[i] = A[i] * B[i];
  else if (op === "div") for (let i = 0; i < n; i++) out[i] = A[i] / B[i];
  else if (op === "neg") for (let i = 0; i < n; i++) out[i] = -A[i];
  else if (op === "powi") power(A, b, out, n);
  else if (UNARY[op]) for (let i = 0, f = UNARY[op]; i < n; i++) out[i] = f(A[i]);
  else if (BINARY[op]) for (let i = 0, f = BINARY[op]; i < n; i++) out[i] = f(A[i], B[i]);
  else throw new Error(`The stage does not know the operation "${op}".`);
}

/** A fixed whole power by repeated squaring. */
function power(A, exponent, out, n) {
  for (let i = 0; i < n; i++) {
    let base = A[i], result = 1;
    for (let e = abs(exponent); e > 0; e = floor(e / 2), base *= base) if (e % 2) result *= base;
    out[i] = exponent < 0 ? 1 / result : result;
  }
}

/** The entries of a program that the wanted outputs need, in order. */
function needed(ops, outputs) {
  const want = new Set(outputs);
  for (let i = ops.length - 1; i >= 0; i--) {
    const [op, a, b] = ops[i];
    if (!want.has(i)) continue;
    if (op in UNARY || op === "neg" || op === "powi") want.add(a);
    else if (op in BINARY || ["add", "mul", "div"].includes(op)) want.add(a).add(b);
  }
  return [...want].sort((a, b) => a - b);
}

/** The outputs of a program at the points (X, Y): by default the loss and its two derivatives. */
export function evaluate(program, X, Y, outputs = program.outputs, inputs = {}) {
  const order = needed(program.ops, outputs);
  const regs = [];
  for (const i of order) {
    regs[i] = new Float64Array(min(X.length, TILE));
    if (program.ops[i][0] === "const") regs[i].fill(Number(program.ops[i][1]));
  }
  const results = outputs.map(() => new Float64Array(X.length));
  for (let start = 0; start < X.length; start += TILE) {
    const n = min(TILE, X.length - start);
    const x = X.subarray(start, start + n), y = Y.subarray(start, start + n);
    for (const i of order) {
      const op = program.ops[i], out = regs[i];
      if (op[0] === "x") out.set(x);
      else if (op[0] === "y") out.set(y);
      else if (op[0] === "r") for (let j = 0; j < n; j++) out[j] = Math.hypot(x[j], y[j]);
      else if (op[0] === "theta") for (let j = 0; j < n; j++) out[j] = atan2(y[j], x[j]);
      else if (Object.hasOwn(inputs, op[0])) out.set(inputs[op[0]].subarray(start, start + n));
      else if (op[0] !== "const") apply(op, out, regs, n);
    }
    outputs.forEach((i, o) => results[o].set(regs[i].subarray(0, n), start));
  }
  return results;
}

/** Loss and gradient of a field. One that ignores length is asked on the unit circle, where nothing overflows. */
export function evaluateField(field, X, Y) {
  if (!field.scale_invariant) return evaluate(field.program, X, Y);
  const R = X.map((x, i) => Math.hypot(x, Y[i]));
  const [loss, gx, gy] = evaluate(field.program, X.map((x, i) => x / R[i]), Y.map((y, i) => y / R[i]));
  return [loss, gx.map((g, i) => g / R[i]), gy.map((g, i) => g / R[i])];
}

/** A loss value as a position in the colour map, 0 to 1 before clamping; NaN where there is no colour. */
export function colourPosition({ transform, offset = 0, lo, hi }, value, shift = 0) {
  const z = (transform === "log" ? log(max(value - offset, 1e-300)) : value) + shift;
  return (z - lo) / (hi - lo);
}

const PROFILE = 4096;
const profiles = new WeakMap();

/** A length-blind loss is a function of the angle alone: colour positions at 4096 angles, and the first again. */
function profileOf(field) {
  if (!profiles.has(field)) {
    const angle = Float64Array.from({ length: PROFILE + 1 }, (_, i) => (i / PROFILE) * 2 * Math.PI);
    const [loss] = evaluate(field.program, angle.map(cos), angle.map(sin), field.program.outputs.slice(0, 1));
    profiles.set(field, loss.map((v) => colourPosition(field.colours, v)));
  }
  return profiles.get(field);
}

/** Colour positions over a lens's view, on a grid of pixel centres, row by row from the top. */
function fieldPositions(field, lens, width, height, cols, rows, shift) {
  const out = new Float64Array(cols * rows), X = new Float64Array(cols * rows), Y = new Float64Array(cols * rows);
  const scale = field.scale_invariant ? 1 : exp(lens.s);
  for (let j = 0, c = 0; j < rows; j++)
    for (let i = 0; i < cols; i++, c++) {
      X[c] = (scale * (((i + 0.5) / cols) * width - lens.ox)) / lens.ux;
      Y[c] = (scale * (((j + 0.5) / rows) * height - lens.oy)) / lens.uy;
    }
  if (!field.scale_invariant) {
    const [loss] = evaluate(field.program, X, Y, field.program.outputs.slice(0, 1));
    return loss.map((v) => colourPosition(field.colours, v, shift));
  }
  const profile = profileOf(field);
  for (let c = 0; c < out.length; c++) {
    const a = ((atan2(Y[c], X[c]) / (2 * Math.PI) + 1) % 1) * PROFILE, i = floor(a);
    out[c] = profile[i] + (a - i) * (profile[i + 1] - profile[i]);
  }
  return out;
}

/** Colour positions to RGBA. Where there is no value: a neutral hatch. Isolines are a distance, so they need no tracing. */
export function paint(data, positions, cols, rows, lut, levels = 0) {
  const line = (c, i, j) => {
    const q = positions[c] * levels;
    const gx = (positions[c + (i < cols - 1)] - positions[c - (i > 0)]) * levels * (i > 0 && i < cols - 1 ? 0.5 : 1);
    const gy = (positions[c + (j < rows - 1) * cols] - positions[c - (j > 0) * cols]) * levels * (j > 0 && j < rows - 1 ? 0.5 : 1);
    const slope = Math.hypot(gx, gy);
    if (!(slope < 0.7) || q < 0.5 || q > levels - 0.5) return 0; // lines closer than a pixel or two are noise; the ends are no crossings
    return clamp(1.1 - abs(q - Math.round(q)) / slope, 0, 1) * min(1, (0.7 - slope) * 4) || 0;
  };
  for (let j = 0, c = 0; j < rows; j++)
    for (let i = 0; i < cols; i++, c++) {
      const p = positions[c], o = 4 * c;
      data[o + 3] = 255;
      if (!(p - p === 0)) {
        data[o] = data[o + 1] = data[o + 2] = (i + j) % 8 < 2 ? 150 : 176;
        continue;
      }
      const k = 3 * Math.round(255 * clamp(p, 0, 1));
      const a = levels ? 0.34 * line(c, i, j) : 0;
      const ink = a && lut[k] + lut[k + 1] + lut[k + 2] > 380 ? 20 : 255;
      for (let ch = 0; ch < 3; ch++) data[o + ch] = lut[k + ch] + a * (ink - lut[k + ch]);
    }
}

// ──── cameras and lenses ────

const followed = new WeakMap();

/** For a fixed panel: how far, in logs, to step back so that every head so far stays inside. It never steps forward again. */
function followScale(frame, panel) {
  if (!followed.has(panel)) {
    const [x0, x1, y0, y1] = panel.window;
    const centre = [log(abs(x0 + x1) / (x1 - x0)), log(abs(y0 + y1) / (y1 - y0))];
    const scale = new Float64Array(Math.floor(frame.steps / frame.every) + 1);
    for (const { path } of pathsOf(panel))
      for (let i = 0; i < scale.length; i++) {
        const k = path.k ? path.k[i] : 0;
        const far = (v, lo, hi, c) => (k < 20 ? log(abs(v * exp(k) - (lo + hi) / 2) / ((hi - lo) / 2)) : max(k + log(abs(v) / ((hi - lo) / 2)), c));
        const reach = max(far(path.x[i], x0, x1, centre[0]), far(path.y[i], y0, y1, centre[1])) + 0.12;
        if (Number.isFinite(reach)) scale[i] = max(scale[i], reach);
      }
    for (let i = 1; i < scale.length; i++) scale[i] = max(scale[i], scale[i - 1]);
    followed.set(panel, scale);
  }
  return followed.get(panel);
}

/** Where the camera of a panel is at time t: a log scale, and the point of the window about which it steps back. */
export function cameraAt(frame, panel, t, { gauge = 1, follow = 0 } = {}) {
  if (panel.camera.kind === "zoom") return { s: gauge * at(panel.camera.log_scale, t / frame.every), cx: 0, cy: 0 };
  if (!follow || panel.traces) return { s: 0, cx: 0, cy: 0 };
  const [x0, x1, y0, y1] = panel.window;
  return { s: follow * at(followScale(frame, panel), t / frame.every), cx: (x0 + x1) / 2, cy: (y0 + y1) / 2 };
}

/** Camera, window and size, folded into five numbers. */
export function lensOf({ s, cx, cy }, [x0, x1, y0, y1], width, height) {
  const ux = width / (x1 - x0), uy = -height / (y1 - y0);
  const shift = (c) => c && c * (1 - exp(-s)); // about the origin there is none, and exp(−s) may be infinite
  return { s, ux, uy, ox: (shift(cx) - x0) * ux, oy: (shift(cy) - y1) * uy };
}

/** exp(k − s), held below e⁶⁰: far outside every window, yet a number that can be multiplied and clipped. */
const shrink = (k, s) => exp(min(k - s, 60));

/** The pixel of the point (x, y)·exp(k). */
export function project(lens, x, y, k = 0) {
  const e = shrink(k, lens.s);
  return [lens.ox + lens.ux * x * e, lens.oy + lens.uy * y * e];
}

/** The point under a pixel, as (u, v)·exp(s). */
export const unproject = (lens, px, py) => [(px - lens.ox) / lens.ux, (py - lens.oy) / lens.uy];

/** A window widened so that a unit is as long across as up. */
export function fitWindow([x0, x1, y0, y1], width, height, equal = true) {
  if (!equal) return [x0, x1, y0, y1];
  const unit = max((x1 - x0) / width, (y1 - y0) / height) / 2;
  const cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
  return [cx - unit * width, cx + unit * width, cy - unit * height, cy + unit * height];
}

// ──── numbers and words ────

/** The ticks of a panel's two axes; each says where it is as a share of the width or height. */
function ticksOf({ axes }, { ox, oy, ux, uy, s }, { width, height, moving }, { unit }) {
  const along = (axis, lo, hi, pixels, gap) =>
    axis?.degrees ? degreeTicks(lo, hi, pixels, 0.7 * gap) : axis?.log ? logTicks(lo, hi, pixels, 0.6 * gap) : ticks(lo, hi, s, pixels, gap, Boolean(moving));
  return [along(axes?.x, -ox / ux, (width - ox) / ux, width, 5 * unit), along(axes?.y, (height - oy) / uy, -oy / uy, height, 4 * unit)];
}

/** The live corner of a panel: how long its weight vector is, where there is one to speak of. */
export function normText(frame, panel, t, hidden) {
  const items = pathsOf(panel, hidden);
  return panel.corner === "norm" && !panel.traces && items.length === 1 ? `‖w‖ = ${formatLog(logNorm(items[0].path, sampleOf(frame, t)), 4)}` : "";
}

const gaugeText = (gauge) => `camera at ${Math.round(100 * gauge)}\u00a0%`;

const angleOf = (path, i) => ((atan2(path.y[i], path.x[i]) * 180) / Math.PI).toFixed(1).replace("-", "−") + "°";

/** How far out one is from the other, in words, from logs. */
function furtherOut(logRatio) {
  if (abs(logRatio) < 0.005) return ["as far out as the left"];
  return [[formatLog(abs(logRatio))], logRatio > 0 ? " times further out" : " times closer in"];
}

const PARTED = 0.01; // an angle between two that an eye sees
const FINEST = 4e-16; // an angle near π has no more digits in float64

function twinsCaption(frame, i) {
  const [left, right] = [frame.caption.left, frame.caption.right].map(([r, p]) => frame.runs[r].paths[p]);
  const lengths = Math.hypot(left.x[i], left.y[i]) * Math.hypot(right.x[i], right.y[i]);
  const distance = furtherOut(logNorm(right, i) - logNorm(left, i));
  if (!(lengths > 0 && lengths < Infinity)) return [": at least one of the two has no direction any more."];
  const apart = exp(frame.caption.log_difference[i]);
  if (apart > PARTED) return [": the left points at ", [angleOf(left, i)], ", the right at ", [angleOf(right, i)], ", ", ...distance, "."];
  const digits = floor(-Math.log10(max(apart, FINEST) / Math.PI));
  return [": both point at ", [angleOf(left, i)], ", the right one ", ...distance, ". They agree to ", [`${digits} digits`], "."];
}

function raceCaption(frame, i, hidden) {
  const strip = frame.strips.find(({ title }) => /^loss\b/.test(title));
  const best = new Map(); // one entry per run: the lowest of its paths
  for (const { run, array } of strip?.series ?? []) {
    if (hidden?.has(run)) continue;
    const v = array[i], known = best.get(run);
    if (known === undefined || Number.isNaN(known) || v < known) best.set(run, v); // a path without a loss does not hide those that have one
  }
  const finite = (v) => Number.isFinite(v) || (strip.log && v === -Infinity), written = (v) => stripText(strip, v);
  const crowd = strip?.series.some(({ path }) => path == null);
  const order = [...best].sort(([, a], [, b]) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b));
  if (!order.length) return ["."];
  const name = (r) => {
    const { label, paths: { length } } = frame.runs[r];
    return label + (length === 1 ? "" : crowd ? `, ${length} starts` : `, best of ${length} starts`);
  };
  const [first, ...rest] = order;
  if (!finite(first[1])) return [": no loss is finite."];
  if (!rest.length && frame.runs[first[0]].paths.length === 1) return [": loss ", [written(first[1])], ` (${name(first[0])}).`];
  const others = rest.flatMap(([r, v], n) => [n ? ", " : "; ", `${name(r)} `, [finite(v) ? written(v) : "not finite"]]);
  return [crowd ? ": median loss " : ": lowest loss ", [written(first[1])], ` (${name(first[0])})`, ...others, "."];
}

/** How each path that has ended by now did so. A phrase ("left the plane") gets its run as a subject; a sentence stands. Of a crowd, how many. */
function endings(frame, step, hidden) {
  const plain = (v) => String(Number(v.toPrecision(3))).replace("-", "−");
  const sentence = (run, { start, status_text: text }) => {
    if (/[.!]$/.test(text)) return text;
    return `“${run.label}”${run.paths.length > 1 && start ? ` from (${start.map(plain).join(", ")})` : ""} ${text}.`;
  };
  const counted = (run, paths) => {
    const ways = new Map();
    for (const { status } of paths) ways.set(STOPS[status], (ways.get(STOPS[status]) ?? 0) + 1);
    return ways.size ? [`“${run.label}”, of ${run.paths.length} paths: ${[...ways].map((way) => way.join(" ")).join(", ")}.`] : [];
  };
  const ended = (run) => {
    const paths = run.paths.filter((path) => path.status_text && stopped(path, step));
    return run.paths.length > CROWD ? counted(run, paths) : paths.map((path) => sentence(run, path));
  };
  return [...new Set(frame.runs.flatMap((run, r) => (hidden?.has(r) ? [] : ended(run))))];
}

const pieces = (words) => words.map((piece) => (Array.isArray(piece) ? { text: piece[0], strong: true } : { text: piece, strong: false }));

/** The sentence over the picture at time t, as pieces of text; the ones that are numbers are `strong`. */
export function sentence(frame, t, hidden) {
  const i = sampleOf(frame, t), step = stepOf(frame, t), kind = frame.caption?.kind;
  const body = kind === "twins" ? twinsCaption(frame, i) : kind === "race" ? raceCaption(frame, i, hidden) : ["."];
  return pieces(["Step ", [group(String(step))], ` of ${group(String(frame.steps))}`, ...body]);
}

/** What else there is to say of it: how paths have ended, and how far they can be trusted. */
export function remarks(frame, t, hidden) {
  const step = stepOf(frame, t), exponent = frame.caption?.lyapunov?.[sampleOf(frame, t)];
  const chaos = step >= 20 && Number.isFinite(exponent) && `Lyapunov exponent so far ${formatNumber(exponent, 2)} a step.`;
  const parted = exp(frame.caption?.log_difference?.[sampleOf(frame, t)] ?? -Infinity) > PARTED;
  const why = parted && (frame.caption.exact ? "Rounding errors have pulled them apart." : "They have come apart.");
  return [why, ...endings(frame, step, hidden), chaos, frame.caption?.note].filter(Boolean);
}

/** All that the picture shows at time t. */
export const caption = (frame, t, hidden) => [...sentence(frame, t, hidden), ...pieces(remarks(frame, t, hidden).map((words) => ` ${words}`))];

/** A value of a strip in words: three digits and no more, as its numbers may have come in single precision. */
function stripText(strip, v) {
  if (strip.log && !(abs(v) < 13)) return formatLog(v);
  return formatNumber(Number((strip.log ? exp(v) : v).toPrecision(3)));
}

// ──── drawing ────

const AGES = [ // a part of the trail that the head passed fewer than so many steps ago: its strength, its width, and its casing's strength
  [25, 1, 2.3, 0.8], [40, 0.85, 2.2, 0.55], [60, 0.7, 2.1, 0.36], [90, 0.58, 1.9, 0.24], [130, 0.48, 1.7, 0.16], [Infinity, 0.4, 1.6, 0.12],
]; // a long past is a thread, not a tangle
const LONG = 700; // points; beyond that only the newest part keeps its casing and the oldest is a hairline, which is far faster to draw
const BEYOND = [5, 4]; // the dash of a trail that is no longer predictive
const STOPS = {
  diverged: "diverged", left_the_plane: "left the plane", zero_gradient: "gradient exactly zero", reached_the_origin: "reached the origin",
  stalled: "stalled",
};
const CROWD = 12; // paths of a run; of more, words say how many and strips what most of them do
const CROSSED = new Set(["diverged", "left_the_plane"]); // these end in a cross, the others in a ring

const roomFor = (n) => ({ px: new Float64Array(n), py: new Float64Array(n), step: new Int32Array(n) });
let scratch = roomFor(1024);

/**
 * The trail up to t in pixels, without points that fall on the one before. The last is the head, between two steps.
 * A leap of more than `lens.leap` pixels to the side is an angle that wraps: nothing lies between its two ends.
 */
function trailPoints(path, t, lens) {
  const last = floor(t);
  if (scratch.px.length < last + 2) scratch = roomFor(2 * last);
  const { px, py, step } = scratch, { x, y, k } = path, { s, ox, oy, ux, uy } = lens;
  const still = k ? 0 : shrink(0, s);
  let n = 0;
  for (let i = 0; i <= last; i++) {
    const e = k ? shrink(k[i], s) : still;
    const qx = ox + ux * x[i] * e, qy = oy + uy * y[i] * e;
    if (n && i < last && abs(qx - px[n - 1]) < 0.5 && abs(qy - py[n - 1]) < 0.5) continue;
    px[n] = qx, py[n] = qy, step[n++] = i;
  }
  if (t > last && last < x.length - 1) {
    const [qx, qy] = project(lens, x[last + 1], y[last + 1], k ? k[last + 1] : 0);
    if (abs(qx - px[n - 1]) > lens.leap) return n;
    px[n] = px[n - 1] + (t - last) * (qx - px[n - 1]);
    py[n] = py[n - 1] + (t - last) * (qy - py[n - 1]);
    step[n++] = last + 1;
  }
  return n;
}

/** Adds points from…to of the trail to the path, cut to a box a little larger than the panel. */
function traceClipped(ctx, from, to, { width, height }, leap) {
  const { px, py } = scratch, edge = 40;
  let penX = NaN, penY = NaN;
  for (let i = from + 1; i <= to; i++) {
    const ax = px[i - 1], ay = py[i - 1], dx = px[i] - ax, dy = py[i] - ay;
    if (!(abs(dx) <= leap && abs(dy) < Infinity)) continue;
    let a = 0, b = 1;
    for (const [d, room] of [[-dx, ax + edge], [dx, width + edge - ax], [-dy, ay + edge], [dy, height + edge - ay]]) {
      if (d === 0 && room < 0) b = -1;
      else if (d < 0) a = max(a, room / d);
      else if (d > 0) b = min(b, room / d);
    }
    if (!(a <= b)) continue;
    const sx = ax + a * dx, sy = ay + a * dy;
    if (sx !== penX || sy !== penY) ctx.moveTo(sx, sy);
    ctx.lineTo((penX = b === 1 ? px[i] : ax + b * dx), (penY = b === 1 ? py[i] : ay + b * dy));
  }
}

/** One path up to time t: few strokes, oldest first, each a light casing under the run's colour. */
function drawTrail(ctx, frame, { run, path }, time, lens, view, theme) {
  const t = time / frame.every, n = trailPoints(path, t, lens); // from here on, in samples
  const { px, py, step } = scratch, head = n - 1;
  if (!Number.isFinite(px[head] + py[head])) return null;
  const stretch = max(1, frame.steps / frame.every / 1200), horizon = (path.horizon ?? Infinity) / frame.every;
  const dash = run.dash ?? [], period = sum(dash) || 1;
  const cuts = [...AGES.slice(0, -1).map(([age]) => t - age * stretch), horizon, Infinity].sort((a, b) => a - b);
  ctx.lineJoin = "round";
  let from = 0, travelled = 0;
  for (const cut of cuts) {
    let to = from, length = 0;
    while (to < head && step[to + 1] <= cut) to++, (length += min(1e4, Math.hypot(px[to] - px[to - 1], py[to] - py[to - 1])));
    if (to === from) continue;
    const age = AGES.findIndex(([a]) => t - step[to] < a * stretch), [, strength, wide, casing] = AGES[age], lost = step[to] > horizon;
    ctx.beginPath();
    traceClipped(ctx, from, to, view, lens.leap);
    ctx.lineCap = age ? "butt" : "round"; // round ends of see-through strokes would show as beads
    const hair = age === AGES.length - 1 && n > LONG;
    if (n < LONG || age < 2) {
      ctx.setLineDash([]);
      ctx.globalAlpha = casing * (lost ? 0.45 : 1);
      ctx.strokeStyle = theme.casing;
      ctx.lineWidth = (wide + 2.1) * theme.line;
      ctx.stroke();
    }
    ctx.setLineDash(lost ? BEYOND : hair ? [] : dash);
    ctx.lineDashOffset = travelled % (lost ? BEYOND[0] + BEYOND[1] : period); // dashes stay where they were drawn while ages move on
    ctx.globalAlpha = strength * (lost ? 0.85 : 1);
    ctx.strokeStyle = run.colour;
    ctx.lineWidth = (hair ? 1 : wide) * theme.line;
    ctx.stroke();
    from = to;
    travelled += length;
  }
  ctx.setLineDash([]);
  drawVertices(ctx, t - AGES[1][0] * stretch, head, theme);
  ctx.globalAlpha = 1;
  return { x: px[head], y: py[head] };
}

/** Where steps are long enough to tell apart, a light dot on each. */
function drawVertices(ctx, since, head, theme) {
  const { px, py, step } = scratch;
  ctx.beginPath();
  for (let i = head - 1; i > 0 && step[i] > since; i--) {
    if (Math.hypot(px[i] - px[i - 1], py[i] - py[i - 1]) < 14) continue;
    ctx.moveTo(px[i] + 1.3, py[i]);
    ctx.arc(px[i], py[i], 1.3 * theme.line, 0, 7);
  }
  ctx.globalAlpha = 0.9;
  ctx.fillStyle = theme.casing;
  ctx.fill();
}

/** The theme as it is on a panel's ground: over colours words are white and casings light; plain ground needs less. */
const onGround = (theme, { field }) => (field == null ? { ...theme, ink: theme.text, halo: theme.plot, casing: `rgba(255,255,255,${theme.dark ? 0.2 : 0})` } : theme);

/** A head: a disc with a ring; a cross when the path ended badly; an arrow on the rim when it is outside. */
function drawHead(ctx, item, head, t, view, theme) {
  const { run, path } = item, m = theme.line, rim = 10 * m, cx = view.width / 2, cy = view.height / 2;
  const outside = head.x < -8 * m || head.y < -8 * m || head.x > view.width + 8 * m || head.y > view.height + 8 * m;
  const reach = outside ? min((cx - rim) / abs(head.x - cx), (cy - rim) / abs(head.y - cy)) : 1; // where the ray from the middle meets the rim
  const x = cx + (head.x - cx) * reach, y = cy + (head.y - cy) * reach;
  ctx.save();
  ctx.translate(x, y);
  if (outside) {
    ctx.rotate(atan2(head.y - y, head.x - x));
    ctx.beginPath();
    ctx.moveTo(8 * m, 0), ctx.lineTo(-5 * m, -6 * m), ctx.lineTo(-5 * m, 6 * m), ctx.closePath();
    ctx.fillStyle = run.colour, ctx.strokeStyle = "#fff", ctx.lineWidth = 2 * m, ctx.lineJoin = "round";
    ctx.stroke(), ctx.fill();
  } else if (stopped(path, t) && CROSSED.has(path.status)) {
    ctx.lineCap = "round";
    for (const [width, colour] of [[6 * m, "#fff"], [3 * m, run.colour]]) {
      ctx.beginPath();
      ctx.moveTo(-5 * m, -5 * m), ctx.lineTo(5 * m, 5 * m), ctx.moveTo(5 * m, -5 * m), ctx.lineTo(-5 * m, 5 * m);
      ctx.lineWidth = width, ctx.strokeStyle = colour;
      ctx.stroke();
    }
  } else {
    disc(ctx, 0, 0, 9.4 * m, "rgba(0,0,0,.28)");
    disc(ctx, 0, 0, 8.6 * m, "#fff");
    disc(ctx, 0, 0, 6.2 * m, run.colour);
    if (stopped(path, t)) disc(ctx, 0, 0, 3 * m, "#fff"); // at rest: the disc has become a ring
  }
  ctx.restore();
  return [x, y];
}

function drawHandle(ctx, x, y, theme, small) {
  const m = theme.line * (small ? 0.72 : 1);
  disc(ctx, x, y, 8.5 * m, "rgba(255,255,255,.9)");
  disc(ctx, x, y, 7.2 * m, "#16181d");
  disc(ctx, x, y, 5.6 * m, "#fff");
  disc(ctx, x, y, 2.2 * m, "#16181d");
}

/** Where a path is at a time in samples, between two of its steps, in pixels. */
function placeOn(path, t, lens) {
  const now = min(floor(t), path.x.length - 1), next = min(now + 1, path.x.length - 1);
  const [ax, ay] = project(lens, path.x[now], path.y[now], path.k?.[now]), [bx, by] = project(lens, path.x[next], path.y[next], path.k?.[next]);
  const share = abs(bx - ax) > lens.leap ? 0 : t - now;
  return [ax + share * (bx - ax), ay + share * (by - ay)];
}

/** A ray from the origin through a head, to the panel's edge: the direction, which two panels have in common. */
function drawRay(ctx, { x, y }, { ox, oy }, { width, height }, theme) {
  const far = (2 * (width + height)) / (Math.hypot(x - ox, y - oy) || 1);
  ctx.beginPath();
  ctx.moveTo(ox, oy), ctx.lineTo(ox + far * (x - ox), oy + far * (y - oy));
  ctx.strokeStyle = "rgba(255,255,255,.55)", ctx.lineWidth = theme.line;
  ctx.stroke();
}

/** A ring where a head of another panel would be here: round the disc as long as both runs are one. */
function drawEcho(ctx, { run, path }, t, lens, theme) {
  const [x, y] = placeOn(path, t, lens), m = theme.line;
  if (!Number.isFinite(x + y)) return;
  for (const [colour, width] of [["rgba(255,255,255,.9)", 5], [run.colour, 2.6]]) {
    ctx.beginPath();
    ctx.arc(x, y, 12.5 * m, 0, 2 * Math.PI);
    ctx.strokeStyle = colour, ctx.lineWidth = width * m;
    ctx.stroke();
  }
}

/** A cloud: of every path only where it is, between two of its steps. */
function drawCloud(ctx, frame, items, time, lens, theme) {
  const t = time / frame.every;
  ctx.globalAlpha = 0.8;
  for (const { run, path } of items) {
    const [x, y] = placeOn(path, t, lens);
    if (Number.isFinite(x + y)) disc(ctx, x, y, 2.5 * theme.line, run.colour);
  }
  ctx.globalAlpha = 1;
}

// ──── data, and what a model says of them ────

const SHORT = 560; // px of height up to which an exported page is a figure in another one
const SAMPLES = 97; // places of a line; a border is followed through half as many cells each way

/** What the model of weights (x, y) says over a window, as lines of points [u, v]: its height, or where it is zero. */
export function saidOf({ model, border }, [x, y], [x0, x1, y0, y1]) {
  if (!model || !Number.isFinite(x + y)) return [];
  const many = border ? (SAMPLES + 1) / 2 : SAMPLES, count = border ? many * many : many;
  const along = (i, lo, hi) => lo + (i / (many - 1)) * (hi - lo);
  const U = Float64Array.from({ length: count }, (_, i) => along(i % many, x0, x1));
  const V = Float64Array.from({ length: count }, (_, i) => along(Math.floor(i / many), y0, y1));
  const [first, second] = model.inputs, inputs = { [first]: U, ...(second && { [second]: V }) };
  const [z] = evaluate(model.program, new Float64Array(count).fill(x), new Float64Array(count).fill(y), model.program.outputs, inputs);
  if (!border) return [Array.from(U, (u, i) => [u, z[i]])];
  const lines = [];
  for (let j = 0; j < many - 1; j++)
    for (let i = 0; i < many - 1; i++) {
      const corners = [j * many + i, j * many + i + 1, (j + 1) * many + i + 1, (j + 1) * many + i], cuts = [];
      corners.forEach((a, k) => {
        const b = corners[(k + 1) % 4], share = z[a] / (z[a] - z[b]);
        if (z[a] < 0 !== z[b] < 0 && Number.isFinite(share)) cuts.push([U[a] + share * (U[b] - U[a]), V[a] + share * (V[b] - V[a])]);
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) lines.push([cuts[k], cuts[k + 1]]);
    }
  return lines;
}

/** The points of a loss's data, and what each run's model says of them at time t. */
function drawTable(ctx, frame, panel, t, lens, view, theme) {
  const { table } = panel, m = theme.line, now = sampleOf(frame, t);
  for (const r of panel.runs.filter((r) => !view.hidden?.has(r)))
    for (const path of frame.runs[r].paths) {
      const e = path.k ? exp(path.k[now]) : 1;
      ctx.beginPath();
      for (const line of saidOf(table, [path.x[now] * e, path.y[now] * e], view.window))
        line.forEach(([u, v], i) => ctx[i ? "lineTo" : "moveTo"](...project(lens, u, v)));
      ctx.strokeStyle = frame.runs[r].colour, ctx.lineWidth = 2.4 * m;
      ctx.setLineDash(table.border ? [] : frame.runs[r].dash.map((d) => d * m)); // a border is drawn in short pieces
      ctx.stroke(), ctx.setLineDash([]);
    }
  table.points.forEach((point, i) => {
    const [x, y] = project(lens, ...(view.held?.kind === "row" && view.held.index === i ? view.held.at : point));
    disc(ctx, x, y, 7 * m, theme.halo), disc(ctx, x, y, 5.5 * m, theme.ink);
    if (!table.filled[i]) disc(ctx, x, y, 3.2 * m, theme.halo);
  });
}

/**
 * What can be taken hold of, in pixels: the starts, one however many paths leave from it, or the rows of the data.
 * A handle's `kind` is what a request about it is about.
 */
function handlesOf(panel, lens, hidden) {
  if (panel.table) return panel.table.points.map((at, index) => ({ kind: "row", index, at, pixel: project(lens, ...at) }));
  const seen = new Map();
  if (panel.start_handle)
    for (const { path } of pathsOf(panel, hidden)) {
      const index = path.start_index ?? 0;
      if (path.start && !seen.has(index)) seen.set(index, { kind: "start", index, at: path.start, pixel: project(lens, ...path.start) });
    }
  return [...seen.values()];
}

/**
 * One panel at time t. The view says how it is looked at: left and bottom gutters, width and height of the picture,
 * window, gauge and follow of the camera, whether it is `moving` (then ticks fade in and out), hidden runs, `layer`
 * (the background, painted beforehand) and `held` (a start under the finger: {index, at}). Nothing is remembered from
 * one call to the next.
 */
export function drawPanel(ctx, frame, index, t, view, theme) {
  const panel = frame.panels[index], items = pathsOf(panel, view.hidden), [x0, x1] = panel.window;
  const lens = lensOf(cameraAt(frame, panel, t, view), view.window, view.width, view.height);
  lens.leap = panel.traces ? (lens.ux * (x1 - x0)) / 2 : Infinity;
  theme = onGround(theme, panel);
  ctx.clearRect(0, 0, view.left + view.width + view.right, view.height + view.bottom);
  ctx.save();
  ctx.translate(view.left, 0);
  if (view.layer) ctx.drawImage(view.layer, 0, 0, view.width, view.height);
  drawTicks(ctx, ticksOf(panel, lens, view, theme), view, theme);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, 0, view.width, view.height);
  ctx.clip();
  const cloud = frame.trails === false;
  if (cloud) drawCloud(ctx, frame, items, t, lens, theme);
  const heads = cloud ? [] : items.map((item) => drawTrail(ctx, frame, item, t, lens, view, theme));
  const far = exp(lens.s) > 4; // a start that the camera has left behind is a landmark, no longer a handle
  if (panel.table) drawTable(ctx, frame, panel, t, lens, view, theme);
  else for (const { index: i, at: start } of handlesOf(panel, lens, view.hidden)) {
    const [x, y] = project(lens, ...(view.held?.kind === "start" && view.held.index === i ? view.held.at : start));
    drawHandle(ctx, x, y, theme, far);
  }
  if (panel.rays) heads.forEach((head) => head && drawRay(ctx, head, lens, view, theme));
  for (const echo of panel.echoes) if (!view.hidden?.has(echo.r)) drawEcho(ctx, echo, t / frame.every, lens, theme);
  const many = new Set(items.map((item) => item.r)).size > 1;
  const labels = [];
  items.forEach((item, i) => {
    if (!heads[i]) return;
    const spot = drawHead(ctx, item, heads[i], t, view, theme);
    const words = [many && item.p === 0 ? item.run.label : "", stopped(item.path, t) ? STOPS[item.path.status] : ""].filter(Boolean).join(" · ");
    if (words) labels.push({ text: words, spots: [spot] });
  });
  const note = { text: gaugeText(view.gauge), away: 0, spots: [[view.width - 10, 1.1 * theme.small]] };
  const notes = panel.camera.kind === "zoom" && view.gauge < 1 ? [note] : [];
  drawLabels(ctx, [...notes, ...labels], labels.map(({ spots: [[x, y]] }) => [x - 8, y - 8, x + 8, y + 8]), view, theme);
  ctx.restore();
  ctx.restore();
}

/** Arrows of −gradient on a grid fixed to the landscape, so that they travel with it when it is dragged. */
function drawQuiver(ctx, field, lens, home, width, height, theme) {
  const { n, lo, hi } = field.quiver, scale = field.scale_invariant ? 1 : exp(lens.s);
  const start = width / n / lens.ux, wanted = (home[1] - home[0]) / n;
  const cell = wanted * pow(2, Math.round(Math.log2(start / wanted)));
  const [x0, y1] = unproject(lens, 0, 0), [x1, y0] = unproject(lens, width, height);
  const X = [], Y = [];
  for (let j = Math.ceil((y0 - home[2]) / cell - 0.5); home[2] + (j + 0.5) * cell < y1; j++)
    for (let i = Math.ceil((x0 - home[0]) / cell - 0.5); home[0] + (i + 0.5) * cell < x1; i++)
      X.push((home[0] + (i + 0.5) * cell) * scale), Y.push((home[2] + (j + 0.5) * cell) * scale);
  const [loss, gx, gy] = evaluateField(field, Float64Array.from(X), Float64Array.from(Y));
  const longest = 0.5 * cell * lens.ux;
  ctx.beginPath();
  X.forEach((x, i) => {
    const g = Math.hypot(gx[i], gy[i]);
    const px = lens.ox + (lens.ux * x) / scale, py = lens.oy + (lens.uy * Y[i]) / scale;
    if (!(g > 0 && g < Infinity && loss[i] - loss[i] === 0)) return;
    if (field.scale_invariant && Math.hypot(px - lens.ox, py - lens.oy) < 0.03 * width) return; // the origin is singular
    const length = longest * (0.3 + 0.7 * clamp((log(g) - lo) / (hi - lo || 1), 0, 1)), barb = min(3.5, 0.4 * length);
    const a = atan2(-gy[i] * lens.uy, -gx[i] * lens.ux), c = cos(a), d = sin(a);
    const tx = px + (c * length) / 2, ty = py + (d * length) / 2;
    ctx.moveTo(px - (c * length) / 2, py - (d * length) / 2), ctx.lineTo(tx, ty);
    ctx.moveTo(tx - barb * (c - 0.6 * d), ty - barb * (d + 0.6 * c));
    ctx.lineTo(tx, ty), ctx.lineTo(tx - barb * (c + 0.6 * d), ty - barb * (d - 0.6 * c));
  });
  ctx.strokeStyle = "rgba(255,255,255,.38)", ctx.lineWidth = theme.line, ctx.lineCap = "round";
  ctx.stroke();
}

/** The colours of a loss on a canvas, its isolines among them, and its arrows. */
function drawField(ctx, field, lens, home, { width, height, coarse, contours, quiver, shift }, theme) {
  const most = coarse ? (field.scale_invariant ? 240 : 150) : 520;
  const cols = min(ctx.canvas.width, most), rows = max(1, Math.round((cols * height) / width));
  const tile = document.createElement("canvas");
  tile.width = cols, tile.height = rows;
  const image = new ImageData(cols, rows);
  const positions = fieldPositions(field, lens, width, height, cols, rows, shift);
  const always = field.quantity === "sharpness"; // the line at the threshold is what it is about
  paint(image.data, positions, cols, rows, field.colours.lut, contours || always ? (field.contours?.levels ?? 12) : 0);
  tile.getContext("2d").putImageData(image, 0, 0);
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(tile, 0, 0, width, height);
  if (theme.dark) ctx.fillStyle = "rgba(10,12,16,.13)", ctx.fillRect(0, 0, width, height);
  if (quiver && field.quiver) drawQuiver(ctx, field, lens, home, width, height, theme);
}

/** What theory says of a panel: curves and points with their names, and the names of the axes at their ends. */
export function drawTheory(ctx, panel, lens, view, theme) {
  const { width, height } = view, m = theme.line, size = theme.small, labels = [], lines = [], taken = [];
  for (const { x, y, label } of panel.curves ?? []) {
    const seen = [];
    ctx.beginPath();
    for (let i = 0, pen = false; i < x.length; i++) {
      const spot = project(lens, x[i], y[i]), shown = Number.isFinite(spot[0] + spot[1]) && abs(spot[1]) < 1e5;
      if (shown) pen ? ctx.lineTo(...spot) : ctx.moveTo(...spot);
      if (shown && spot[0] > 0 && spot[0] < width && spot[1] > 0 && spot[1] < height) seen.push(spot);
      pen = shown;
    }
    ctx.setLineDash([5 * m, 4 * m]), ctx.lineWidth = 1.25 * m, ctx.globalAlpha = 0.6, ctx.strokeStyle = theme.ink;
    ctx.stroke();
    ctx.setLineDash([]), ctx.globalAlpha = 1;
    lines.push(...seen.map(([a, b]) => [a - 2, b - 2, a + 2, b + 2]));
    if (label) labels.push({ text: label, away: 7 * m, spots: seen.filter((_, i) => i % Math.ceil(seen.length / 40) === 0) });
  }
  for (const { x, y, label } of panel.points ?? []) {
    const [a, b] = project(lens, x, y);
    ctx.beginPath(), ctx.arc(a, b, 4 * m, 0, 2 * Math.PI);
    for (const [thick, colour] of [[4, theme.halo], [1.75, theme.ink]]) ctx.lineWidth = thick * m, ctx.strokeStyle = colour, ctx.stroke();
    lines.push([a - 6, b - 6, a + 6, b + 6]);
    if (label) labels.push({ text: label, away: 9 * m, spots: [[a, b]] });
  }
  const names = [[panel.axes?.x?.label, width - 8, height - size], [panel.axes?.y?.label, 8, 1.1 * size]].filter(([name]) => name);
  drawLabels(ctx, names.map(([text, ...spot]) => ({ text, away: 0, spots: [spot] })), taken, view, theme, 400);
  drawLabels(ctx, labels, [...taken, ...lines], view, theme, 400);
}

/** Everything in a panel that stays while its camera does, on a canvas of its own with rounded corners. */
function renderLayer(canvas, field, panel, lens, view, theme) {
  const { width, height, ratio } = view, ctx = canvas.getContext("2d"), ground = onGround(theme, panel);
  canvas.width = Math.round(width * ratio), canvas.height = Math.round(height * ratio);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.beginPath(), ctx.roundRect(0, 0, width, height, 8), ctx.clip();
  if (field) drawField(ctx, field, lens, panel.window, view, theme);
  else drawGrid(ctx, ticksOf(panel, lens, view, theme), view, theme);
  drawTheory(ctx, panel, lens, view, ground);
}

// ──── strips ────

/** Where between bottom (0) and top (1) of a strip a value lies. Where the strip is logarithmic, values are natural logs already. */
export const stripScale = ({ lo, hi }) => (v) => (Number.isFinite(v) ? (hi > lo ? clamp((v - lo) / (hi - lo), -0.02, 1.02) : 0.5) : NaN);

/**
 * A quantity over time as a line, from one index to another. Where it has more values than there are columns and a
 * `thickness` is given, it is instead an area to be filled, from the lowest to the highest of each column: far faster
 * than a stroke to and fro.
 */
function traceLine(ctx, array, height, width, [from, to], thickness = 0) {
  const last = array.length - 1, share = array.length > 2 * width ? array.length / width : 1;
  let pen = false, wasLow = 0, wasHigh = 0;
  for (let start = from; start <= to; start += share) {
    let low = Infinity, high = -Infinity;
    for (let i = floor(start), end = min(start + share, to + 1); i < end; i++) {
      const y = height(array[i]);
      if (y < low) low = y;
      if (y > high) high = y;
    }
    const x = (floor(start) / (last || 1)) * width, seen = low <= high;
    if (seen && share > 1 && thickness) {
      const top = (pen ? min(low, wasHigh) : low) - thickness / 2, bottom = (pen ? max(high, wasLow) : high) + thickness / 2;
      ctx.rect(Math.round(x), top, 1, bottom - top);
    } else if (seen) pen ? ctx.lineTo(x, low) : ctx.moveTo(x, low);
    pen = seen, wasLow = low, wasHigh = high;
  }
}

/** Between two quantities over time, where both have a value; at most two corners for a column. */
function traceBand(ctx, [low, high], height, width) {
  const last = low.length - 1, every = max(1, floor(low.length / (2 * width))), known = [];
  for (let i = 0; i <= last; i += every) if (Number.isFinite(height(low[i]) + height(high[i]))) known.push(i);
  for (const i of known) ctx.lineTo((i / (last || 1)) * width, height(high[i]));
  for (const i of known.reverse()) ctx.lineTo((i / (last || 1)) * width, height(low[i]));
}

/** Everything in a strip that does not move. What lies beyond a path's horizon is drawn as its trail is: lighter, and dashed. */
export function renderStrip(ctx, frame, strip, hidden, width, height, theme) {
  const scale = stripScale(strip), y = (v) => height - 3 - scale(v) * (height - 6);
  ctx.lineJoin = "round";
  for (const { array, dash } of strip.guides) {
    ctx.beginPath(), traceLine(ctx, array, (v) => (v >= strip.lo && v <= strip.hi ? y(v) : NaN), width, [0, array.length - 1]);
    ctx.setLineDash(dash), ctx.lineWidth = 1.25 * theme.line, ctx.strokeStyle = theme.text;
    ctx.stroke();
  }
  for (const { run: r, path, array, band } of strip.series) {
    if (hidden.has(r)) continue;
    const run = frame.runs[r], thickness = 1.5 * theme.line, dense = array.length > 2 * width, last = array.length - 1;
    const horizon = floor(clamp((run.paths[path]?.horizon ?? Infinity) / (frame.steps || 1), 0, 1) * last); // a crowd has none
    if (band) {
      ctx.globalAlpha = 0.22, ctx.fillStyle = run.colour;
      ctx.beginPath(), traceBand(ctx, band, y, width), ctx.fill();
    }
    for (const [from, to, dash, alpha] of [[0, horizon, run.dash ?? [], 1], [horizon, last, BEYOND, 0.75]]) {
      if (from === to && from) continue;
      ctx.globalAlpha = alpha, ctx.lineWidth = thickness, ctx.setLineDash(dash), ctx.strokeStyle = ctx.fillStyle = run.colour;
      ctx.beginPath(), traceLine(ctx, array, y, width, [from, to], thickness), dense ? ctx.fill() : ctx.stroke();
    }
  }
}

/** The words in a strip: what its guides are and, where there is room and the future is no secret, the ends of its range. */
function drawStripWords(ctx, strip, width, height, theme, told) {
  const scale = stripScale(strip), size = theme.small;
  ctx.font = `400 ${size}px ${theme.font}`, ctx.textBaseline = "middle";
  const say = (text, x, y) => write(ctx, text, x, clamp(y, 0.6 * size, height - 0.7 * size), theme.muted, theme.background);
  for (const { array, label } of strip.guides) {
    const last = array.findLastIndex((v) => v >= strip.lo && v <= strip.hi), y = height - 3 - scale(array[last]) * (height - 6);
    if (label && last >= 0) say(label, min((last / (array.length - 1)) * width + 6, width - ctx.measureText(label).width - 2), y > 1.5 * size ? y - 0.7 * size : y + 0.9 * size);
  }
  if (height < 6 * theme.unit || !told) return;
  say(stripText(strip, strip.hi), 4, 0.7 * size);
  say(stripText(strip, strip.lo), 4, height - 0.9 * size);
}

/** A strip at time t: the past in full, the future faint, the present a line. */
function drawStrip(ctx, frame, strip, layer, t, horizon, { width, height, ratio }, theme) {
  const x = (clamp(t, 0, frame.steps) / (frame.steps || 1)) * width;
  ctx.clearRect(0, 0, width, height);
  ctx.strokeStyle = theme.border, ctx.lineWidth = 1, ctx.setLineDash([]);
  ctx.beginPath(), ctx.moveTo(0, height - 0.5), ctx.lineTo(width, height - 0.5), ctx.stroke();
  ctx.globalAlpha = frame.future === false ? 0 : 0.38;
  ctx.drawImage(layer, 0, 0, width, height);
  ctx.globalAlpha = 1;
  const cut = Math.round(x * ratio);
  if (cut > 0) ctx.drawImage(layer, 0, 0, cut, layer.height, 0, 0, cut / ratio, height);
  if (horizon != null) {
    const h = Math.round((horizon / frame.steps) * width) + 0.5;
    ctx.strokeStyle = theme.muted, ctx.setLineDash([2, 3]);
    ctx.beginPath(), ctx.moveTo(h, 0), ctx.lineTo(h, height), ctx.stroke();
  }
  ctx.setLineDash([]);
  drawStripWords(ctx, strip, width, height, theme, frame.future !== false);
  ctx.strokeStyle = theme.text, ctx.lineWidth = 1;
  ctx.beginPath(), ctx.moveTo(x, 0), ctx.lineTo(x, height), ctx.stroke();
}

// ──── the page ────

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const ROLES = ["slider", "spinbutton", "combobox", "listbox", "textbox", "menu", "tablist", "radiogroup", "dialog"];
const TYPING = `input, textarea, select, ${ROLES.map((role) => `[role=${role}]`)}`; // what has keys of its own
const PAUSE_AT_END = 1; // seconds before the scene starts again
const KEYS = [
  ["Space", "play or pause"], ["← →", "one step back or forward"], ["Page Up, Page Down", "the same, for a clicker"], ["Shift ← →", "ten steps"], ["Home End", "first or last step"],
  ["+ −", "faster or slower"], ["L", "loop"], ["C", "camera on or off"], ["[ ]", "camera follows less or more"], ["Q", "arrows of descent"], ["I", "lines of equal loss"],
  ["F", "full screen"], ["0", "reset the view"], ["?", "this list"],
  ["Drag", "move the start, or the picture"], ["Wheel, pinch", "zoom, once the stage has been clicked"],
  ["Click", "put the start here"],
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const ease = (p) => p * p * (3 - 2 * p);

/** What of a frame is built in the page rather than drawn. While a part is the same, its nodes stay, and a drag on them goes on. */
const FURNITURE = {
  panels: ({ panels }) => JSON.stringify(panels.map(({ title, camera }) => [title, camera.kind])),
  strips: ({ strips }) => JSON.stringify(strips.map(({ title, log }) => [title, log])),
  legend: ({ runs }) => JSON.stringify(runs.map(({ label, colour, dash }) => [label, colour, dash])),
};

const RECORDING = "This page plays as a recording: its browser, or who shows it, lets no WebAssembly run.";

/** A slider for every number that a reader may move, in the order of the runs. */
function sliders({ runs, live }, change) {
  const several = live.numbers.filter((given) => given.some(({ label }) => label)).length > 1;
  return live.numbers.flatMap((given, r) => given.filter(({ label }) => label).map((number) => {
    const { name, label, symbol, help, low, high } = number, [from, to] = number.log ? [log(low), log(high)] : [low, high];
    const shown = el("output", {}, formatNumber(number.value));
    const input = el("input", {
      type: "range", class: "zo-scrubber", min: 0, max: 1000, step: 1, value: Math.round((1000 * ((number.log ? log(number.value) : number.value) - from)) / (to - from || 1)),
      oninput: (e) => {
        const at = from + (Number(e.target.value) / 1000) * (to - from), value = Number((number.log ? exp(at) : at).toPrecision(3)); // what is written beside it is what runs
        shown.textContent = formatNumber(value);
        e.target.setAttribute("aria-valuetext", shown.textContent);
        change(r, name, value);
      },
    });
    return el("label", { class: "zo-number", title: help }, [label, symbol, several ? `· ${runs[r].label}` : ""].filter(Boolean).join(" "), input, shown);
  }));
}

let taken = false; // whether a start has been moved yet: until then the first handle asks to be
let active = null; // the stage that keys go to when the focus is on none
class Stage {
  frame = null;
  t = 0;
  playing = false;
  speed = 1;
  loop = true;
  zooming = 1; // the gauge of the zoom panels
  following = 0; // the same for fixed panels
  glide = null; // the camera on its way: {from, to, since}
  contours = false;
  quiver = true;
  hidden = new Set();
  edition = 0; // of what theory says in the panels
  windows = new Map(); // panels with the same home window are looked at through the same one
  pointers = new Map();
  drag = null;
  held = null; // a start under the finger, drawn before the server has answered
  inFlight = null;
  waiting = null;
  visible = true;
  engaged = false; // clicked or tapped: from then on the wheel and one finger belong to the picture, not to the page
  stats = { draws: 0, frameMs: [] };

  constructor(root, host) {
    Object.assign(this, { root, host });
    root.replaceChildren();
    root.classList.add("zoomout-stage");
    root.tabIndex = 0;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Stage: a moving picture with its controls");
    root.setAttribute("aria-busy", "true");
    if (new URLSearchParams(location.search).get("mode") === "lecture") root.dataset.mode = "lecture";
    this.asked = host?.around ? {} : seenIn(host?.request ? location.search : location.hash.slice(1)); // until a scene has come
    this.build();
    this.off = new AbortController();
    const on = (target, type, f, options = {}) => target.addEventListener(type, f, { signal: this.off.signal, ...options });
    on(window, "keydown", (e) => this.key(e), { capture: true }); // before the page's own shortcuts
    on(document, "visibilitychange", () => this.wake());
    on(document, "fullscreenchange", () => this.fullscreenChanged());
    on(document, "pointerdown", (e) => {
      if (!e.composedPath().includes(root)) this.engaged = false;
      else if (e.pointerType !== "touch") this.engaged = true;
    }, { capture: true });
    on(root, "focusin", () => (active = this));
    on(window, "resize", () => this.layout());
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.layout());
    this.sizes = watchPlace(root, () => this.layout());
    this.sight = new IntersectionObserver(([entry]) => ((this.visible = entry.isIntersecting), this.wake()));
    this.sight.observe(root);
    if (!host?.around) active ??= this; // in a text the keys are the page's until a stage is touched
    this.expose();
  }

  /** What browser tests may read and drive. */
  expose() {
    const stage = this;
    this.root.__zoomout = {
      get t() { return stage.t; }, get playing() { return stage.playing; }, get frame() { return stage.frame; }, get stats() { return stage.stats; },
      get speed() { return stage.speed; }, get gauge() { return stage.zooming; }, get windows() { return [...stage.windows.values()]; },
      seek: (t) => stage.seek(t), play: () => stage.play(true), pause: () => stage.play(false), panels: () => stage.panels.map(({ view }) => view),
      get plane() { return stage.plane(); }, resize: () => stage.layout(),
    };
  }

  /** The panel on which a point of the plane can be marked: where it lies in its box, and the lens it is seen through. */
  plane() {
    const item = this.panels?.find(({ index }) => !this.frame.panels[index].traces && this.frame.panels[index].camera.kind !== "zoom");
    if (!item?.view) return null;
    const { view: { left, width, height }, canvas, figure } = item;
    return { box: figure, left, top: canvas.offsetTop, width, height, lens: this.lensOf(item), window: this.viewOf(item).window };
  }

  /** Where the clock stops: at the last step, or where a page around the stage holds it. */
  get end() { return min(this.frame.steps, this.host?.around?.until() ?? Infinity); }

  build() {
    const seekBy = (n) => () => this.seek(Math.round(this.t) + n);
    const parts = (this.parts = {});
    parts.panels = el("div", { class: "zo-panels" });
    parts.strips = el("div", { class: "zo-strips" });
    parts.play = button("play", "Play (Space)", () => this.play(!this.playing), "zo-play");
    parts.scrubber = el("input", {
      type: "range", class: "zo-scrubber", min: 0, max: 1, step: 1, value: 0, "aria-label": "Step", oninput: (e) => this.seek(Number(e.target.value)),
    });
    parts.mark = el("div", { class: "zo-mark", hidden: "" }, el("span"));
    parts.counter = el("div", { class: "zo-counter" });
    parts.speed = button("1×", "Speed (+ and −)", () => this.setSpeed(SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length]), "zo-speed");
    parts.full = button("full", "Full screen (F)", () => this.fullscreen());
    parts.transport = el("div", { class: "zo-transport" }, parts.play,
      el("div", { class: "zo-steps" }, button("backTen", "Ten steps back (Shift ←)", seekBy(-10), "zo-ten"), button("back", "One step back (←)", seekBy(-1)),
        button("forward", "One step forward (→)", seekBy(1)), button("forwardTen", "Ten steps forward (Shift →)", seekBy(10), "zo-ten")),
      el("div", { class: "zo-track" }, parts.mark, parts.scrubber), parts.counter, parts.speed, parts.full);
    parts.legend = el("div", { class: "zo-legend", role: "group", "aria-label": "Runs" });
    parts.loop = button("loop", "Loop (L)", () => this.toggle("loop"));
    parts.camera = button("camera", "Camera (C)", () => this.toggleCamera());
    parts.contours = button("contours", "Lines of equal loss (I)", () => this.toggle("contours"));
    parts.quiver = button("quiver", "Arrows of descent (Q)", () => this.toggle("quiver"));
    parts.gauge = el("input", {
      type: "range", class: "zo-scrubber", min: 0, max: 1, step: 0.01, "aria-label": "How far the camera follows the growth",
      oninput: (e) => this.setGauge(Number(e.target.value)),
    });
    parts.gaugeBox = el("label", { class: "zo-gauge", title: "How far the camera follows the growth ([ and ])" }, "camera", el("i", {}, "stays"), parts.gauge, el("i", {}, "zooms out"));
    parts.pictures = el("div", { class: "zo-pictures" }, parts.panels, parts.gaugeBox);
    parts.home = button("home", "Reset the view (0)", () => this.resetView());
    parts.helpButton = button("help", "Keys (?)", () => this.help());
    parts.tools = el("div", { class: "zo-tools" }, parts.legend,
      el("div", { class: "zo-toggles" }, parts.home, parts.loop, parts.camera, parts.contours, parts.quiver, parts.helpButton));
    parts.now = el("p", { class: "zo-now" });
    parts.caption = el("p", { class: "zo-caption" });
    parts.numbers = el("div", { class: "zo-numbers", role: "group", "aria-label": "Numbers" });
    parts.live = el("div", { class: "zo-unseen", "aria-live": "polite" });
    parts.close = button("close", "Close (Esc)", () => this.help(false));
    parts.help = el("div", { class: "zo-help", role: "dialog", "aria-label": "Keys", hidden: "" },
      el("div", { class: "zo-help-title" }, "Keys", parts.close),
      el("dl", {}, ...KEYS.flatMap(([key, what]) => [el("dt", {}, key), el("dd", {}, what)])));
    parts.progress = el("div", { class: "zo-progress", role: "progressbar", "aria-label": "Computing", hidden: "" });
    this.body = el("div", { class: "zo-body" }, parts.pictures, parts.strips);
    this.root.append(parts.progress, parts.now, this.body, parts.transport, parts.tools, parts.numbers, parts.caption, parts.live, parts.help);
    this.root.classList.add("zo-empty");
  }

  // ── data ──

  update(given) {
    if (!given?.length && !given?.header) return;
    const source = given.header ? given : unpack(given);
    const frame = decode(source), before = this.frame, same = before?.key === frame.key;
    this.frame = frame;
    if (frame.live) this.comeAlive(source);
    this.root.classList.remove("zo-empty");
    this.root.removeAttribute("aria-busy");
    if (this.inFlight && frame.id >= this.inFlight.id) this.inFlight = null;
    if (!this.drag && !this.inFlight && !this.waiting) this.held = null;
    if (same) this.t = min(this.t, frame.steps);
    else {
      this.t = frame.clock?.t ?? 0;
      this.hidden.clear(), this.windows.clear();
      this.contours = Boolean(frame.fields[0]?.contours);
      this.zooming = 1, this.following = 0, this.glide = null, this.drag = this.held = null;
      this.playing = Boolean(frame.clock?.autoplay) && !still();
      this.show(this.asked ?? {});
      this.asked = null;
    }
    const changed = Object.entries(FURNITURE).filter(([, of]) => !before || of(before) !== of(frame)).map(([part]) => part);
    if (changed.includes("panels")) this.furnishPanels();
    if (changed.includes("strips")) this.furnishStrips();
    if (changed.includes("legend") || !same) this.furnishLegend();
    this.root.classList.toggle("zo-twins", frame.caption?.kind === "twins");
    this.parts.scrubber.max = frame.steps;
    this.describe();
    this.edition++;
    if (changed.length || JSON.stringify(this.theme) !== JSON.stringify(themeOf(this.root))) this.layout();
    else {
      this.strips.forEach((item) => this.repaintStrip(item));
      this.shown = null;
      this.draw();
    }
    this.pump();
    this.showProgress();
    this.wake();
  }

  /** Where there is no server a page answers itself; where it may not, it plays as a recording and says so. */
  async comeAlive(source) {
    try {
      const request = await answering(source, (made) => this.update(made));
      this.host = { ...this.host, request, alone: true };
      this.parts.numbers.replaceChildren(...sliders(source.header, (run, name, value) => this.requestNumber(run, name, value)));
    } catch {
      this.frame.caption.note = [this.frame.caption.note, RECORDING].filter(Boolean).join(" ");
    }
    this.shown = null;
    if (!this.destroyed) this.describe(), this.draw();
  }

  /** Opens as an address says. */
  show(asked) {
    const { frame } = this, [t] = numbersIn(asked.t), [camera] = numbersIn(asked.camera), window = numbersIn(asked.window);
    for (const r of numbersIn(asked.hidden)) if (frame.runs[r]) this.hidden.add(r);
    if (t !== undefined) this.t = clamp(t, 0, frame.steps), this.playing = asked.play === "1" && !still();
    if (asked.play === "0") this.playing = false;
    if (camera !== undefined) this[this.hasZoom() ? "zooming" : "following"] = clamp(camera, 0, 1);
    if (window.length === 4 && window[0] < window[1] && window[2] < window[3]) this.windows.set(String(frame.panels[0].window), window);
  }

  /** What is seen, for an address: nothing where it is as it begins. */
  seen() {
    const { t, playing, hidden, frame } = this, camera = this.hasZoom() ? this.zooming : this.following;
    const window = this.windows.get(String(frame.panels[0].window));
    return {
      ...(playing ? {} : { t: Number(t.toFixed(2)), play: 0 }), ...(camera === (this.hasZoom() ? 1 : 0) ? {} : { camera: Number(camera.toFixed(2)) }),
      ...(hidden.size ? { hidden: [...hidden].join() } : {}), ...(window ? { window: window.join() } : {}),
    };
  }

  /** Writes what is seen into the address, once it rests. */
  remember() {
    if (!this.host?.request || this.host.alone) return;
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => {
      const address = location.pathname + withSeen(location.search, this.seen());
      if (address !== location.pathname + location.search) history.replaceState(history.state, "", address);
    }, 300);
  }

  furnishPanels() {
    const { frame, parts } = this;
    this.panels = frame.panels.map((panel, index) => {
      const canvas = el("canvas", { role: "img" });
      const title = el("span", { class: "zo-title", title: panel.title ?? "" }, panel.title ?? "");
      const norm = el("span", { class: "zo-norm" }), readout = el("div", { class: "zo-readout", hidden: "" });
      const figure = el("div", { class: "zo-panel" }, el("div", { class: "zo-head" }, title, norm), canvas, readout);
      const item = { index, canvas, ctx: canvas.getContext("2d"), figure, starts: new Map(), title, norm, readout, cover: document.createElement("canvas"), covered: "" };
      this.listen(item);
      return item;
    });
    parts.panels.replaceChildren(...this.panels.map((p) => p.figure));
  }

  furnishStrips() {
    const { frame, parts } = this;
    this.strips = frame.strips.map((strip, index) => {
      const label = `${strip.title}${strip.log ? ", logarithmic" : ""}, over all steps`;
      const canvas = el("canvas", { role: "img", "aria-label": label }), value = el("span", { class: "zo-value" });
      const name = el("span", { class: "zo-name", title: strip.title }, strip.title);
      const scale = strip.log ? el("span", { class: "zo-log" }, "log") : null;
      const box = el("div", { class: "zo-strip" }, el("div", { class: "zo-head" }, name, scale, value), canvas);
      const seek = (e) => this.seek(Math.round(((e.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth) * this.frame.steps));
      canvas.addEventListener("pointerdown", (e) => (canvas.setPointerCapture(e.pointerId), seek(e)));
      canvas.addEventListener("pointermove", (e) => e.buttons && seek(e));
      return { index, canvas, ctx: canvas.getContext("2d"), value, box, still: document.createElement("canvas") };
    });
    parts.strips.replaceChildren(...this.strips.map((s) => s.box));
  }

  furnishLegend() {
    const { frame, parts } = this;
    const run = (run, r) => {
      const switches = { "aria-pressed": !this.hidden.has(r), title: "Show or hide", onclick: (e) => this.toggleRun(r, e.currentTarget) };
      return el("button", { type: "button", class: "zo-run", ...switches }, swatch(run), run.label);
    };
    parts.legend.replaceChildren(...(frame.runs.length < 2 ? [] : frame.runs.map(run)));
  }

  describe() {
    const { frame, parts } = this;
    const words = (panel) => `${panel.title ?? "Picture"}. ${frame.summary ?? ""}`;
    this.panels.forEach(({ canvas, title, index }) => {
      const panel = frame.panels[index], follows = panel.camera.kind !== "zoom" || this.zooming === 1;
      canvas.setAttribute("aria-label", words(panel));
      title.textContent = follows ? panel.title : panel.title.replace(", zooming out", ""); // how far it does, the picture says
    });
    parts.gauge.value = this.zooming, parts.gauge.style.setProperty("--done", this.zooming);
    parts.gauge.setAttribute("aria-valuetext", gaugeText(this.zooming));
    const h = horizonOf(frame, this.hidden), p = h / (frame.steps || 1);
    parts.mark.hidden = h == null || h > frame.steps;
    parts.mark.style.setProperty("--at", p);
    parts.mark.firstChild.textContent = frame.horizon_text || `predictive until step ${h}`;
    parts.camera.hidden = frame.panels.every((panel) => panel.traces);
    parts.gaugeBox.hidden = !this.hasZoom();
    const switches = { loop: this.loop, camera: this.cameraOn(), contours: this.contours, quiver: this.quiver };
    for (const [name, on] of Object.entries(switches)) parts[name].setAttribute("aria-pressed", on);
    parts.contours.hidden = !frame.fields.length;
    parts.quiver.hidden = !frame.fields.some((f) => f.quiver);
    parts.speed.textContent = `${this.speed}×`;
    parts.home.hidden = !this.windows.size;
    this.remember();
  }

  // ── size ──

  /** Panels as large as width and height allow, with the strips below them or, where that makes the picture larger, beside. */
  layout() {
    const { frame, root, parts } = this;
    if (!frame || !root.clientWidth) return;
    const full = root.classList.contains("zo-full");
    const served = Boolean(this.host?.request) && !this.host.alone;
    const short = !served && !this.host?.around && !full && innerHeight <= SHORT; // a frame in somebody's article: the pictures and one line
    root.classList.toggle("zo-short", short);
    root.classList.toggle("lecture", root.dataset.mode === "lecture" || (full && innerWidth >= 1600));
    this.theme = themeOf(root);
    const u = this.theme.unit, n = frame.panels.length, style = getComputedStyle(root);
    const around = full ? null : this.host?.around, screen = around?.height() ?? innerHeight;
    root.classList.toggle("zo-medium", root.clientWidth < 75 * u);
    const pad = (...sides) => sum(sides.map((name) => parseFloat(style[`padding${name}`])));
    const inner = root.clientWidth - pad("Left", "Right"), gap = 1.5 * u;
    const gutter = (panel, i) => {
      const before = frame.panels[i - 1];
      if (i && before.camera.kind === panel.camera.kind && String(before.window) === String(panel.window)) return 0;
      return (panel.camera.kind === "zoom" ? (root.clientWidth < 640 ? 3.6 : 4.2) : 2.6) * u;
    };
    let gutters = short && inner <= SHORT - 120 ? frame.panels.map(() => 0) : frame.panels.map(gutter);
    const narrow = inner <= 640;
    root.classList.toggle("zo-narrow", narrow); // before anything is measured
    const top = full || around ? 0 : topOf(root), foot = 2 * u, head = 1.9 * u;
    const rest = sum([parts.now, parts.gaugeBox, parts.transport, parts.tools, parts.caption].map((e) => e.offsetHeight)) + 1.75 * u + pad("Top", "Bottom");
    const room = screen - top - rest - foot - head - (full || around ? 0 : short ? 36 : 8);
    const count = short ? 0 : frame.strips.length;
    const perRow = inner >= 11 * u * count ? count || 1 : narrow ? 2 : Math.ceil(count / 2), rows = Math.ceil(count / perRow);
    const tight = !narrow && perRow > 1 && inner / perRow < 16 * u; // then the values go under the titles
    const below = rows * (tight || narrow ? 8.1 : 6.6) * u;
    const share = (width) => (width - sum(gutters) - gap * (n - 1)) / n;
    const column = max(13 * u, n === 1 ? 0.34 * inner : 0);
    const under = min(share(inner), max(room - below, 220)), beside = min(share(inner - column - 2 * u), room);
    const side = !narrow && count > 0 && beside > under * (n === 1 ? 0.9 : 1.04);
    let size = floor(side ? beside : under);
    const stack = !short && n > 1 && !side && share(inner) < (narrow ? 160 : 130);
    if (stack) {
      gutters = gutters.map(() => max(...gutters));
      const apart = foot + head + u, each = around ? (room - below - (n - 1) * apart) / n : screen * 0.62;
      size = floor(min(inner - gutters[0], max(each, around ? 120 : 260)));
    } else if (short) size = floor(min(share(inner), max(room, 80)));
    else if (narrow) size = floor(min(share(inner), around ? max(room - below, 160) : screen * 0.7));
    // rather a little wider, or taller, than leave a gap
    const wide = stack ? (around ? clamp(inner - gutters[0] - size, 0, 0.8 * size) : 0) : clamp(share(side ? inner - column - 2 * u : inner) - size, 0, 0.45 * size);
    const tall = stack || narrow ? 0 : clamp(room - (side ? 0 : below) - size, 0, 0.22 * size);
    root.classList.toggle("zo-beside", side), root.classList.toggle("zo-stacked", stack);
    root.classList.toggle("zo-tight", !side && (tight || narrow));
    root.style.setProperty("--zo-column", `${column}px`);
    const ratio = min(devicePixelRatio || 1, 3);
    this.panels.forEach((item, i) => {
      const view = { left: gutters[i], right: narrow || short ? 0 : 24, bottom: foot, width: floor(size + wide), height: floor(size + tall), ratio };
      item.view = view;
      item.figure.style.paddingLeft = `${view.left}px`;
      fit(item.canvas, view.left + view.width + view.right, view.height + view.bottom, ratio);
      item.canvas.style.margin = `0 ${-view.right}px 0 ${-view.left}px`;
      item.figure.style.width = `${view.left + view.width}px`;
      item.covered = "";
    });
    const zoomed = this.panels.findIndex(({ index }) => frame.panels[index].camera.kind === "zoom");
    parts.gaugeBox.style.width = narrow || zoomed < 0 ? "" : `${this.panels[zoomed].view.width}px`;
    const pictures = sum(gutters) + sum(this.panels.map(({ view }) => view.width)) + gap * (n - 1);
    const across = side ? inner - pictures - 2 * u : inner - gutters[0];
    parts.strips.style.marginLeft = side ? "0" : `${narrow ? 0 : gutters[0]}px`;
    const slots = count || 1, cells = side ? 1 : perRow;
    const width = floor(((side ? across : narrow ? inner : across) - gap * (cells - 1)) / cells);
    const height = side ? clamp(floor((size + tall + head - u * (slots - 1)) / slots - 1.6 * u), 36, 0.75 * width) : 4 * u;
    this.strips.forEach((item) => {
      item.view = { width: max(width, 40), height, ratio };
      fit(item.canvas, item.view.width, height, ratio);
      item.box.style.width = `${item.view.width}px`;
      this.repaintStrip(item);
    });
    root.laidOut = standing(root);
    this.shown = null;
    this.draw();
  }

  repaintStrip({ still, index, view }) {
    fit(still, view.width, view.height, view.ratio);
    renderStrip(still.getContext("2d"), this.frame, this.frame.strips[index], this.hidden, view.width, view.height, this.theme);
  }

  // ── time ──

  get rate() { return (this.frame.steps / (this.frame.clock?.seconds || 11)) * this.speed; }

  wake(now = performance.now()) {
    if (!this.frame || this.ticking || this.destroyed || (!this.playing && !this.glide) || !this.visible || document.hidden) return;
    this.ticking = true;
    requestAnimationFrame((next) => this.tick(next, clamp((next - now) / 1000, 0, 0.1)));
  }

  tick(now, dt) {
    this.ticking = false;
    if (this.destroyed) return;
    if (this.playing) this.advance(dt);
    if (this.glide) {
      const { what, from, to, since } = this.glide, p = clamp((now - since) / 400, 0, 1);
      this[what] = from + (to - from) * ease(p);
      if (p === 1) this.glide = null;
      this.describe();
    }
    this.draw();
    this.wake(now);
  }

  advance(dt) {
    const { end } = this;
    if (this.t < end) {
      this.t = min(end, this.t + dt * this.rate);
      this.ended = 0;
    } else if (!this.loop || this.host?.around) this.play(false);
    else if ((this.ended = (this.ended ?? 0) + dt) > PAUSE_AT_END) (this.t = 0), (this.ended = 0);
  }

  play(on) {
    if (!this.frame) return;
    if (on && this.t >= this.end) this.t = 0;
    this.playing = on;
    on ? this.wake() : this.say();
    this.remember();
    this.draw();
  }

  seek(t) {
    if (!this.frame) return;
    this.t = clamp(t, 0, this.end);
    this.ended = 0;
    this.draw();
    if (!this.playing) this.say();
  }

  setSpeed(speed) {
    this.speed = speed;
    this.describe();
  }

  /** Tells screen readers what is now seen: when the picture rests, never at every step. */
  say() {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => (this.parts.live.textContent = caption(this.frame, this.t, this.hidden).map((s) => s.text).join("")), 250);
  }

  // ── the picture ──

  viewOf(item) {
    const panel = this.frame.panels[item.index];
    const { width, height } = item.view;
    const window = this.drag?.windows?.[item.index] ?? fitWindow(this.windows.get(String(panel.window)) ?? panel.window, width, height, panel.equal_aspect !== false);
    const moving = Boolean(this.glide) || this.parts.gauge.matches(":active") || (this.playing && (panel.camera.kind === "zoom" || this.following > 0));
    return { ...item.view, window, gauge: this.zooming, follow: this.following, moving, hidden: this.hidden, held: this.held };
  }

  lensOf(item, view = this.viewOf(item)) {
    return lensOf(cameraAt(this.frame, this.frame.panels[item.index], this.t, view), view.window, view.width, view.height);
  }

  /** What stays, painted again only when something it depends on has changed; roughly while it moves, finely at rest. */
  layerOf(item, view) {
    const panel = this.frame.panels[item.index], field = this.frame.fields[panel.field ?? -1];
    const lens = this.lensOf(item, view), alone = !field || panel.curves || panel.points;
    const shift = field?.shift ? at(field.shift, min(sampleOf(this.frame, this.t), field.shift.length - 1)) : 0; // it moves with the clock
    const place = [lens.ox, lens.oy, lens.ux, lens.uy, field?.scale_invariant ? 0 : lens.s, shift].map((v) => v.toPrecision(10));
    const what = [alone ? `${item.index} ${this.edition}` : field.signature, view.width, view.height, this.theme.dark, this.contours, this.quiver, ...place].join();
    const rough = `rough ${what}`;
    // twins stand on the same ground: it is painted once
    const done = this.panels.find((other) => other.covered === what || (other !== item && other.covered === rough));
    if (done) return done.cover;
    const moving = field && item.wanted !== undefined && item.wanted !== what && item.covered !== "";
    item.wanted = what;
    const options = { ...view, contours: this.contours, quiver: this.quiver, coarse: moving, shift };
    renderLayer(item.cover, field, panel, lens, options, this.theme);
    item.covered = moving ? rough : what;
    if (moving) {
      clearTimeout(item.refining);
      item.refining = setTimeout(() => ((item.covered = ""), this.draw()), 120);
    }
    return item.cover;
  }

  draw() {
    if (!this.frame || !this.theme || !this.panels[0]?.view) return;
    const began = performance.now(), { frame, t, parts, theme } = this;
    for (const item of this.panels) {
      const view = this.viewOf(item);
      drawPanel(item.ctx, frame, item.index, t, { ...view, layer: this.layerOf(item, view) }, theme);
    }
    this.placeStarts();
    const horizon = horizonOf(frame, this.hidden);
    for (const { ctx, still, index, view } of this.strips)
      drawStrip(ctx, frame, frame.strips[index], still, t, horizon, view, theme);
    const step = stepOf(frame, t), shown = [step, this.playing, [...this.hidden], frame.id].join();
    if (shown !== this.shown) this.shown = shown, this.write(step);
    parts.scrubber.style.setProperty("--done", t / (frame.steps || 1));
    this.host?.around?.drawn();
    this.stats.draws++;
    this.stats.frameMs.push(performance.now() - began);
    if (this.stats.frameMs.length > 600) this.stats.frameMs.shift();
  }

  /** Everything in words: only when the step has changed. */
  write(step) {
    if (!this.playing) this.remember();
    const { frame, parts } = this, sample = sampleOf(frame, step);
    for (const item of this.panels) item.norm.textContent = normText(frame, frame.panels[item.index], step, this.hidden);
    for (const { index, value } of this.strips) {
      const shown = frame.strips[index].series.filter(({ run }) => !this.hidden.has(run));
      value.replaceChildren(...(shown.length > 2 ? [] : shown).flatMap(({ run, array }, i) => {
        const dot = shown.length > 1 && el("i", { class: "zo-dot" });
        if (dot) dot.style.background = frame.runs[run].colour;
        return [dot || "", stripText(frame.strips[index], array[sample]), i < shown.length - 1 ? " " : ""];
      }));
    }
    parts.scrubber.value = step;
    parts.scrubber.setAttribute("aria-valuetext", `step ${step} of ${frame.steps}`);
    parts.counter.replaceChildren(el("b", {}, group(String(step))), ` / ${group(String(frame.steps))}`);
    if (parts.play.dataset.on !== String(this.playing)) {
      parts.play.dataset.on = this.playing;
      parts.play.replaceChildren(icon(this.playing ? "pause" : "play"));
      parts.play.title = parts.play.ariaLabel = this.playing ? "Pause (Space)" : "Play (Space)";
    }
    parts.now.replaceChildren(...sentence(frame, step, this.hidden).map(({ text, strong }) => el(strong ? "b" : "span", {}, text)));
    parts.caption.textContent = remarks(frame, step, this.hidden).join(" ");
  }

  /** Over each start of the first panel that shows any, and over each row of data, a button that arrows move. */
  placeStarts() {
    if (!this.host?.request) return;
    const first = this.panels.find((item) => this.handlesIn(item).some(({ kind }) => kind === "start"));
    for (const item of this.panels) {
      const handles = item === first || this.frame.panels[item.index].table ? this.handlesIn(item) : [];
      for (const [index, node] of item.starts)
        if (!handles.some((handle) => handle.index === index)) node.remove(), item.starts.delete(index);
      for (const { kind, index, pixel: [x, y], at } of handles) {
        const node = item.starts.get(index) ?? this.startButton(item, index);
        const place = `left:${Math.round(item.view.left + x)}px;top:${Math.round(item.canvas.offsetTop + y)}px`;
        if (node.dataset.place !== place) node.style.cssText = node.dataset.place = place;
        const words = `${kind === "row" ? "Row" : "Start"} ${index + 1} at ${at.map((v) => formatNumber(v)).join(", ")}; arrow keys move it, with Shift further`;
        if (node.ariaLabel !== words) node.ariaLabel = words;
        node.classList.toggle("zo-asks", !taken && index === 0 && kind === "start");
      }
    }
  }

  startButton(item, index) {
    const node = el("button", { type: "button", class: "zo-start" }, el("span", { class: "zo-ask", "aria-hidden": "true" }, "drag me"));
    node.addEventListener("keydown", (e) => this.nudge(item, index, e));
    item.starts.set(index, node);
    item.figure.append(node);
    return node;
  }

  /** An arrow key moves a start by a hundredth of the picture's width, with Shift by a tenth. */
  nudge(item, index, e) {
    const towards = ARROWS[e.key], handle = this.handlesIn(item).find((handle) => handle.index === index);
    if (!towards || !handle || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault(), e.stopPropagation();
    const lens = this.lensOf(item), far = (e.shiftKey ? 0.1 : 0.01) * item.view.width;
    const held = this.held?.kind === handle.kind && this.held.index === index;
    const [x, y] = project(lens, ...(held ? this.held.at : handle.at));
    const to = this.trueAt(lens, [x + far * towards[0], y - far * towards[1]]);
    if (!to) return;
    this.requestMove(handle, to, false);
    clearTimeout(this.nudging);
    this.nudging = setTimeout(() => this.requestMove(handle, to, true), 300);
  }

  // ── switches ──

  toggle(name) {
    this[name] = !this[name];
    this.panels.forEach((item) => (item.covered = ""));
    this.describe(), this.draw();
  }

  hasZoom() { return this.frame.panels.some((panel) => panel.camera.kind === "zoom"); }

  cameraOn() { return (this.glide ? this.glide.to : this.hasZoom() ? this.zooming : this.following) > 0.5; }

  toggleCamera() {
    const what = this.hasZoom() ? "zooming" : "following", to = this.cameraOn() ? 0 : 1;
    if (still()) this[what] = to;
    else this.glide = { what, from: this[what], to, since: performance.now() };
    this.describe(), this.wake(), this.draw();
  }

  setGauge(gauge) {
    if (!this.hasZoom()) return;
    this.zooming = clamp(Math.round(100 * gauge) / 100, 0, 1), this.glide = null;
    this.describe(), this.draw();
  }

  toggleRun(r, node) {
    this.hidden.has(r) ? this.hidden.delete(r) : this.hidden.add(r);
    node.setAttribute("aria-pressed", !this.hidden.has(r));
    this.strips.forEach((item) => this.repaintStrip(item));
    this.describe(), this.draw();
  }

  resetView() {
    this.windows.clear();
    this.describe(), this.draw();
  }

  /** Through a window of few digits, so that an address holds it exactly. */
  lookAt(home, window) {
    this.windows.set(String(home), window.map((v) => Number(v.toPrecision(7))));
    if (this.parts.home.hidden) this.describe();
    this.remember(), this.draw();
  }

  fullscreen() {
    if (this.root.classList.contains("zo-full")) document.exitFullscreen?.();
    else this.root.requestFullscreen?.().catch(() => {});
  }

  fullscreenChanged() {
    const on = (this.root.getRootNode().fullscreenElement ?? document.fullscreenElement) === this.root;
    this.root.classList.toggle("zo-full", on);
    this.layout();
  }

  help(open = this.parts.help.hidden) {
    this.parts.help.hidden = !open;
    (open ? this.parts.close : this.parts.helpButton).focus();
  }

  // ── keys ──

  key(e) {
    const path = e.composedPath(), target = path[0], inside = path.includes(this.root), typed = e.getModifierState("AltGraph"); // as [ is on many keyboards
    if (!this.frame || (!typed && (e.ctrlKey || e.metaKey || e.altKey)) || (!inside && active !== this)) return;
    const typing = path.some((node) => node instanceof Element && (node.isContentEditable || node.matches(TYPING)));
    if (typing && !inside) return;
    if (!inside && path.some((n) => n instanceof Element && n.classList.contains("zoomout-stage"))) return;
    if ((e.key === " " || e.key === "Enter") && target instanceof Element && target.closest("button, a, summary, [role=button]")) return;
    if (e.key === "Escape" && this.parts.help.hidden) return;
    if ((target === this.parts.gauge || target.classList?.contains("zo-start")) && /^(Arrow|Page|Home|End)/.test(e.key)) return;
    const jump = (n) => this.seek((n > 0 ? floor(this.t + 1e-9) : Math.ceil(this.t - 1e-9)) + n * (e.shiftKey ? 10 : 1));
    const faster = (n) => this.setSpeed(SPEEDS[clamp(SPEEDS.indexOf(this.speed) + n, 0, SPEEDS.length - 1)]);
    const does = {
      " ": () => this.play(!this.playing), arrowleft: () => jump(-1), arrowright: () => jump(1),
      pageup: () => jump(-1), pagedown: () => jump(1), home: () => this.seek(0), end: () => this.seek(this.frame.steps),
      "+": () => faster(1), "=": () => faster(1), "-": () => faster(-1), "−": () => faster(-1),
      l: () => this.toggle("loop"), c: () => this.toggleCamera(), "[": () => this.setGauge(this.zooming - 0.05), "]": () => this.setGauge(this.zooming + 0.05), q: () => this.toggle("quiver"), i: () => this.toggle("contours"),
      f: () => this.fullscreen(), 0: () => this.resetView(), "?": () => this.help(), escape: () => this.help(false),
    }[e.key.toLowerCase()];
    if (!does) return;
    e.preventDefault(), e.stopPropagation();
    does();
  }

  // ── the pointer ──

  listen(item) {
    const { canvas } = item;
    const spot = (e) => {
      const box = canvas.getBoundingClientRect();
      return [e.clientX - box.left - item.view.left, e.clientY - box.top];
    };
    const inside = ([x, y]) => x >= 0 && y >= 0 && x <= item.view.width && y <= item.view.height;
    canvas.addEventListener("pointerdown", (e) => inside(spot(e)) && this.grab(item, e, spot(e)));
    canvas.addEventListener("pointermove", (e) => this.move(item, e, spot(e), inside(spot(e))));
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, (e) => this.release(item, e, spot(e)));
    canvas.addEventListener("pointerleave", () => (item.readout.hidden = true));
    canvas.addEventListener("wheel", (e) => {
      if (!inside(spot(e)) || !(e.ctrlKey || this.engaged || this.root.classList.contains("zo-full"))) return;
      e.preventDefault();
      this.zoom(item, exp(clamp(e.deltaY * (e.deltaMode ? 20 : 1), -200, 200) * 0.002), spot(e));
    }, { passive: false });
    // one finger scrolls the page until the stage has been tapped; on a start, and with two fingers, it never does
    canvas.addEventListener("touchstart", (e) => {
      if (e.touches.length > 1 || this.engaged || this.handleAt(item, spot(e.touches[0]), 22)) e.preventDefault();
    }, { passive: false });
  }

  /** The starts that can be taken in a panel. Where nobody would answer, as in an exported page, there are none. */
  handlesIn(item) {
    const lens = this.lensOf(item);
    return this.host?.request && exp(lens.s) <= 4 ? handlesOf(this.frame.panels[item.index], lens, this.hidden) : [];
  }

  /** The start nearest to a pixel and within reach. */
  handleAt(item, [x, y], radius) {
    const far = ({ pixel }) => Math.hypot(pixel[0] - x, pixel[1] - y);
    const near = this.handlesIn(item).sort((a, b) => far(a) - far(b))[0];
    return near && far(near) <= radius ? near : null;
  }

  /** A pixel as a start: its true coordinates, where they are numbers. */
  trueAt(lens, [x, y]) {
    const [u, v] = unproject(lens, x, y), e = exp(lens.s);
    return Number.isFinite(u * e) && Number.isFinite(v * e) ? [u * e, v * e] : null;
  }

  grab(item, e, spot) {
    if (e.button > 0) return;
    this.pointers.set(e.pointerId, spot);
    item.canvas.setPointerCapture(e.pointerId);
    active = this;
    clearTimeout(this.pressing);
    if (this.pointers.size === 2) return void (this.drag = { kind: "pinch" });
    const handle = this.handleAt(item, spot, e.pointerType === "touch" ? 22 : 14);
    if (handle) {
      const [px, py] = handle.pixel;
      this.drag = { kind: "handle", handle, offset: [px - spot[0], py - spot[1]], lens: this.lensOf(item) };
      this.drag.windows = this.panels.map((other) => this.viewOf(other).window); // they hold still, whatever the answers bring
    } else {
      const touch = e.pointerType === "touch";
      this.drag = { kind: touch && !this.engaged ? "tap" : "pan", from: spot };
      if (touch) this.pressing = setTimeout(() => ((this.drag = null), this.place(item, spot)), 550);
    }
    item.canvas.classList.toggle("zo-grabbing", Boolean(this.drag));
  }

  move(item, e, spot, inside) {
    this.readout(item, e, spot, inside);
    const before = this.pointers.get(e.pointerId);
    if (!before) return void item.canvas.classList.toggle("zo-grab", inside && Boolean(this.handleAt(item, spot, 14)));
    if (this.drag?.kind === "pinch") {
      const other = [...this.pointers].find(([id]) => id !== e.pointerId)?.[1];
      if (other) {
        const spread = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1, middle = (a) => [(a[0] + other[0]) / 2, (a[1] + other[1]) / 2];
        this.pan(item, middle(before), middle(spot));
        this.zoom(item, spread(before) / spread(spot), middle(spot));
      }
    } else if (this.drag?.from) {
      if (Math.hypot(spot[0] - this.drag.from[0], spot[1] - this.drag.from[1]) > 6) clearTimeout(this.pressing), (this.drag.moved = true);
      if (this.drag.kind === "pan" && this.drag.moved) this.pan(item, before, spot);
    } else if (this.drag?.kind === "handle") this.moveHandle(spot, false);
    this.pointers.set(e.pointerId, spot);
  }

  release(item, e, spot) {
    clearTimeout(this.pressing);
    if (!this.pointers.delete(e.pointerId)) return;
    const { kind, moved } = this.drag ?? {};
    if (kind === "handle") this.moveHandle(spot, true);
    if (kind === "tap" && !moved && e.type === "pointerup") this.engaged = true;
    if (kind === "pan" && !moved && e.type === "pointerup") this.place(item, spot);
    this.drag = this.pointers.size ? { kind: "pan", from: spot, moved: true } : null;
    item.canvas.classList.remove("zo-grabbing");
    if (kind === "handle") this.draw(); // the windows may move again
  }

  moveHandle(spot, final) {
    const { handle, offset, lens } = this.drag;
    const to = this.trueAt(lens, [spot[0] + offset[0], spot[1] + offset[1]]);
    if (to) this.requestMove(handle, to, final);
  }

  /** Puts the nearest start here; among data, another row. */
  place(item, spot) {
    const { table } = this.frame.panels[item.index], to = this.trueAt(this.lensOf(item), spot);
    const handle = table ? { kind: "row", index: table.points.length } : this.handleAt(item, spot, Infinity);
    if (handle && to && this.host?.request) this.requestMove(handle, to, true);
  }

  pan(item, [ax, ay], [bx, by]) {
    const panel = this.frame.panels[item.index], { window: [x0, x1, y0, y1], width, height } = this.viewOf(item);
    const dx = ((bx - ax) / width) * (x1 - x0), dy = ((by - ay) / height) * (y1 - y0);
    if (!dx && !dy) return;
    this.lookAt(panel.window, [x0 - dx, x1 - dx, y0 + dy, y1 + dy]);
  }

  zoom(item, factor, [px, py]) {
    const panel = this.frame.panels[item.index], home = panel.window, { window: [x0, x1, y0, y1], width, height } = this.viewOf(item);
    const f = clamp(factor, ((home[1] - home[0]) * 1e-6) / (x1 - x0), ((home[1] - home[0]) * 1e3) / (x1 - x0));
    const cx = x0 + (px / width) * (x1 - x0), cy = y1 - (py / height) * (y1 - y0);
    this.lookAt(home, [cx + (x0 - cx) * f, cx + (x1 - cx) * f, cy + (y0 - cy) * f, cy + (y1 - cy) * f]);
  }

  /** Coordinates and loss under the pointer. */
  readout(item, e, spot, inside) {
    const node = item.readout, panel = this.frame.panels[item.index], field = this.frame.fields[panel.field ?? -1];
    node.hidden = !inside || e.pointerType === "touch";
    if (node.hidden) return;
    const lens = this.lensOf(item), uv = unproject(lens, ...spot);
    const written = (axis, w) => axis?.log ? formatLog(w) : (w < 0 ? "−" : "") + formatLog(log(abs(w)) + lens.s) + (axis?.degrees ? "°" : "");
    const [x, y] = [written(panel.axes?.x, uv[0]), written(panel.axes?.y, uv[1])];
    const e1 = field?.scale_invariant ? 1 : exp(lens.s);
    const loss = field && evaluateField(field, Float64Array.of(uv[0] * e1), Float64Array.of(uv[1] * e1))[0][0];
    node.textContent = `(${x}, ${y})` + (field ? `   ${field.quantity ?? "loss"} ${formatNumber(loss)}` : "");
  }

  // ── requests: one in flight, the latest wins ──

  requestMove({ kind, index }, [x, y], final) {
    this.held = { kind, index, at: [x, y] }, taken = true;
    this.waiting = { kind, index, x, y, final };
    this.draw();
    this.pump();
  }

  requestNumber(run, name, value) {
    this.waiting = { kind: "number", run, name, value, final: true };
    this.pump();
  }

  pump() {
    clearTimeout(this.pumping);
    if (!this.waiting) return;
    const left = this.inFlight ? this.inFlight.at + 2000 - performance.now() : 0;
    if (left > 0) return void (this.pumping = setTimeout(() => this.pump(), left));
    this.inFlight = { id: nextId(), at: performance.now() };
    const message = { ...this.waiting, id: this.inFlight.id };
    this.waiting = null;
    this.host.request(message);
    this.showProgress();
  }

  /** A thin line at the top, once an answer has been long in coming and until it has come. */
  showProgress() {
    const { progress } = this.parts;
    clearTimeout(this.slow);
    if (!this.inFlight) progress.hidden = true;
    else if (progress.hidden) this.slow = setTimeout(() => (progress.hidden = false), 300);
  }

  destroy() {
    this.destroyed = true;
    this.off.abort(), this.sizes.disconnect(), this.sight.disconnect();
    for (const timer of [this.saying, this.remembering, this.pressing, this.nudging, this.pumping, this.slow, ...(this.panels ?? []).map((p) => p.refining)]) clearTimeout(timer);
    if (active === this) active = null;
    this.root.replaceChildren();
  }
}

/**
 * Puts a stage into an element. The host is asked for new data through `host.request(message)`; `update` brings it.
 * Where it stands in a text, `host.around` says how high its place is, how far its clock may go, and is told of each draw.
 */
export function mount(root, host) {
  const stage = new Stage(root, host);
  return { update: (bytes) => stage.update(bytes), destroy: () => stage.destroy() };
}

export default component("zoomout-stage", mount);
