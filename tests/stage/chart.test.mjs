import assert from "node:assert/strict";
import test from "node:test";
import { drawPath, drawPlot, paintRaster, pathWindow, smoothly, ticksOf } from "../../app/chart/drawing.js";
import { beside, cellsOf, endLabels, placed, spread } from "../../app/chart/layout.js";
import { Requests } from "../../app/chart/requests.js";
import { bandOf, bandSpan, cellOf, decode, pixelOf, placeOf, reading, scaled, spanOf, valueAt, windowOf } from "../../app/chart/sheet.js";
import { pack, recorder, theme } from "./helpers.mjs";

const close = (a, b, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a} is not ${b}`);
const axis = (low, high, more = {}) => ({ label: "", low, high, log: false, degrees: false, ...more });
const plotted = (x, y, more = {}) => ({ title: "", cell: [0, 0, 1, 1], x, y, raster: null, key: null, curves: [], marks: [], words: null, ...more });
const plain = plotted(axis(-2, 6), axis(10, 30)), logs = plotted(axis(1e-3, 10, { log: true }), axis(1e-8, 1, { log: true }));
const seen = (plot, more = {}) => ({ span: spanOf(plot), left: 50, right: 20, top: 2, bottom: 40, width: 400, height: 200, named: true, ...more });

/** A sheet of one plot with a raster of 3 × 2 pixels. */
const bytes = ({ levels = "l", values = "v", ...header } = {}) =>
  pack({
    more: false, done: 1, depth: 0, caption: "", columns: [1], rows: [1], card: { plot: 0, x: 1, y: 1, title: "", lines: [], path: { x: "c", y: "v" }, window: null },
    plots: [plotted(axis(0, 3), axis(0, 2), { raster: { id: "a", columns: 3, rows: 2, window: [0, 3, 0, 2], levels, values, table: "t", clear: 5 }, curves: [{ x: "c", y: "v", label: "c" }] })],
    ...header,
  }, { l: Uint8Array.of(0, 1, 2, 3, 4, 5), v: Float32Array.of(0, 1, 2, 3, NaN, 5), t: Uint8Array.from({ length: 18 }, (_, i) => i), c: Float64Array.of(0.1, 2, 3) });

test("a sheet's arrays are found by their names", () => {
  const { plots: [{ raster, curves }], card } = decode(bytes());
  assert.deepEqual([...raster.levels], [0, 1, 2, 3, 4, 5]);
  assert.equal(raster.values[5], 5);
  assert.equal(curves[0].x[0], 0.1);
  assert.equal(card.path.x[2], 3);
});

test("a raster that was sent before comes from what is held, and one that is nowhere is null", () => {
  const held = new Map([["a", { levels: Uint8Array.of(9), values: null }]]), again = { levels: null, values: null };
  assert.deepEqual([...decode(bytes(again), held).plots[0].raster.levels], [9]);
  assert.equal(decode(bytes(again)).plots[0].raster.levels, null);
  assert.equal(decode(bytes(), held).plots[0].raster.levels.length, 6);
});

for (const [name, plot] of Object.entries({ linear: plain, logarithmic: logs }))
  test(`on ${name} axes a place and its pixel come back to each other`, () => {
    for (const pixel of [[0, 0], [400, 200], [123, 45]]) pixelOf(seen(plot), plot, ...placeOf(seen(plot), plot, pixel)).forEach((v, i) => close(v, pixel[i], 1e-10));
    const corners = [pixelOf(seen(plot), plot, plot.x.low, plot.y.high), pixelOf(seen(plot), plot, plot.x.high, plot.y.low)];
    corners.flat().forEach((v, i) => close(v, [0, 0, 400, 200][i]));
  });

test("a logarithmic axis is even in its logarithm", () => close(pixelOf(seen(logs), logs, 0.1, 1e-4)[0], 200));

test("a window and its span come back to each other", () => {
  const window = [0.02, 3, 1e-5, 0.1];
  windowOf(logs, spanOf(logs, window)).forEach((v, i) => close(v, window[i]));
});

test("the pixel of a raster under a place is counted from below, in the axis's own coordinate, and never outside", () => {
  const linear = plotted(axis(0, 4), axis(0, 2), { raster: { columns: 4, rows: 2, window: [0, 4, 0, 2] } });
  assert.deepEqual(cellOf(linear, [2.5, 0.1]), { column: 2, row: 0 });
  assert.deepEqual(cellOf(linear, [99, -5]), { column: 3, row: 0 });
  assert.deepEqual(cellOf(linear, [4, 2]), { column: 3, row: 1 });
  const log = { ...logs, raster: { columns: 4, rows: 8, window: [1e-3, 10, 1e-8, 1] } };
  assert.deepEqual(cellOf(log, [0.05, 3e-5]), { column: 1, row: 3 });
});

test("a rubber band is its two corners in order, cut at the plot's edge", () => {
  assert.deepEqual(bandOf(seen(plain), [300, 150], [100, 20]), [100, 300, 20, 150]);
  assert.deepEqual(bandOf(seen(plain), [300, 150], [900, -40]), [300, 400, 0, 150]);
});

test("a movement of less than six pixels is a click", () => {
  assert.equal(bandOf(seen(plain), [100, 100], [104, 104]), null);
  assert.notEqual(bandOf(seen(plain), [100, 100], [106, 106]), null);
});

test("a band without a height, or a width, takes the plot's", () => {
  assert.deepEqual(bandOf(seen(plain), [100, 50], [300, 52]), [100, 300, 0, 200]);
  assert.deepEqual(bandOf(seen(plain), [100, 50], [101, 150]), [0, 400, 50, 150]);
});

test("a band goes round the window that it becomes", () => {
  windowOf(plain, bandSpan(seen(plain), [100, 300, 50, 150])).forEach((v, i) => close(v, [0, 4, 15, 25][i]));
  windowOf(logs, bandSpan(seen(logs), [100, 200, 0, 100])).forEach((v, i) => close(v, [0.01, 0.1, 1e-4, 1][i]));
});

test("zooming about a pixel leaves what is under it where it is", () => {
  for (const plot of [plain, logs]) {
    const pixel = [123, 77], before = seen(plot), after = seen(plot, { span: scaled(before, 0.25, pixel) });
    placeOf(after, plot, pixel).forEach((v, i) => close(v, placeOf(before, plot, pixel)[i], 1e-10));
    close((after.span[1] - after.span[0]) / (before.span[1] - before.span[0]), 0.25);
  }
});

test("names at the ends of lines keep their distance, move a little if they must, and give up rather than crowd", () => {
  assert.deepEqual(spread([50, 100], 200, 16), [50, 100]);
  assert.deepEqual(spread([104, 100], 200, 16), [110, 94]);
  assert.equal(spread([100, 101, 102, 103], 200, 16), null);
  assert.equal(spread([10, 10, 10], 20, 16), null);
  assert.ok(spread([0, 200], 200, 16).every((y) => y >= 8 && y <= 192));
});

test("curves are named at their right ends where they reach the edge of the plot, and only there", () => {
  const line = (label, y, x = [-2, 2, 6]) => ({ label, x: Float64Array.from(x), y: Float64Array.from(y), dash: [] });
  const heights = (curves) => endLabels({ ...plain, curves }, seen(plain), 16)?.map(({ y }) => y);
  assert.deepEqual(heights([line("a", [10, 12, 20]), line("", [10, 12, 20]), line("b", [10, 12, 25])]), [100, 50]);
  assert.equal(heights([line("a", [10, 12, 20]), line("b", [10, 12, 20])].concat(line("c", [10, 10, 20.1]))), undefined);
  assert.equal(heights([line("a", [10, 12, NaN])]), undefined);
  assert.equal(heights([line("a", [10, 12, 99])]), undefined);
});

test("no label covers another, and one that finds no room is left out", () => {
  const label = (...spots) => ({ wide: 60, spots });
  const view = { width: 200, height: 100 };
  assert.deepEqual(placed([label([10, 50]), label([20, 50], [20, 80])], [], view, 13), [[10, 50], [20, 80]]);
  assert.deepEqual(placed([label([10, 50]), label([20, 50])], [], view, 13), [[10, 50], null]);
  assert.deepEqual(placed([label([10, 50], [100, 50])], [[0, 45, 60, 55]], view, 13), [[100, 50]]);
  assert.deepEqual(placed([label([10, 50])], [[0, 45, 60, 55]], view, 13), [[10, 50]], "rather over a line than nowhere");
  assert.deepEqual(placed([label([190, 50])], [], view, 13), [null]);
});

test("a grid shares the room by its weights, and a plot may span several of its cells", () => {
  const cells = [[0, 0, 2, 1], [0, 1, 1, 1], [1, 1, 1, 1]].map((cell) => ({ cell }));
  assert.deepEqual(cellsOf({ plots: cells, columns: [1, 3], rows: [2, 1] }, 410, 305, [10, 5]), [[0, 0, 410, 200], [0, 205, 100, 100], [110, 205, 300, 100]]);
});

test("what floats beside the pointer is inside the component and never under the pointer", () => {
  const size = [180, 90], whole = [600, 400];
  for (const x of [0, 100, 300, 500, 600])
    for (const y of [0, 100, 200, 399]) {
      const [left, top] = beside([x, y], size, whole);
      assert.ok(left >= 0 && top >= 0 && left + 180 <= 600 && top + 90 <= 400);
      assert.ok(x < left || x > left + 180 || y < top || y > top + 90, `${x}, ${y} is under ${left}, ${top}`);
    }
});

test("a reading has three digits, and more where the window is too narrow for three", () => {
  assert.equal(reading(axis(0, 10), 3.14159, 10), "3.14");
  assert.equal(reading(axis(3.1415, 3.1416), 3.141592, 1e-4), "3.1415920");
  assert.equal(reading(axis(-180, 180, { degrees: true }), -45.12, 360), "−45.1°");
  assert.equal(reading(axis(1e-3, 1, { log: true }), 0.02512, Math.log(1000)), "0.0251");
  assert.equal(reading(axis(-1, 1), 0, 2), "0");
});

test("what a raster says is a number, a word, or that there is none", () => {
  const { plots: [plot] } = decode(bytes());
  assert.equal(valueAt(plot, [1.5, 0.5]), "1.00");
  assert.equal(valueAt(plot, [1.5, 1.5]), "none");
  assert.equal(valueAt({ ...plot, words: ["left", "middle", "right"] }, [2.5, 0.5]), "right");
  assert.equal(valueAt(plain, [0, 0]), null);
});

test("a raster is painted exactly as its table says, its lowest row at the bottom, and its clear level not at all", () => {
  const { plots: [{ raster }] } = decode(bytes()), data = new Uint8ClampedArray(24);
  paintRaster(data, raster);
  assert.deepEqual([...data], [9, 10, 11, 255, 12, 13, 14, 255, 15, 16, 17, 0, 0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255]);
});

test("a path's picture has equal units and holds the whole path", () => {
  const [x0, x1, y0, y1] = pathWindow({ x: [0, 4, NaN], y: [1, 2, 9] });
  close(x1 - x0, y1 - y0);
  assert.ok(x0 < 0 && x1 > 4 && y0 < 1 && y1 > 2 && y1 < 9);
  assert.deepEqual(pathWindow({ x: [NaN], y: [1] }), [-1, 1, -1, 1]);
  assert.deepEqual(pathWindow({ x: [0], y: [0] }, [-2, 2, -1, 1]), [-2, 2, -2, 2]);
});

test("a picture of a path begins with a ring and ends with a disc", () => {
  const { ctx, log } = recorder();
  drawPath(ctx, { path: { x: [0, 1, NaN, 2], y: [0, 1, 1, 2] }, window: [0, 2, 0, 2], colour: "#123456" }, 100, theme);
  const arcs = log.filter(([name]) => name === "arc");
  assert.deepEqual(arcs.map(([, x, y]) => [x, y]), [[0, 100], [100, 0], [100, 0]]);
});

// ──── drawing ────

test("pixels that can be seen are sharp, and fine dots are not lost", () => {
  assert.equal(smoothly(4, 4), false);
  assert.equal(smoothly(8, 0.8), false);
  assert.equal(smoothly(0.9, 0.8), true);
  assert.equal(smoothly(1.02, 0.8), true);
});

test("a logarithmic axis has more ticks the closer one looks, in order and apart", () => {
  const texts = (low, high) => ticksOf(plotted(axis(low, high, { log: true }), axis(0, 1)), { ...seen(plain), width: 900, span: [Math.log(low), Math.log(high), 0, 1] }, theme)[0];
  assert.deepEqual(texts(0.001, 10).map(({ text }) => text).filter((text) => /1/.test(text)), ["0.001", "0.01", "0.1", "1", "10"]);
  for (const [low, high] of [[0.001, 10], [0.026, 0.11], [0.02, 0.3], [0.05, 0.06]]) {
    const at = texts(low, high).map((tick) => tick.at * 900);
    assert.ok(at.length >= 5, `${at.length} ticks from ${low} to ${high}`);
    assert.ok(at.every((x, i) => !i || x - at[i - 1] > 30));
  }
});

const drawn = (plot, more) => {
  const { ctx, log } = recorder();
  drawPlot(ctx, plot, seen(plot, more), theme);
  return log;
};

test("the same plot is drawn by the same calls", () => {
  const plot = { ...plain, curves: [{ x: [0, 1], y: [12, 20], label: "a", dash: [4, 2] }], marks: [{ x: 2, y: null, label: "here" }] };
  assert.deepEqual(drawn(plot), drawn(plot));
});

test("a curve breaks where it is not a number", () => {
  const lines = (y) => drawn({ ...plain, curves: [{ x: [0, 1, 2, 3], y, label: "", colour: "#abcdef", dash: [] }] });
  const from = (log) => log.slice(log.findIndex(([name, value]) => name === "strokeStyle =" && value === "#abcdef"));
  const moves = (y) => from(lines(y)).filter(([name]) => name === "moveTo").length;
  assert.equal(moves([11, NaN, 12, 13]) - moves([11, 11.5, 12, 13]), 1);
});

test("the colours of a key run from the table's first to the last that is a value's", () => {
  const stops = [], { ctx, log } = recorder();
  const gradient = new Proxy(ctx, { get: (target, name) => (name === "createLinearGradient" ? () => ({ addColorStop: (at, colour) => stops.push([at, colour]) }) : target[name]) });
  const plot = { ...plain, raster: { levels: null, table: Uint8Array.from([1, 1, 1, 2, 2, 2, 3, 3, 3, 128, 128, 128]), clear: null }, key: { title: "loss", ticks: [[0, "low"], [1, "high"]] } };
  drawPlot(gradient, plot, seen(plot), theme);
  assert.deepEqual(stops, [[0, "rgb(1,1,1)"], [0.5, "rgb(2,2,2)"], [1, "rgb(3,3,3)"]]);
  for (const text of ["loss", "low", "high"]) assert.ok(log.some(([name, said]) => name === "fillText" && said === text));
});

test("a mark's name stands in the plot, and that of a mark outside does not", () => {
  const names = (mark) => drawn({ ...plain, marks: [mark] }).filter(([name, text]) => name === "fillText" && text === "edge").length;
  assert.equal(names({ x: 3, y: null, label: "edge" }), 1);
  assert.equal(names({ x: null, y: 12, label: "edge" }), 1);
  assert.equal(names({ x: 3, y: 12, label: "edge" }), 1);
  assert.equal(names({ x: 99, y: null, label: "edge" }), 0);
});

// ──── requests ────

const zoom = (n) => ({ kind: "zoom", plot: 0, window: [n, n, n, n] }), hover = { kind: "hover", plot: 0 };

test("nothing is asked for when there is nothing to ask", () => assert.equal(new Requests().wait(0), Infinity));

test("while one request is in flight the next waits, and of those that wait the latest counts", () => {
  const requests = new Requests();
  requests.ask(zoom(1));
  assert.equal(requests.next(0, 10).window[0], 1);
  requests.ask(zoom(2)), requests.ask(zoom(3));
  assert.equal(requests.wait(500), 1500);
  requests.answered(9, false);
  assert.ok(requests.wait(500) > 0, "an older answer is not this one's");
  requests.answered(10, false);
  assert.equal(requests.wait(500), 0);
  assert.equal(requests.next(500, 11).window[0], 3);
  requests.answered(11, false);
  assert.equal(requests.wait(600), Infinity);
});

test("an unanswered request holds up the next for two seconds and no longer", () => {
  const requests = new Requests();
  requests.ask(zoom(1)), requests.next(0, 10), requests.ask(zoom(2));
  assert.ok(requests.wait(1999) > 0);
  assert.equal(requests.wait(2000), 0);
});

test("a hover never delays what was done, and what was done takes its place", () => {
  const requests = new Requests();
  requests.ask(hover);
  assert.equal(requests.next(0, 10).kind, "hover");
  requests.ask(hover);
  assert.ok(requests.wait(1) > 0, "one hover in flight at a time");
  requests.ask(zoom(1));
  assert.equal(requests.wait(1), 0);
  assert.equal(requests.next(1, 11).kind, "zoom");
  requests.answered(11, false);
  assert.equal(requests.wait(2), Infinity);
});

test("more is asked for after each answer that promises it, when nothing else waits", () => {
  const requests = new Requests();
  requests.answered(0, true);
  assert.deepEqual(requests.next(0, 1), { kind: "more", id: 1 });
  requests.ask(hover);
  assert.ok(requests.wait(1) > 0);
  requests.answered(1, true);
  assert.equal(requests.next(1, 2).kind, "hover");
  requests.answered(2, true);
  assert.equal(requests.next(2, 3).kind, "more");
  requests.ask(zoom(1));
  assert.equal(requests.wait(3), 0, "what was done does not wait for more");
  requests.answered(3, false);
  requests.next(3, 4), requests.answered(4, false);
  assert.equal(requests.wait(4), Infinity);
});
