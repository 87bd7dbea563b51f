/**
 * What everything on a canvas shares: the bytes it is drawn from, numbers in words, ticks and words beside things, a few
 * elements of the page, and how a component is mounted. In the page, components arrive with this text in place of their import.
 */

import { unlessLeaving } from "./leaving.js";

export const { abs, exp, floor, log, max, min, pow } = Math;
export const clamp = (v, lo, hi) => Math.min(hi, Math.max(lo, v));
export const sum = (list) => list.reduce((a, b) => a + b, 0);

// ──── bytes ────

const ARRAYS = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, i4: Int32Array };

/** A container's bytes to its header and, by name, its typed arrays. */
export function unpack(bytes) {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  const own = view.slice(); // the view may start anywhere in its buffer; typed arrays need multiples of 8
  if (String.fromCharCode(...own.subarray(0, 4)) !== "ZOF1") throw new Error("These bytes are not a frame: the first four should read ZOF1.");
  const length = new DataView(own.buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(own.subarray(8, 8 + length)));
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays ?? {})) {
    const count = shape.reduce((a, b) => a * b, 1);
    arrays[name] = new ARRAYS[dtype](own.buffer, 8 + length + offset, count);
  }
  return { header, arrays };
}

// ──── numbers in words ────

const superscript = (n) => String(n).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
export const group = (text) => text.replace(/^\d{4,}/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, "\u202f"));

/** exp(logValue) in words: plain from 0.001 to a million, then powers of ten. */
export function formatLog(logValue, digits = 3) {
  if (Number.isNaN(logValue)) return "–";
  if (logValue === -Infinity) return "0";
  if (logValue === Infinity) return "∞";
  const ten = logValue / Math.LN10;
  let e = floor(ten);
  const plain = e >= -3 && e < 6;
  if (plain && e >= digits - 1) return group(exp(logValue).toFixed(0));
  const kept = plain ? digits : digits - 1;
  let m = Number(pow(10, ten - e).toPrecision(kept));
  if (m >= 10) [m, e] = [m / 10, e + 1];
  if (plain && e < 6) return group(exp(logValue).toFixed(max(0, digits - 1 - e)));
  return `${m.toFixed(kept - 1)}·10${superscript(e)}`;
}

/** A number in words: three significant digits, a true minus sign, thin spaces, powers of ten. */
export function formatNumber(value, digits = 3) {
  if (value === 0) return "0";
  return (value < 0 ? "−" : "") + formatLog(log(abs(value)), digits);
}

/** mantissa·10^power, exactly, as a tick writes it. */
function tickText(mantissa, power) {
  if (mantissa === 0) return "0";
  const bare = String(abs(mantissa)).replace(/0+$/, "");
  const end = power + String(abs(mantissa)).length - bare.length, e = end + bare.length - 1;
  const head = mantissa < 0 ? "−" : "";
  if (e >= -4 && e < 5) return head + group((Number(bare) * pow(10, end)).toFixed(max(0, -end)));
  const m = bare.length > 1 ? `${bare[0]}.${bare.slice(1)}` : bare;
  return head + (m === "1" ? "" : `${m}·`) + `10${superscript(e)}`;
}

const LADDER = [1, 2, 5, 10];
const FINER = [0.5, 1, 2, 5]; // the rung below each
const COARSER = [2, 5, 10, 20]; // and the rung above

/**
 * Ticks for camera coordinates lo…hi whose true values are exp(logScale) times larger: a 1-2-5 ladder kept in logs.
 * With `fade`, a tick that the next rung will drop fades out before the switch, and one that it adds fades in after
 * it: labels never share a place, however the camera moves.
 */
