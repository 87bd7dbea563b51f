import { button, clamp, component, el, fit, floor, max, min, nextId, standing, swatch, themeOf, topOf, watchPlace } from "../canvas/canvas.js";
import { bandOf, bandSpan, cellOf, CLICK, decode, pixelOf, placeOf, reading, sameAxis, scaled, spanOf, valueAt, windowOf } from "./sheet.js";
import { beside, cellsOf, endLabels, stackOf } from "./layout.js";
import { Requests } from "./requests.js";
import { drawPath, drawPlot, ticksOf } from "./drawing.js";

/**
 * The chart: plots on axes, each with a raster, curves and marks, and looking closer at them.
 *
 *     decode(bytes, held)              → sheet    what is shown; rasters that were sent before come from `held`
 *     pixelOf(view, plot, x, y)        → pixel    and placeOf back
 *     drawPlot(ctx, plot, view, theme)            the same calls every time
 *     Requests                                    what to ask for next, and when
 *     mount(root, host)                → chart    the only part that remembers
 *
 * An axis is drawn evenly in its coordinate: the value, or its natural logarithm. A span is a window in coordinates,
 * [left, right, bottom, top]; windows in true units go to the host and come from it.
 *
 * This is the page's part; sheet.js, layout.js and requests.js are pure, and drawing.js draws.
 */

const REST = 60; // ms that a pointer rests before what lies under it is asked for
const SETTLE = 150; // ms after the last turn of a wheel before the new window is asked for
const TWICE = 260; // ms in which a second click may still make a double click
const HELD = 8; // rasters kept, so that they need not be sent again
const CARD = 148; // px: the little picture

/** The legend's part for kinds: a patch of colour and what it means. */
function patch(colour, text) {
  const dot = el("i", { class: "zo-patch" });
  dot.style.background = colour;
  return el("span", { class: "zo-entry" }, dot, text);
}

class Chart {
  sheet = null;
  items = [];
  spans = new Map(); // what is looked at in a plot while the host has not answered
  zooming = null; // the way to another window that is being answered: {id, before}
  trail = []; // the windows that were zoomed from, so that the way back shows at once
  held = new Map();
  requests = new Requests();
  pointers = new Map();
  drag = null;
  cursor = null; // {index, at: [px, py], keys}: the place that is read
  engaged = null; // the plot that was clicked: from then on the wheel belongs to it, not to the page
  stats = { draws: 0, frameMs: [], requests: 0 };