export function ticks(lo, hi, logScale, pixels, gap = 64, fade = false) {
  if (!(hi > lo) || !Number.isFinite(logScale)) return [];
  const tens = logScale / Math.LN10;
  const wanted = Math.log10(((hi - lo) * gap) / pixels) + tens;
  const power = floor(wanted);
  const rung = LADDER.findIndex((m) => Math.log10(m) >= wanted - power - 1e-12);
  const m = LADDER[rung], spacing = m * pow(10, power - tens);
  const below = Math.log10(FINER[rung]), phase = (wanted - power - below) / (Math.log10(m) - below);
  return rungs(lo, hi, spacing, (i) => tickText(i * m, power), (i) => {
    const stays = (i * m) % COARSER[rung] === 0, old = (i * m) % FINER[rung] === 0;
    return fade ? min(1, stays ? 1 : (1 - phase) * 6, old ? 1 : phase * 6) : 1;
  });
}

/** Ticks at the multiples of a spacing. */
function rungs(lo, hi, spacing, text, alpha = () => 1) {
  const list = [];
  for (let i = Math.ceil(lo / spacing - 1e-9); i <= floor(hi / spacing + 1e-9); i++)
    list.push({ u: i * spacing, at: (i * spacing - lo) / (hi - lo), text: text(i), alpha: alpha(i) });
  return list;
}

/** Ticks of an angle: quarters and eighths of a turn while they fit. */
export function degreeTicks(lo, hi, pixels, gap = 64) {
  const wanted = ((hi - lo) * gap) / pixels, spacing = wanted > 1 && [2, 5, 15, 45, 90, 180, 360].find((step) => step >= wanted);
  if (!spacing) return ticks(lo, hi, 0, pixels, gap).map((tick) => ({ ...tick, text: `${tick.text}°` }));
  return rungs(lo, hi, spacing, (i) => `${tickText(i * spacing, 0)}°`);
}

/** What may stand in a decade, and how near the nearest two are, in decades. */
const DIGITS = [{ all: [1, 2, 3, 4, 5, 6, 7, 8, 9], closest: 0.045 }, { all: [1, 2, 3, 5, 7], closest: 0.146 }, { all: [1, 2, 5], closest: 0.301 }];

/** Ticks of a logarithmic axis, whose coordinates are natural logarithms: some digits of each decade, or whole decades. */
export function logTicks(lo, hi, pixels, gap = 40) {
  const decade = (pixels * Math.LN10) / (hi - lo), whole = LADDER.find((n) => n * decade >= gap) ?? 100;
  if (hi - lo < 1) return ticks(exp(lo), exp(hi), 0, pixels, 1.5 * gap).map((tick) => ({ ...tick, at: (log(tick.u) - lo) / (hi - lo) })).filter(({ u }) => u > 0);
  const digits = DIGITS.find(({ closest }) => decade * closest >= gap);
  if (!digits) return rungs(lo, hi, whole * Math.LN10, (i) => tickText(1, i * whole));
  return digits.all.flatMap((m) => rungs(lo - log(m), hi - log(m), Math.LN10, (i) => tickText(m, i))).sort((a, b) => a.at - b.at);
}

// ──── drawing ────

/** A canvas of a size in CSS pixels, sharp on this screen. */
export function fit(canvas, width, height, ratio) {
  canvas.width = Math.round(width * ratio), canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`, canvas.style.height = `${height}px`;
  canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
}

export const disc = (ctx, x, y, r, fill) => {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fillStyle = fill;
  ctx.fill();
};

/** Words with a halo, which read on anything. */
export function write(ctx, text, x, y, ink, halo) {
  ctx.textAlign = "left", ctx.lineJoin = "round", ctx.lineWidth = 3.5;
  ctx.strokeStyle = halo, ctx.strokeText(text, x, y);
  ctx.fillStyle = ink, ctx.fillText(text, x, y);
}

/** Words beside things: each at the first of its spots, and there on the first side, that is free of `taken` boxes. */
export function drawLabels(ctx, labels, taken, view, theme, weight = 600) {
  const size = theme.small;
  ctx.font = `${weight} ${size}px ${theme.font}`, ctx.textBaseline = "middle";
  for (const { text, spots, away = 13 * theme.line } of labels) {
    const w = ctx.measureText(text).width, over = (x) => clamp(x - w / 2, 3, view.width - w - 3), up = away + size / 2;
    const sides = spots.flatMap(([x, y]) => [[x + away, y], [x - away - w, y], [over(x), y - up], [over(x), y + up], [over(x), y - up - 1.4 * size]]);
    const free = sides.find(([a, b]) => a > 2 && a + w < view.width - 2 && b > size && b < view.height - size / 2 &&
      taken.every(([l, u, r, d]) => a > r || a + w < l || b - size / 2 > d || b + size / 2 < u));
    if (!free) continue;
    const [a, b] = free;
    taken.push([a, b - size / 2, a + w, b + size / 2]);
    write(ctx, text, a, b, theme.ink, theme.halo);
  }
}

export function drawTicks(ctx, [across, up], view, theme) {
  const { width, height } = view, size = theme.small;
  ctx.font = `400 ${size}px ${theme.font}`;
  ctx.fillStyle = theme.muted;
  ctx.textBaseline = "top", ctx.textAlign = "center";
  let free = -Infinity;
  for (const tick of across) {
    const x = tick.at * width, half = ctx.measureText(tick.text).width / 2;
    if (x - half < free || x + half > width + view.right) continue;
    free = x + half + 8;
    ctx.globalAlpha = tick.alpha;
    ctx.fillText(tick.text, x, height + 0.5 * theme.unit);
  }
  ctx.textBaseline = "middle", ctx.textAlign = "right";
  // a number with more digits than there is room for stands inside, whole, rather than cut to another number
  const inside = up.some((tick) => ctx.measureText(tick.text).width > view.left - 0.5 * theme.unit);
  for (const tick of view.left ? up : []) {
    const y = clamp((1 - tick.at) * height, size / 2, height - size / 2);
    ctx.globalAlpha = tick.alpha;
    if (inside) write(ctx, tick.text, 0.3 * theme.unit, y, theme.ink, theme.halo), (ctx.fillStyle = theme.muted), (ctx.textAlign = "right");
    else ctx.fillText(tick.text, -0.5 * theme.unit, y);
  }
  ctx.globalAlpha = 1;
}

/** A plain ground: the second colour of the page, and a thin line at every tick. */
export function drawGrid(ctx, [across, up], { width, height }, theme) {
  ctx.fillStyle = theme.plot, ctx.fillRect(0, 0, width, height);
  ctx.beginPath();
  for (const x of across.map((tick) => Math.round(tick.at * width) + 0.5)) ctx.moveTo(x, 0), ctx.lineTo(x, height);
  for (const y of up.map((tick) => Math.round((1 - tick.at) * height) + 0.5)) ctx.moveTo(0, y), ctx.lineTo(width, y);
  ctx.strokeStyle = theme.border, ctx.lineWidth = 1, ctx.globalAlpha = 0.5;
  ctx.stroke();
  ctx.globalAlpha = 1;
}

// ──── the page ────

const SVG = "http://www.w3.org/2000/svg";
const ICONS = { // strokes on a 24-unit grid
  play: "M8 5.5v13l10.5-6.5z", pause: "M8.5 6v12M15.5 6v12",
  back: "M14.5 6.5L9 12l5.5 5.5", forward: "M9.5 6.5L15 12l-5.5 5.5",
  backTen: "M12 6.5L6.5 12l5.5 5.5M18 6.5L12.5 12l5.5 5.5", forwardTen: "M12 6.5l5.5 5.5-5.5 5.5M6 6.5l5.5 5.5L6 17.5",
  loop: "M17 3.5l3 3-3 3M20 6.5H8a4 4 0 0 0-4 4v1M7 20.5l-3-3 3-3M4 17.5h12a4 4 0 0 0 4-4v-1",
  camera: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5M9.5 9.5h5v5h-5z",
  contours: "M3 17c4-9 6 1 9-4s4-9 9-6M3 21c5-7 8 1 11-4s3-6 7-5M3 12c3-6 5-1 7-4s2-4 5-5",
  quiver: "M5 19L19 5M11 5h8v8", full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  help: "M9 9.2a3 3 0 1 1 4.4 2.7c-.9.5-1.4 1.1-1.4 2.1M12 17.6v.2", close: "M6 6l12 12M18 6L6 18",
  home: "M4.5 11.5L12 5l7.5 6.5M6.5 10v9h11v-9",
};

/** A DOM element. Text goes in as text, never as markup. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** One stroke as a small picture. */
function stroke(box, d, kind = "") {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", box), svg.setAttribute("class", kind), svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

export const icon = (name) => stroke("0 0 24 24", ICONS[name], `zo-icon-${name}`);

export const button = (name, label, onclick, extra = "") =>
  el("button", { type: "button", class: `zo-button ${extra}`, "aria-label": label, title: label, onclick }, ICONS[name] ? icon(name) : name);

/** A small picture of a run's line: its dash and its colour. */
export function swatch(run) {
  const svg = stroke("0 0 26 8", "M1 4h24", "zo-swatch");
  svg.style.stroke = run.colour, svg.style.strokeDasharray = (run.dash ?? []).join(" ") || "none";
  return svg;
}

/** The theme as the drawing needs it, read from the custom properties that reached the root. */
export function themeOf(root) {
  const style = getComputedStyle(root), value = (name) => style.getPropertyValue(name).trim();
  const [r, g, b] = (style.backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  const dark = 0.3 * r + 0.59 * g + 0.11 * b < 128;
  const unit = parseFloat(style.fontSize), small = unit * (parseFloat(value("--zo-small")) || 0.8);
  return {
    dark, unit, small, background: style.backgroundColor, line: max(1, unit / 18), font: style.fontFamily, text: style.color,
    muted: dark ? "#a9abb0" : "#5f6168", plot: value("--st-secondary-background-color") || (dark ? "#1c1f22" : "#f4f2ee"),
    ink: "#fff", halo: "rgba(10,14,20,.72)", border: dark ? "rgba(255,255,255,.2)" : "rgba(0,0,0,.16)",
    casing: dark ? "rgba(255,255,255,.86)" : "rgba(255,255,255,.94)",
  };
}

/** How far below the page's upper edge an element begins, up to 200 pixels and however the page is scrolled. */
export function topOf(root) {
  let scrolled = 0;
  for (let node = root; node; node = node.parentNode ?? node.host) scrolled += node.scrollTop ?? 0;
  return clamp(root.getBoundingClientRect().top + scrolled, 0, 200);
}

/**
 * Calls `layout` again whenever what it depends on has changed since `root.laidOut` was set: how wide the place is, how far
 * down it begins, and how large its letters are. All three come later than the first picture on a slow machine.
 */
export function watchPlace(root, layout) {
  const sizes = new ResizeObserver(() => standing(root) !== root.laidOut && layout());
  for (const node of [root, document.querySelector("[data-testid=stMainBlockContainer]")]) if (node) sizes.observe(node);
  return sizes;
}

export const standing = (root) => [root.clientWidth, Math.round(topOf(root)), getComputedStyle(root).fontSize].join();

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

let lastId = 0; // requests count upwards across remounts, so they start from the clock
export const nextId = () => (lastId = max(lastId + 1, Date.now()));

const mounted = new WeakMap();

/** A Streamlit component from how it is mounted: called again with new data, or after a change of theme, on every rerun. */
export const component = (name, mount) => ({ data, parentElement, setStateValue }) => {
  let entry = mounted.get(parentElement);
  if (!entry) {
    let root = parentElement.querySelector(`.${name}`);
    if (!root) parentElement.append((root = el("div", { class: name })));
    entry = { host: {}, leaving: null };
    document.getElementById("zoomout-first")?.remove(); // the shapes that the page began with
    const send = (message) => unlessLeaving(() => entry.setStateValue("request", message), () => mounted.get(parentElement) === entry);
    entry.mounted = mount(root, { request: send });
    mounted.set(parentElement, entry);
  }
  clearTimeout(entry.leaving);
  entry.setStateValue = setStateValue;
  entry.mounted.update(data);
  return () => {
    // a rerun may clean up and call again at once: only what stays gone is taken down
    entry.leaving = setTimeout(() => (entry.mounted.destroy(), mounted.delete(parentElement)), 200);
  };
};