  constructor(root, host) {
    Object.assign(this, { root, host });
    root.replaceChildren();
    root.classList.add("zoomout-chart", "zo-empty");
    root.setAttribute("role", "group");
    root.setAttribute("aria-busy", "true");
    if (new URLSearchParams(location.search).get("mode") === "lecture") root.classList.add("lecture");
    this.build();
    this.off = new AbortController();
    const on = (target, type, f, options = {}) => target.addEventListener(type, f, { signal: this.off.signal, ...options });
    on(window, "resize", () => this.layout());
    on(document, "pointerdown", (e) => !e.composedPath().includes(root) && (this.engaged = null), { capture: true });
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.layout());
    this.sizes = watchPlace(root, () => this.layout());
    this.expose();
  }

  /** What browser tests may read. */
  expose() {
    const chart = this;
    this.root.__chart = {
      get header() { return chart.sheet; }, get stats() { return chart.stats; }, get cursor() { return chart.cursor; },
      spans: () => chart.items.map((_, i) => chart.spanOf(i)),
      plots: () => chart.items.map(({ figure, canvas, view }) => ({
        left: figure.offsetLeft + view.left, top: figure.offsetTop + canvas.offsetTop + view.top, width: view.width, height: view.height,
      })),
    };
  }

  build() {
    const parts = (this.parts = {});
    const way = (name, text, label, kind) => {
      const made = button(name, label, () => this.act({ kind }), "zo-way");
      made.append(text);
      return made;
    };
    parts.way = el("div", { class: "zo-ways", hidden: "" }, way("back", "Back", "Back to the window before (Backspace)", "back"), way("home", "Home", "The whole picture (Home)", "home"));
    parts.plots = el("div", { class: "zo-plots" });
    parts.caption = el("p", { class: "zo-caption" });
    parts.live = el("div", { class: "zo-unseen", "aria-live": "polite" });
    parts.progress = el("div", { class: "zo-progress", role: "progressbar", "aria-label": "Computing", hidden: "" });
    parts.readout = el("div", { class: "zo-readout", hidden: "" });
    parts.picture = el("canvas", { "aria-hidden": "true" });
    parts.cardTitle = el("div", { class: "zo-card-title" }), parts.cardLines = el("div", { class: "zo-card-lines" });
    parts.card = el("div", { class: "zo-card", hidden: "" }, parts.picture, el("div", {}, parts.cardTitle, parts.cardLines));
    this.root.append(parts.progress, parts.plots, parts.caption, parts.live, parts.readout, parts.card);
    this.measure = document.createElement("canvas").getContext("2d");
  }

  // ── data ──

  update(bytes) {
    if (!bytes?.length) return;
    const sheet = decode(bytes, this.held), before = this.sheet;
    this.requests.answered(sheet.id, sheet.more);
    this.keep(sheet);
    if (sheet.plots.length) {
      this.sheet = sheet;
      if (before?.key !== sheet.key) this.forget();
      this.settle();
      this.root.classList.remove("zo-empty");
      this.root.removeAttribute("aria-busy");
      this.root.setAttribute("aria-label", sheet.summary || "Chart");
      if (this.items.length !== sheet.plots.length) this.furnish();
      this.describe();
      this.layout();
      this.showCursor();
    }
    this.pump();
    this.showProgress();
  }

  /** Remembers the rasters that came, the newest few. Where one is missing that should be here, it is asked for again. */
  keep({ plots }) {
    for (const { raster } of plots) {
      if (!raster) continue;
      this.held.delete(raster.id);
      if (raster.levels) this.held.set(raster.id, { levels: raster.levels, values: raster.values });
      else if (this.missing !== raster.id) (this.missing = raster.id), (this.requests.more = true);
    }
    for (const id of [...this.held.keys()].slice(0, -HELD)) this.held.delete(id);
  }

  forget() {
    this.spans.clear();
    this.zooming = this.drag = this.cursor = null;
    this.trail = [], this.underPointer = "";
    clearTimeout(this.turning);
    this.turning = null;
  }

  /** Once the host has answered with the new window, or will not, what it says is what is seen. */
  settle() {
    const { sheet, zooming } = this;
    if (this.turning || this.drag || this.requests.action) return;
    if (zooming && (sheet.id < zooming.id || (sheet.more && this.axes(zooming.index) === zooming.before))) return;
    this.zooming = null;
    this.spans.clear();
    if (this.trail.length !== sheet.depth) this.trail = [];
  }

  axes(index) { return JSON.stringify([this.sheet.plots[index]?.x, this.sheet.plots[index]?.y]); }

  furnish() {
    this.items = this.sheet.plots.map((_, index) => {
      const title = el("span", { class: "zo-title" }), head = el("div", { class: "zo-head" }, title), legend = el("div", { class: "zo-legend" });
      const canvas = el("canvas", { role: "img" });
      const across = el("i", { class: "zo-hair", hidden: "" }), up = el("i", { class: "zo-hair", hidden: "" }), band = el("i", { class: "zo-band", hidden: "" });
      const figure = el("div", { class: "zo-plot", tabindex: 0, role: "group" }, head, legend, canvas, across, up, band);
      const item = { index, figure, head, title, legend, canvas, across, up, band, ctx: canvas.getContext("2d") };
      this.listen(item);
      return item;
    });
    this.parts.plots.replaceChildren(...this.items.map(({ figure }) => figure));
  }

  /** Everything in words. */
  describe() {
    const { sheet, parts } = this;
    for (const { index, figure, head, title, canvas } of this.items) {
      const plot = sheet.plots[index], keys = [plot.zoom && "plus and minus zoom", plot.pick && "Enter picks"].filter(Boolean).join(", ");
      title.textContent = title.title = plot.title ?? "";
      figure.setAttribute("aria-label", `${plot.title || "Plot"}${keys ? `. Arrows move a crosshair, ${keys}.` : ""}`);
      canvas.setAttribute("aria-label", `${plot.title}. ${sheet.caption}`);
      canvas.classList.toggle("zo-zoomable", Boolean(plot.zoom));
      if (sheet.plots.findIndex(({ zoom }) => zoom) === index && parts.way.parentNode !== head) head.append(parts.way);
    }
    parts.way.hidden = !(sheet.depth > 0);
    parts.caption.textContent = sheet.caption;
    if (!sheet.more && parts.live.textContent !== sheet.caption) parts.live.textContent = sheet.caption;
  }

  /** The row under a title: what kinds of colours mean, and the names of curves that found no room at their ends. */
  writeLegend({ index, legend }, atEnds) {
    const { key, curves } = this.sheet.plots[index], colour = (curve) => curve.colour ?? this.theme.text;
    const named = atEnds ? [] : curves.filter(({ label }) => label), words = key?.words ?? [];
    const signature = JSON.stringify([key?.title, words, named.map((curve) => [curve.label, colour(curve), curve.dash, curve.dots])]);
    if (legend.dataset.what === signature) return;
    legend.dataset.what = signature;
    const title = words.length && key.title ? [el("span", { class: "zo-entry zo-muted" }, key.title)] : [];
    legend.replaceChildren(...title, ...words.map(([tone, text]) => patch(tone, text)), ...named.map((curve) =>
      curve.dots ? patch(colour(curve), curve.label) : el("span", { class: "zo-entry" }, swatch({ colour: colour(curve), dash: curve.dash }), curve.label)));
  }

  // ── size ──

  /** How wide a text is. */
  wide(text, weight = 400) {
    this.measure.font = `${weight} ${this.theme.small}px ${this.theme.font}`;
    return this.measure.measureText(text).width;
  }

  /** The gutters of one plot, were it alone. */
  guttersOf(plot, view, atEnds) {
    const { unit: u, small } = this.theme, [across, up] = ticksOf(plot, view, this.theme);
    const left = max(...up.map(({ text }) => this.wide(text)), 2 * u) + 0.75 * u + (plot.y.label ? 1.5 * small : 0);
    const bar = plot.key?.ticks && plot.raster ? u + max(this.wide(plot.key.title ?? ""), 1.05 * u + max(0, ...plot.key.ticks.map(([, text]) => this.wide(text)))) : 0;
    const names = atEnds ? max(0, ...plot.curves.map(({ label }) => (label ? this.wide(label, 600) + 10 : 0))) : 0;
    const over = max(0, ...across.map(({ at, text }) => (at - 1) * view.width + this.wide(text) / 2)); // of the last tick
    return { left, right: max(bar, names, over, 0.5 * u) };
  }

  /** Whether every plot of a row has another with the same x axis right below: then that one says what the axis is. */
  continued({ cell: [, row, , tall] }) {
    const { plots } = this.sheet, end = row + tall, ends = ({ cell }) => cell[1] + cell[3] === end;
    const below = (plot) => plots.some((other) => other.cell[1] === end && other.cell[0] === plot.cell[0] && other.cell[2] === plot.cell[2] && sameAxis(other.x, plot.x));
    return plots.filter(ends).every(below);
  }

  layout(crowded = new Set()) {
    const { sheet, root, parts, items } = this;
    if (!sheet?.plots.length || !root.clientWidth) return;
    const theme = (this.theme = themeOf(root)), u = theme.unit, inner = root.clientWidth, narrow = inner < 700;
    root.classList.toggle("zo-narrow", narrow);
    const height = max(420, floor(innerHeight - topOf(root) - parts.caption.offsetHeight - 1.5 * u)), gap = [1.75 * u, 0.75 * u];
    const cells = narrow ? stackOf(sheet, inner, 0.72 * innerHeight, u) : cellsOf(sheet, inner, height, gap);
    parts.plots.style.height = `${max(...cells.map(([, top, , tall]) => top + tall))}px`;
    const head = 1.9 * u, foot = (plot) => 0.65 * u + (plot.x.label && (narrow || !this.continued(plot)) ? 2.6 : 1.25) * theme.small;
    const alone = sheet.plots.map((plot, i) => {
      const [, , width, tall] = cells[i], rough = { span: this.spanOf(i), width: 0.8 * width, height: tall - head - foot(plot) };
      const atEnds = !crowded.has(i) && plot.curves.some(({ label }) => label) && endLabels(plot, rough, 1.25 * theme.small) != null;
      const [beside, under] = [atEnds, false].map((ends) => this.guttersOf(plot, rough, ends)), fits = atEnds && beside.right < 0.22 * width;
      return { atEnds: fits, ...(fits ? beside : under) };
    });
    const widest = (name, i, line) => Math.ceil(max(...alone.map((gutters, j) => (narrow || line(sheet.plots[i].cell) === line(sheet.plots[j].cell) ? gutters[name] : 0))));
    const gutters = items.map((_, i) => ({ left: widest("left", i, ([column]) => column), right: widest("right", i, ([column, , wide]) => column + wide) }));
    const legends = items.map((item, i) => {
      this.writeLegend(item, alone[i].atEnds);
      const { figure, head, legend } = item;
      figure.style.width = `${cells[i][2]}px`, legend.style.minHeight = "";
      head.style.paddingLeft = legend.style.paddingLeft = narrow ? "0" : `${gutters[i].left}px`;
      head.style.paddingRight = !narrow && sheet.depth > 0 && head.contains(parts.way) ? `${gutters[i].right}px` : "0";
      return legend.offsetHeight;
    });
    let again = false;
    items.forEach((item, i) => {
      const plot = sheet.plots[i], [left, top, width, tall] = cells[i];
      const legend = narrow ? legends[i] : max(...legends.map((h, j) => (sheet.plots[j].cell[1] === plot.cell[1] ? h : 0)));
      const view = { ...gutters[i], top: 2, bottom: Math.ceil(foot(plot)) };
      view.width = max(60, floor(width - view.left - view.right)), view.height = max(60, floor(tall - head - legend - view.top - view.bottom));
      if (plot.equal) {
        const [a, b, c, d] = this.spanOf(i), unit = min(view.width / (b - a), view.height / (d - c));
        view.width = floor(unit * (b - a)), view.height = floor(unit * (d - c));
      }
      view.ratio = min(devicePixelRatio || 1, 3), view.named = narrow || !this.continued(plot), view.atEnds = alone[i].atEnds;
      item.view = view;
      item.figure.style.left = `${left}px`, item.figure.style.top = `${top}px`;
      item.legend.style.minHeight = `${legend}px`;
      const size = [view.left + view.width + view.right, view.top + view.height + view.bottom, view.ratio].join();
      if (item.size !== size) fit(item.canvas, view.left + view.width + view.right, view.top + view.height + view.bottom, view.ratio), (item.size = size);
      if (view.atEnds && !this.spans.size && !endLabels(plot, this.viewOf(item), 1.25 * theme.small)) crowded.add(i), (again = true);
    });
    root.laidOut = standing(root);
    if (again) return this.layout(crowded);
    this.draw();
  }

  // ── the picture ──

  /** What is seen of a plot: plots with the same x axis follow each other. */
  spanOf(index) {
    const { plots } = this.sheet, home = spanOf(plots[index]);
    if (this.spans.has(index)) return this.spans.get(index);
    const [, [a, b] = home] = [...this.spans].find(([other]) => sameAxis(plots[other].x, plots[index].x)) ?? [];
    return [a, b, home[2], home[3]];
  }

  viewOf(item) {
    const view = { ...item.view, span: this.spanOf(item.index) };
    return { ...view, ends: view.atEnds ? endLabels(this.sheet.plots[item.index], view, 1.25 * this.theme.small) : null };
  }

  draw() {
    if (!this.sheet || !this.items[0]?.view) return;
    const began = performance.now();
    for (const item of this.items) drawPlot(item.ctx, this.sheet.plots[item.index], this.viewOf(item), this.theme);
    this.stats.draws++;
    this.stats.frameMs.push(performance.now() - began);
    if (this.stats.frameMs.length > 600) this.stats.frameMs.shift();
  }

  // ── the cursor: what is read, and what floats beside it ──

  point(item, at, keys = false) {
    const { width, height } = item.view;
    this.cursor = { index: item.index, at: [clamp(at[0], 0, width), clamp(at[1], 0, height)], keys };
    this.showCursor();
  }

  unpoint() {
    this.cursor = null;
    this.showCursor();
  }

  showCursor() {
    const { cursor, parts, sheet } = this, item = cursor && this.items[cursor.index];
    const quiet = !item?.view || Boolean(this.drag?.band);
    this.showHairs(quiet ? null : item);
    parts.readout.hidden = parts.card.hidden = true;
    clearTimeout(this.resting);
    if (quiet) return;
    const plot = sheet.plots[item.index], view = this.viewOf(item), place = placeOf(view, plot, cursor.at), [x, y] = place;
    if (this.cardHere(item, place)) this.showCard(item);
    else this.showReadout(item, plot, view, place);
    const what = JSON.stringify([item.index, plot.raster?.id, plot.raster ? cellOf(plot, place) : cursor.at]);
    if (!plot.hover || !this.host?.request || this.zooming || what === this.underPointer) return; // what is about to change is not asked after
    this.resting = setTimeout(() => {
      this.underPointer = what;
      this.ask({ kind: "hover", plot: item.index, x, y });
    }, REST);
  }

  /** Whether the card is about the very place under the cursor. */
  cardHere({ index }, place) {
    const { card, plots } = this.sheet, plot = plots[index];
    if (card?.plot !== index) return false;
    if (!plot.raster) return Math.hypot(...this.cursor.at.map((v, i) => v - pixelOf(this.viewOf(this.items[index]), plot, card.x, card.y)[i])) < CLICK;
    const a = cellOf(plot, place), b = cellOf(plot, [card.x, card.y]);
    return a.column === b.column && a.row === b.row;
  }

  /** A crosshair for keys; for a pointer, a thin line through plots that share the x axis. */
  showHairs(item) {
    const { plots } = this.sheet ?? { plots: [] }, { cursor } = this;
    for (const other of this.items) {
      const own = other === item, shared = item && sameAxis(plots[other.index].x, plots[item.index].x);
      const linked = shared && plots.some((plot, i) => i !== item.index && sameAxis(plot.x, plots[item.index].x));
      other.up.hidden = !item || !(own ? cursor.keys || linked : shared);
      other.across.hidden = !(own && cursor.keys);
      if (!item) continue;
      const { view, canvas } = other, top = canvas.offsetTop + view.top, x = (cursor.at[0] / item.view.width) * view.width;
      other.up.style.cssText = `left:${view.left + x}px;top:${top}px;width:1px;height:${view.height}px`;
      other.across.style.cssText = `left:${view.left}px;top:${top + cursor.at[1]}px;width:${view.width}px;height:1px`;
    }
  }

  showReadout(item, plot, view, place) {
    const { parts } = this, [a, b, c, d] = view.span, value = valueAt(plot, place);
    const rows = [[plot.x.label || "x", reading(plot.x, place[0], b - a)], [plot.y.label || "y", reading(plot.y, place[1], d - c)]];
    if (value != null) rows.push([plot.reading || "value", value]);
    parts.readout.replaceChildren(...rows.flatMap(([name, text]) => [el("span", {}, name), el("b", {}, text)]));
    parts.readout.hidden = false;
    this.float(parts.readout, item);
    if (this.cursor.keys) this.say(rows.map((row) => row.join(" ")).join(", "));
  }

  showCard(item) {
    const { parts, theme } = this, { card } = this.sheet;
    if (this.carded !== card) {
      this.carded = card;
      parts.cardTitle.textContent = card.title;
      parts.cardLines.replaceChildren(...card.lines.map((line) => el("div", {}, line)));
    }
    parts.picture.hidden = !card.path, parts.card.hidden = false;
    if (card.path) fit(parts.picture, CARD, CARD, min(devicePixelRatio || 1, 3)), drawPath(parts.picture.getContext("2d"), card, CARD, theme);
    this.float(parts.card, item);
    if (this.cursor.keys) this.say([card.title, ...card.lines].join(", "));
  }

  /** Puts a box beside the cursor. */
  float(node, { figure, canvas, view }) {
    const { root, cursor } = this, at = [figure.offsetLeft + view.left + cursor.at[0], figure.offsetTop + canvas.offsetTop + view.top + cursor.at[1]];
    const [left, top] = beside(at, [node.offsetWidth, node.offsetHeight], [root.clientWidth, root.clientHeight]);
    node.style.left = `${left}px`, node.style.top = `${top}px`;
  }

  /** Tells screen readers what is read: when the crosshair rests, never at every step. */
  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => (this.parts.live.textContent = text), 300);
  }

  // ── looking closer ──

  /** Looks at another span at once; the host is asked for it when `final`, or when the wheel has come to rest. */
  look(item, span, final) {
    const [home, plot] = [spanOf(this.sheet.plots[item.index]), this.sheet.plots[item.index]];
    const ratio = (i) => (span[i + 1] - span[i]) / (home[i + 1] - home[i]);
    if (![0, 2].every((i) => ratio(i) > 1e-4 && ratio(i) < 1e3) || !windowOf(plot, span).every(Number.isFinite)) return;
    this.spans.clear();
    this.spans.set(item.index, span);
    clearTimeout(this.turning);
    const done = () => {
      this.turning = null;
      this.act({ kind: "zoom", plot: item.index, window: windowOf(plot, this.spans.get(item.index) ?? span) });
    };
    this.turning = final ? null : setTimeout(done, SETTLE);
    if (final) done();
    this.layout();
    this.showCursor();
  }

  /** Asks for what was done; the way back shows at once where it is known. */
  act(message) {
    const { sheet } = this, { kind } = message;
    if (!this.host?.request) return this.actAlone(message);
    if ((kind === "back" || kind === "home") && !(sheet.depth > 0)) return;
    if (kind === "back" || kind === "home") {
      clearTimeout(this.turning), (this.turning = null);
      const before = kind === "back" ? this.trail.pop() : this.trail[0];
      if (kind === "home") this.trail = [];
      this.spans.clear();
      if (before) this.spans.set(before.index, before.span);
      this.layout();
    }
    const index = message.plot ?? sheet.plots.findIndex(({ zoom }) => zoom);
    if (kind !== "pick") this.zooming = { id: Infinity, index, before: this.axes(index) };
    this.ask(message);
  }

  /** Where nobody would answer, as in an exported page, what there is is looked at more closely, and the way back is this. */
  actAlone({ kind, plot }) {
    if (kind === "zoom") this.trail.push({ index: plot, span: this.spans.get(plot) });
    else if (kind === "back") this.trail.pop();
    else if (kind === "home") this.trail = [];
    const last = this.trail.at(-1);
    this.sheet.depth = this.trail.length;
    this.spans.clear();
    if (last) this.spans.set(last.index, last.span);
    this.describe(), this.layout(), this.showCursor();
  }

  pick(item, at) {
    const plot = this.sheet.plots[item.index], [x, y] = placeOf(this.viewOf(item), plot, at);
    if (plot.pick) this.act({ kind: "pick", plot: item.index, x, y });
  }

  // ── the pointer ──

  listen(item) {
    const { canvas, figure } = item;
    const spot = (e) => {
      const box = canvas.getBoundingClientRect();
      return [e.clientX - box.left - item.view.left, e.clientY - box.top - item.view.top];
    };
    const inside = ([x, y]) => x >= 0 && y >= 0 && x <= item.view.width && y <= item.view.height;
    const zooms = () => this.sheet.plots[item.index].zoom;
    canvas.addEventListener("pointerdown", (e) => e.button === 0 && inside(spot(e)) && this.grab(item, e, spot(e)));
    canvas.addEventListener("pointermove", (e) => this.move(item, e, spot(e), inside(spot(e))));
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, (e) => this.release(item, e, spot(e)));
    canvas.addEventListener("pointerleave", () => !this.cursor?.keys && this.unpoint());
    canvas.addEventListener("dblclick", (e) => {
      clearTimeout(this.picking);
      if (inside(spot(e)) && zooms()) this.act({ kind: "back" });
    });
    canvas.addEventListener("wheel", (e) => {
      if (!zooms() || !inside(spot(e)) || !(e.ctrlKey || this.engaged === item)) return;
      e.preventDefault();
      const notches = clamp((e.deltaY * (e.deltaMode ? 33 : 1)) / 100, -1.5, 1.5);
      this.look(item, scaled(this.viewOf(item), 2 ** notches, spot(e)), false);
    }, { passive: false });
    // one finger scrolls the page, two zoom
    canvas.addEventListener("touchstart", (e) => e.touches.length > 1 && zooms() && e.preventDefault(), { passive: false });
    figure.addEventListener("keydown", (e) => this.key(item, e));
    figure.addEventListener("blur", () => this.cursor?.keys && this.unpoint());
  }

  grab(item, e, spot) {
    this.pointers.set(e.pointerId, spot);
    item.canvas.setPointerCapture(e.pointerId);
    this.engaged = item;
    if (this.pointers.size === 2 && this.sheet.plots[item.index].zoom) this.drag = { kind: "pinch", item };
    else this.drag = { kind: e.pointerType === "touch" ? "tap" : "band", item, from: spot };
  }

  move(item, e, spot, inside) {
    const { drag } = this, before = this.pointers.get(e.pointerId);
    if (!before) return void (inside && e.pointerType !== "touch" ? this.point(item, spot) : this.cursor && !this.cursor.keys && this.unpoint());
    if (drag?.kind === "pinch") this.pinch(item, e, before, spot);
    else if (drag?.kind === "band" && this.sheet.plots[item.index].zoom) this.stretch(item, bandOf(item.view, drag.from, spot));
    this.pointers.set(e.pointerId, spot);
  }

  /** The rubber band, drawn over the plot. */
  stretch({ band, view, canvas }, corners) {
    this.drag.band = corners;
    band.hidden = !corners;
    if (corners) {
      const [left, right, top, bottom] = corners;
      band.style.cssText = `left:${view.left + left}px;top:${canvas.offsetTop + view.top + top}px;width:${right - left}px;height:${bottom - top}px`;
    }
    this.showCursor();
  }

  pinch(item, e, before, spot) {
    const other = [...this.pointers].find(([id]) => id !== e.pointerId)?.[1];
    if (!other) return;
    const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1, middle = (a) => [(a[0] + other[0]) / 2, (a[1] + other[1]) / 2];
    const [a, b, c, d] = scaled(this.viewOf(item), apart(before) / apart(spot), middle(spot)), { width, height } = item.view;
    const dx = ((middle(spot)[0] - middle(before)[0]) / width) * (b - a), dy = ((middle(spot)[1] - middle(before)[1]) / height) * (d - c);
    this.drag.moved = true;
    this.look(item, [a - dx, b - dx, c + dy, d + dy], false);
  }

  release(item, e, spot) {
    if (!this.pointers.delete(e.pointerId)) return;
    const { drag } = this;
    if (!drag || drag.kind === "pinch") return void (this.pointers.size || (this.drag = null));
    const corners = drag.band;
    this.stretch(item, null);
    this.drag = null;
    if (e.type === "pointercancel") return;
    if (corners) return this.look(item, bandSpan(this.viewOf(item), corners), true);
    if (bandOf(item.view, drag.from, spot)) return;
    clearTimeout(this.picking);
    // where a double click would lead back, a click waits for it
    this.picking = setTimeout(() => this.pick(item, spot), this.sheet.depth > 0 && this.sheet.plots[item.index].zoom ? TWICE : 0);
  }

  // ── keys ──

  key(item, e) {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target !== item.figure || !item.view) return;
    const plot = this.sheet.plots[item.index], { width, height } = item.view;
    const at = this.cursor?.index === item.index ? this.cursor.at : [width / 2, height / 2];
    const pixel = (whole, count) => max(1, count ? whole / count : 1) * (e.shiftKey ? 10 : 1);
    const step = (dx, dy) => () => this.point(item, [at[0] + dx * pixel(width, plot.raster?.columns), at[1] + dy * pixel(height, plot.raster?.rows)], true);
    const closer = (factor) => plot.zoom && (() => (this.point(item, at, true), this.look(item, scaled(this.viewOf(item), factor, at), false)));
    const does = {
      ArrowLeft: step(-1, 0), ArrowRight: step(1, 0), ArrowUp: step(0, -1), ArrowDown: step(0, 1),
      Enter: plot.pick && (() => this.pick(item, at)), "+": closer(0.5), "=": closer(0.5), "-": closer(2), "−": closer(2),
      Backspace: plot.zoom && (() => this.act({ kind: "back" })), Home: plot.zoom && (() => this.act({ kind: "home" })), Escape: () => this.escape(item),
    }[e.key];
    if (!does) return;
    e.preventDefault(), e.stopPropagation();
    does();
  }

  escape(item) {
    if (this.drag?.band) this.stretch(item, null), (this.drag = null);
    else this.unpoint();
  }

  // ── requests ──

  ask(message) {
    this.requests.ask(message);
    this.pump();
  }

  pump() {
    clearTimeout(this.pumping);
    if (!this.host?.request || this.destroyed) return;
    const now = performance.now(), wait = this.requests.wait(now);
    if (wait > 0) return void (wait < Infinity && (this.pumping = setTimeout(() => this.pump(), wait)));
    const message = this.requests.next(now, nextId());
    if (message.kind === "zoom" && this.sheet) this.trail.push({ index: message.plot, span: spanOf(this.sheet.plots[message.plot]) });
    if (this.zooming && ["zoom", "back", "home"].includes(message.kind)) this.zooming.id = message.id;
    this.stats.requests++;
    this.host.request({ ...message, have: [...this.held.keys()] });
    this.pump();
    this.showProgress();
  }

  /** A thin line at the top: how much is done while more comes; or that an answer has been long in coming. */
  showProgress() {
    const { progress } = this.parts, { more, done } = this.sheet ?? {}, waits = this.requests.inFlight?.action;
    clearTimeout(this.slow);
    if (waits) return void (this.slow = setTimeout(() => (progress.classList.remove("zo-part"), progress.removeAttribute("aria-valuenow"), (progress.hidden = false)), 300));
    progress.hidden = !more;
    progress.classList.add("zo-part");
    progress.style.setProperty("--done", done ?? 0);
    progress.setAttribute("aria-valuenow", Math.round(100 * (done ?? 0)));
  }

  destroy() {
    this.destroyed = true;
    this.off.abort(), this.sizes.disconnect();
    for (const timer of [this.saying, this.resting, this.turning, this.picking, this.pumping, this.slow]) clearTimeout(timer);
    this.root.replaceChildren();
  }
}

/** Puts a chart into an element. The host is asked through `host.request(message)`; `update` brings what it answers. */
export function mount(root, host) {
  const chart = new Chart(root, host);
  return { update: (bytes) => chart.update(bytes), destroy: () => chart.destroy() };
}

export default component("zoomout-chart", mount);
