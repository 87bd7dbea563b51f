import assert from "node:assert/strict";
import test from "node:test";
import { degreeTicks, formatLog, formatNumber, logTicks, ticks } from "../../app/canvas/canvas.js";
import {
  caption, cameraAt, colourPosition, decode, drawPanel, drawTheory, evaluate, evaluateField, fitWindow, horizonOf, lensOf, normText, paint, project,
  renderStrip, stripScale, unproject,
} from "../../app/stage/stage.js";
import { bowl, lut, pack, portrait, recorder, theme, twins, view } from "./helpers.mjs";

const close = (a, b, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a} is not ${b}`);
const say = (frame, t, hidden) => caption(frame, t, hidden).map((piece) => piece.text).join("");

test("a frame is the same wherever its bytes lie in their buffer", () => {
  const bytes = twins();
  for (const shift of [0, 1, 3, 5, 7]) {
    const buffer = new Uint8Array(bytes.length + 16);
    buffer.set(bytes, shift);
    const frame = decode(buffer.subarray(shift, shift + bytes.length));
    assert.equal(frame.runs[1].paths[0].k[7], 7);
    assert.equal(frame.fields[0].colours.lut[767], 255);
  }
});

test("an array keeps its type and its numbers", () => {
  const frame = decode(pack({ steps: 1 }, { a: Float32Array.of(0.1), b: Float64Array.of(0.1), c: Int32Array.of(-3), d: Uint8Array.of(200) }));
  assert.deepEqual([frame.arrays.a[0], frame.arrays.b[0], frame.arrays.c[0], frame.arrays.d[0]], [Math.fround(0.1), 0.1, -3, 200]);
});

test("bytes that are no frame are refused in words", () => assert.throws(() => decode(new Uint8Array(16)), /ZOF1/));

const X = Float64Array.from({ length: 5000 }, (_, i) => -2 + i / 1250), Y = X.map((x) => 0.3 - x / 2);

for (const [name, f] of Object.entries({
  neg: (a) => -a, sin: Math.sin, cos: Math.cos, tan: Math.tan, atan: Math.atan, sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh, exp: Math.exp,
  expm1: Math.expm1, abs: Math.abs, sign: Math.sign, asin: Math.asin, acos: Math.acos, log: Math.log, log1p: Math.log1p, sqrt: Math.sqrt,
}))
  test(`the operation ${name} means ${name}, NaN included`, () => assert.deepEqual(evaluate({ ops: [["x"], [name, 0]], outputs: [1] }, X, Y)[0], X.map(f)));

for (const [name, f] of Object.entries({
  add: (a, b) => a + b, mul: (a, b) => a * b, div: (a, b) => a / b, pow: Math.pow, min: Math.min, max: Math.max, atan2: Math.atan2,
  gated: (w, a) => (w === 0 ? 0 : w * a),
}))
  test(`the operation ${name} takes its arguments in order`, () =>
    assert.deepEqual(evaluate({ ops: [["x"], ["y"], [name, 0, 1]], outputs: [2] }, X, Y)[0], X.map((x, i) => f(x, Y[i]))));

test("a whole power is repeated multiplication, below zero too", () => {
  for (const n of [-3, -1, 0, 1, 2, 5, 12]) evaluate({ ops: [["x"], ["powi", 0, n]], outputs: [1] }, X, Y)[0].forEach((v, i) => X[i] && close(v, X[i] ** n, 1e-13));
});

test("r and theta are polar coordinates", () => {
  const [r, theta] = evaluate({ ops: [["r"], ["theta"]], outputs: [0, 1] }, X, Y);
  r.forEach((v, i) => close(v * Math.cos(theta[i]), X[i]));
});

test("a program gives its loss and both derivatives", () => {
  const [loss, gx, gy] = evaluate(bowl, Float64Array.of(2), Float64Array.of(-1));
  assert.deepEqual([loss[0], gx[0], gy[0]], [1, 4, 3]);
});

test("an unknown operation is named", () => assert.throws(() => evaluate({ ops: [["x"], ["gamma", 0]], outputs: [1] }, X, Y), /gamma/));

test("a length-blind field is evaluated on the circle, from 1e-300 to 1e300", () => {
  // x²/(x²+y²): loss cos², gradient (2cs², −2c²s)/r
  const ops = [["x"], ["y"], ["powi", 0, 2], ["powi", 1, 2], ["add", 2, 3], ["div", 2, 4], ["const", 2], ["mul", 0, 3], ["mul", 6, 7], ["powi", 4, 2], ["div", 8, 9], ["mul", 2, 1], ["mul", 6, 11], ["div", 12, 9], ["neg", 13]];
  const field = { program: { ops, outputs: [5, 10, 14] }, scale_invariant: true };
  for (const r of [1e-300, 1, 1e300]) {
    const [loss, gx, gy] = evaluateField(field, Float64Array.of(0.6 * r), Float64Array.of(0.8 * r));
    close(loss[0], 0.36), close(gx[0] * r, 0.768), close(gy[0] * r, -0.576);
  }
});

test("a colour is looked up between lo and hi, and is the last one outside", () => {
  const colours = { transform: "linear", lo: 0, hi: 10 }, data = new Uint8ClampedArray(20);
  paint(data, Float64Array.of(0, 5, 10, -3, 99).map((v) => colourPosition(colours, v)), 5, 1, lut);
  assert.deepEqual([...data.filter((_, i) => i % 4 === 0)], [0, 128, 255, 0, 255]);
  assert.equal(colourPosition({ transform: "log", offset: 1, lo: 0, hi: 2 }, 1 + Math.E), 0.5);
});

test("where the loss is not finite the picture is hatched in grey", () => {
  const data = new Uint8ClampedArray(4 * 64);
  paint(data, new Float64Array(64).fill(NaN), 8, 8, lut);
  const greys = new Set(data.filter((_, i) => i % 4 !== 3));
  assert.deepEqual([...greys].sort(), [150, 176]);
});

test("isolines lie where the value crosses a level", () => {
  const ramp = Float64Array.from({ length: 3 * 101 }, (_, i) => (i % 101) / 100), plain = new Uint8ClampedArray(4 * 303), lined = new Uint8ClampedArray(4 * 303);
  paint(plain, ramp, 101, 3, lut), paint(lined, ramp, 101, 3, lut, 4);
  const differs = [...Array(101).keys()].filter((i) => plain[4 * (101 + i)] !== lined[4 * (101 + i)]);
  for (const level of [25, 50, 75]) assert.ok(differs.includes(level));
  assert.ok(differs.every((i) => [0, 25, 50, 75, 100].some((level) => Math.abs(i - level) <= 1)));
});

test("a point and its pixel come back to each other", () => {
  const lens = lensOf({ s: 2, cx: 0, cy: 0 }, [-2, 2, -1, 3], 400, 400);
  const [u, v] = unproject(lens, ...project(lens, 0.4, -0.7, 1.5));
  close(u, 0.4 * Math.exp(-0.5)), close(v, -0.7 * Math.exp(-0.5));
});

test("the projection never overflows, whatever the exponents", () => {
  for (const s of [0, 1e5, -1e5])
    for (const k of [0, 1e5, -1e5, 1e5 + 0.5]) for (const pixel of project(lensOf({ s, cx: 0, cy: 0 }, [-2, 2, -2, 2], 400, 400), 1, -1, k)) assert.ok(Number.isFinite(pixel));
  assert.deepEqual(project(lensOf({ s: 1e5, cx: 0, cy: 0 }, [-2, 2, -2, 2], 400, 400), 1, 1, 1e5), [300, 100]);
});

test("a following camera steps back about the middle of its window, and never forward again", () => {
  const frame = decode(pack({
    steps: 3, runs: [{ label: "a", paths: [{ x: "x", y: "y" }] }], panels: [{ runs: [0], window: [0, 2, 0, 2], camera: { kind: "fixed" } }],
  }, { x: Float64Array.of(1, 9, 1, 1), y: Float64Array.of(1, 1, 1, 1) }));
  const s = [0, 1, 2, 3].map((t) => cameraAt(frame, frame.panels[0], t, { follow: 1 }).s);
  assert.equal(s[0], 0);
  assert.ok(s[1] > Math.log(8) && s[2] === s[1] && s[3] === s[1]);
  const lens = lensOf(cameraAt(frame, frame.panels[0], 1, { follow: 1 }), [0, 2, 0, 2], 400, 400);
  close(project(lens, 1, 1)[0], 200);
  assert.ok(project(lens, 9, 1)[0] < 400);
});

test("a window is widened, never cut, until a unit is as long across as up", () => {
  assert.deepEqual(fitWindow([-1, 1, -1, 1], 400, 200), [-2, 2, -1, 1]);
  assert.deepEqual(fitWindow([-1, 1, -1, 1], 400, 200, false), [-1, 1, -1, 1]);
});

test("ticks are numbers and keep their distance from 1e-300 to 1e4000", () => {
  for (let ten = -300; ten <= 4000; ten += 0.37) {
    const list = ticks(-1.8, 1.8, ten * Math.LN10, 480, 64, true);
    assert.ok(list.length >= 2 && list.length <= 8, `${list.length} ticks at 1e${ten}`);
    for (const tick of list) {
      assert.ok(Number.isFinite(tick.at) && tick.at >= -1e-9 && tick.at <= 1 + 1e-9 && tick.alpha >= 0 && tick.alpha <= 1);
      assert.doesNotMatch(tick.text, /NaN|Infinity|undefined|e/);
    }
    for (let i = 1; i < list.length; i++) assert.ok((list[i].at - list[i - 1].at) * 480 >= 64 * 0.999);
    assert.equal(new Set(list.map((tick) => tick.text)).size, list.length);
  }
});

test("ticks are round numbers in words a person would write", () => {
  const texts = (scale) => ticks(-1.8, 1.8, Math.log(scale), 480).map((tick) => tick.text);
  assert.deepEqual(texts(1), ["−1.5", "−1", "−0.5", "0", "0.5", "1", "1.5"]);
  assert.deepEqual(texts(7242), ["−10\u202f000", "−5\u202f000", "0", "5\u202f000", "10\u202f000"]);
  assert.deepEqual(ticks(-1.8, 1.8, 4031 * Math.LN10, 240).map((tick) => tick.text), ["−10⁴⁰³¹", "0", "10⁴⁰³¹"]);
  assert.deepEqual(ticks(-1.8, 1.8, 12.3 * Math.LN10, 240).map((tick) => tick.text), ["−2·10¹²", "0", "2·10¹²"]);
});

test("a tick that comes or goes is invisible at the moment of change", () => {
  const before = new Map();
  for (let ten = 0; ten < 3; ten += 0.002) {
    const now = new Map(ticks(-1, 1, ten * Math.LN10, 480, 64, true).map((tick) => [tick.text, tick]));
    for (const [text, tick] of before) if (!now.has(text) && Math.abs(tick.u) < 0.95) assert.ok(tick.alpha < 0.2, `${text} vanished at ${tick.alpha}`);
    for (const [text, tick] of now) if (ten > 0 && !before.has(text) && Math.abs(tick.u) < 0.95) assert.ok(tick.alpha < 0.2, `${text} appeared at ${tick.alpha}`);
    before.clear(), now.forEach((tick, text) => before.set(text, tick));
  }
});

test("a window that is not one has no ticks", () => {
  assert.deepEqual(ticks(1, 1, 0, 480), []);
  assert.deepEqual(ticks(0, 1, NaN, 480), []);
});

test("numbers are written with three digits, thin spaces, a true minus and powers of ten", () => {
  const written = { 0: "0", 1: "1.00", 0.29: "0.290", "-0.034": "−0.0340", 7242: "7\u202f242", 999999: "999\u202f999", 6e-8: "6.0·10⁻⁸", 9.99e-5: "1.0·10⁻⁴", 2.1e6: "2.1·10⁶", Infinity: "∞", NaN: "–" };
  for (const [value, text] of Object.entries(written)) assert.equal(formatNumber(Number(value)), text);
  assert.equal(formatLog(4031.5 * Math.LN10), "3.2·10⁴⁰³¹");
});

test("the norm of a run is written from its logarithm", () => {
  const frame = decode(twins({ growth: 93 }));
  assert.equal(normText(frame, frame.panels[0], 100), "‖w‖ = 1.000");
  assert.match(normText(frame, frame.panels[1], 100), /^‖w‖ = \d\.\d\d·10⁴⁰³⁸$/);
});

test("twins that agree are said to agree, as far as the digits go", () => {
  assert.equal(say(decode(twins({ growth: 0.1, tilt: 6e-8 })), 20.7), "Step 20 of 100: both point at 114.6°, the right one 7.39 times further out. They agree to 7 digits.");
  assert.match(say(decode(twins()), 5), /They agree to 15 digits/);
  assert.match(say(decode(twins({ growth: 0 })), 5), /the right one as far out as the left\./);
  assert.match(say(decode(twins({ growth: -1 })), 5), /148 times closer in\./);
});

test("twins that have parted are said to have parted, and rounding is blamed only where theory keeps them together", () => {
  const frame = decode(twins({ growth: 0.1, tilt: 0.5 })), parted = "Step 20 of 100: the left points at 114.6°, the right at 143.2°, 7.39 times further out.";
  assert.equal(say(frame, 20), `${parted} They have come apart.`);
  frame.caption.exact = true;
  assert.equal(say(frame, 20), `${parted} Rounding errors have pulled them apart.`);
});

const race = (values, ends = [], caption_ = { kind: "race" }) => decode(pack({
  steps: 1, caption: caption_, strips: [{ title: "loss", series: values.map((_, i) => ({ run: i, path: 0, array: `l${i}` })) }],
  runs: values.map((_, i) => ({ label: ["gd", "adam", "lion"][i], paths: [{ x: "x", y: "x", ...ends[i] }] })),
}, { x: Float64Array.of(1, 1), ...Object.fromEntries(values.map((v, i) => [`l${i}`, Float64Array.of(9, v)])) }));

test("a race is led by the lowest loss, and says so in order", () => {
  assert.equal(say(race([0.29, 0.034, 0.31]), 1), "Step 1 of 1: lowest loss 0.0340 (adam); gd 0.290, lion 0.310.");
  assert.equal(say(race([0.29, NaN, Infinity]), 1), "Step 1 of 1: lowest loss 0.290 (gd); lion not finite, adam not finite.");
  assert.equal(say(race([NaN, NaN]), 1), "Step 1 of 1: no loss is finite.");
  assert.equal(say(race([0.29, 0.034, 0.31]), 1, new Set([1])), "Step 1 of 1: lowest loss 0.290 (gd); lion 0.310.");
  assert.equal(say(race([0.5]), 1), "Step 1 of 1: loss 0.500 (gd).");
});

test("a run with several starts is told by its best, and says so", () => {
  const frame = race([0.5]);
  frame.runs[0].paths.push({ ...frame.runs[0].paths[0], start: [-1, 0.25], stopped_at: 1, status_text: "left the plane" });
  assert.equal(say(frame, 1), "Step 1 of 1: lowest loss 0.500 (gd, best of 2 starts). “gd” from (−1, 0.25) left the plane.");
});

test("an ending is told once it has come, and a note always", () => {
  const frame = race([1, 2], [{ stopped_at: 1, status_text: "gd left the plane." }], { kind: "race", note: "Rates differ." });
  assert.doesNotMatch(say(frame, 0), /left the plane/);
  assert.match(say(frame, 1), /gd left the plane\. Rates differ\.$/);
  assert.match(say(race([1], [{ stopped_at: 1, status_text: "left the plane (step 1)" }]), 1), / “gd” left the plane \(step 1\)\.$/);
});

test("the horizon is the first of the visible paths", () => {
  assert.equal(horizonOf(decode(twins({ horizon: 40 }))), 40);
  assert.equal(horizonOf(decode(twins())), null);
});

test("a strip shows its range from bottom to top, and nothing for what has no value", () => {
  const scale = stripScale({ lo: Math.log(1e-17), hi: Math.log(100) });
  assert.ok(Number.isNaN(scale(-Infinity)) && Number.isNaN(scale(NaN)));
  close(scale(Math.log(100)), 1), close(scale(Math.log(1e-17)), 0), assert.ok(scale(0) > scale(-20));
  close(stripScale({ lo: 3, hi: 3 })(3), 0.5);
});

test("a race on a logarithmic strip is told in plain numbers", () => {
  const frame = race([Math.log(0.29), -Infinity]);
  frame.strips[0].log = true;
  frame.strips[0].title = "loss L";
  assert.equal(say(frame, 1), "Step 1 of 1: lowest loss 0 (adam); gd 0.290.");
});

test("a coarse strip is held between its values, so that indices stay steps", () => {
  const strip = { title: "s", stride: 2, series: [{ run: 0, path: 0, array: "a" }], threshold: { value: 2, label: "edge" } };
  const { series, guides } = decode(pack({ steps: 3, strips: [strip] }, { a: Float32Array.of(3, 4) })).strips[0];
  assert.deepEqual([...series[0].array], [3, 3, 4, 4]);
  assert.deepEqual(guides[0].array, [2, 2]);
});

test("a thinned run is drawn and told at its recorded steps", () => {
  const thin = decode(pack({
    steps: 25, every: 10, strips: [], caption: { kind: "twins", left: [0, 0], right: [0, 0], log_difference: "gap" },
    runs: [{ label: "a", colour: "#d55e00", paths: [{ x: "x", y: "y", start: [0, 0] }] }],
    panels: [{ title: "", runs: [0], window: [-2, 2, -2, 2], camera: { kind: "zoom", log_scale: "s" }, start_handle: true }],
  }, { x: Float64Array.of(1, 0, -1), y: Float64Array.of(0, 1, 0), s: Float64Array.of(0, 1, 2), gap: Float32Array.of(-40, -40, -40) }));
  assert.match(say(thin, 19), /^Step 10 of 25: both point at 90\.0°/);
  assert.match(say(thin, 25), /^Step 20 of 25: both point at 180\.0°/);
  assert.equal(cameraAt(thin, thin.panels[0], 5).s, 0.5);
  const { ctx, log } = recorder();
  drawPanel(ctx, thin, 0, 25, view, theme);
  assert.ok(log.length > 20);
});

for (const ends of [{}, { status: "diverged", stopped_at: 30, status_text: "It diverged." }, { horizon: 20 }])
  test(`a frame is a pure function of data and time ${JSON.stringify(ends)}`, () => {
    const bytes = twins({ growth: 50, tilt: 0.2, ends });
    for (const index of [0, 1])
      for (const t of [0, 0.5, 42.25, 100]) {
        const first = recorder(), second = recorder(), other = recorder();
        drawPanel(first.ctx, decode(bytes), index, t, view, theme);
        drawPanel(other.ctx, decode(bytes), 1 - index, 77, view, theme);
        drawPanel(second.ctx, decode(bytes), index, t, view, theme);
        assert.deepEqual(first.log, second.log);
        for (const [name, ...args] of first.log) assert.ok(args.flat().every((v) => typeof v !== "number" || Number.isFinite(v)), `${name}(${args})`);
      }
  });

test("a hidden run is not drawn", () => {
  const { ctx, log } = recorder();
  drawPanel(ctx, decode(twins()), 0, 50, { ...view, hidden: new Set([0]) }, theme);
  assert.ok(!log.some(([, value]) => value === "#d55e00"));
});

// ── panels in other coordinates ──

const drawn = (frame, t, more = {}, index = 0) => {
  const { ctx, log } = recorder();
  drawPanel(ctx, frame, index, t, { ...view, ...more }, theme);
  return log;
};
const home = [-180, 180, Math.log(0.05), Math.log(20)];

test("a panel with traces draws them and not the paths' own coordinates", () => {
  const heads = (t) => drawn(decode(portrait()), t, { window: home }).filter(([name, x]) => name === "translate" && x !== view.left);
  close(heads(0)[0][1], 200), close(heads(0)[0][2], 200);
  close(heads(1)[0][1], 200 + 400 * (150 / 360));
});

test("a trail breaks where its angle wraps, and the head waits there", () => {
  const frame = decode(portrait()), segments = (log) => log.flatMap(([name, ...to], i) => (name === "lineTo" && log[i - 1][0] === "moveTo" ? [[log[i - 1][1], to[0]]] : []));
  const log = drawn(frame, 2, { window: home }); // 0°, 150°, −150°
  for (const [from, to] of segments(log)) assert.ok(Math.abs(to - from) < 200, `a line from ${from} to ${to}`);
  const heads = (t) => drawn(frame, t, { window: home }).filter(([name, x]) => name === "translate" && x !== view.left).map(([, x]) => x);
  assert.deepEqual(heads(1.9), heads(1));
  assert.ok(heads(2)[0] < 50);
  const plain = drawn(decode(twins()), 2);
  assert.ok(segments(plain).length > 0);
});

test("a panel with traces has no norm, no handle and a camera that stays", () => {
  const frame = decode(portrait());
  assert.equal(normText(frame, { ...frame.panels[0], corner: "norm" }, 0), "");
  assert.equal(cameraAt(frame, frame.panels[0], 2, { follow: 1 }).s, 0);
  assert.ok(!drawn(frame, 0, { window: home }).some(([name, value]) => name === "fillStyle =" && value === "#16181d"));
});

test("a hidden run is not traced", () => {
  const colours = (hidden) => drawn(decode(portrait()), 3, { window: home, hidden }).filter(([, value]) => value === "#d55e00");
  assert.ok(colours(new Set()).length > 0);
  assert.equal(colours(new Set([0])).length, 0);
});

test("angles are ticked at quarters and eighths of a turn, and in decimals when near", () => {
  const texts = (lo, hi, pixels) => degreeTicks(lo, hi, pixels).map((tick) => tick.text);
  assert.deepEqual(texts(-180, 180, 300), ["−180°", "−90°", "0°", "90°", "180°"]);
  assert.deepEqual(texts(0, 180, 300), ["0°", "45°", "90°", "135°", "180°"]);
  assert.deepEqual(texts(10, 11, 200), ["10°", "10.5°", "11°"]);
  assert.deepEqual(degreeTicks(-180, 180, 300).map((tick) => tick.at), [0, 0.25, 0.5, 0.75, 1]);
});

test("a logarithmic axis is ticked at 1, 2, 5 where there is room and at powers of ten where there is not", () => {
  const texts = (lo, hi, pixels) => logTicks(Math.log(lo), Math.log(hi), pixels).map((tick) => tick.text).sort();
  assert.deepEqual(texts(0.1, 10, 200), ["0.1", "1", "10"]);
  assert.deepEqual(texts(0.1, 10, 300), ["0.1", "0.2", "0.5", "1", "10", "2", "5"]);
  assert.deepEqual(texts(1e-9, 1e9, 200), ["1", "10⁵", "10⁻⁵"].sort());
  assert.deepEqual(texts(1, 2, 400), ["1", "1.2", "1.4", "1.6", "1.8", "2"]);
});

test("ticks of a logarithmic axis lie at the logarithm of what they say, from 1e-300 to 1e300", () => {
  for (let centre = -600; centre <= 600; centre += 37.3)
    for (const span of [0.01, 0.5, 3, 20, 90]) {
      const list = logTicks(centre, centre + span, 400);
      for (const tick of list) {
        assert.ok(tick.at >= -1e-6 && tick.at <= 1 + 1e-6, `${tick.at}`);
        assert.doesNotMatch(tick.text, /NaN|Infinity|undefined/);
      }
      const places = list.map((tick) => tick.at).sort((a, b) => a - b);
      for (let i = 1; i < places.length; i++) assert.ok((places[i] - places[i - 1]) * 400 > 30, `${span} at ${centre}`);
    }
});

test("a curve of theory breaks where it has no value and is named beside, never across", () => {
  const { ctx, log } = recorder(), frame = decode(portrait()), lens = lensOf({ s: 0, cx: 0, cy: 0 }, home, 400, 400);
  drawTheory(ctx, frame.panels[0], lens, view, theme);
  const curve = log.slice(0, log.findIndex(([name]) => name === "stroke"));
  assert.equal(curve.filter(([name]) => name === "moveTo").length, 2);
  const [, , x, y] = log.find(([name, text]) => name === "fillText" && text === "κ f″ = 2");
  for (const [name, a, b] of curve) if (name === "lineTo") assert.ok(a < x || a > x + 56 || Math.abs(b - y) > 6);
  for (const name of ["θ", "κ", "two-cycle"]) assert.ok(log.some(([call, text]) => call === "fillText" && text === name), name);
  assert.ok(log.some(([name, a, b]) => name === "arc" && Math.abs(a - 300) < 1e-6 && Math.abs(b - 200) < 1e-6));
});

// ── how far the camera follows ──

test("a gauge below one lets the run leave the frame, keeps the ticks true, and says how far the camera follows", () => {
  const frame = decode(twins({ growth: 0.1 })), panel = frame.panels[1];
  for (const gauge of [1, 0.4, 0]) {
    const { s } = cameraAt(frame, panel, 100, { gauge }), [x] = project(lensOf({ s, cx: 0, cy: 0 }, view.window, 400, 400), 1, 0, 10);
    close(s, 10 * gauge), close(x, 200 + 100 * Math.exp(10 - s), 1e-9);
    const told = drawn(frame, 100, { gauge }, 1).filter(([name, text]) => name === "fillText" && /^camera/.test(text)).map(([, text]) => text);
    assert.deepEqual(told, gauge < 1 ? [`camera at ${100 * gauge}\u00a0%`] : []);
  }
  assert.ok(!drawn(frame, 100, { gauge: 0.4 }, 0).some(([name, text]) => name === "fillText" && /^camera/.test(text)));
});

// ── strips ──

const stripLog = (strip, horizon = null, steps = 4) => {
  const frame = decode(pack({
    steps, runs: [{ label: "a", colour: "#d55e00", dash: [7, 4], paths: [{ x: "a", y: "a", horizon }] }],
    strips: [{ title: "gap", lo: 0, hi: 4, series: [{ run: 0, path: 0, array: "a" }], ...strip }],
  }, { a: Float32Array.of(0, 1, 2, 3, 4), g: Float32Array.of(0, 2, 4, 6, 8) }));
  const { ctx, log } = recorder();
  renderStrip(ctx, frame, frame.strips[0], new Set(), 100, 46, theme);
  return log;
};

test("a guide belongs to no run and stops where it leaves the strip", () => {
  const log = stripLog({ guides: [{ array: "g", label: "predicted" }] });
  const first = log.slice(0, log.findIndex(([name]) => name === "stroke"));
  assert.deepEqual(first.filter(([name]) => name === "moveTo" || name === "lineTo").map(([, x]) => x), [0, 25, 50]);
  assert.ok(first.some(([name, value]) => name === "strokeStyle =" && value === theme.text));
});

test("a series is lighter and dashed beyond its own path's horizon", () => {
  const dashes = (log) => log.filter(([name]) => name === "setLineDash").map(([, dash]) => dash.join());
  const lines = (log) => log.filter(([name]) => name === "moveTo" || name === "lineTo").map(([, x]) => x);
  assert.deepEqual(dashes(stripLog({})), ["7,4"]);
  assert.deepEqual(dashes(stripLog({}, 1)), ["7,4", "5,4"]);
  assert.deepEqual(lines(stripLog({}, 1)), [0, 25, 25, 50, 75, 100]);
  assert.ok(stripLog({}, 1).some(([name, value]) => name === "globalAlpha =" && value < 1));
});

test("a ring lies round the disc of the other run as long as both are one, and beside it when they are not", () => {
  const compared = { rays: true, echo: { run: 0, log_scale: "rk" } };
  const circles = (options, gauge, panel = 1) => {
    const { ctx, log } = recorder();
    drawPanel(ctx, decode(twins({ growth: 0.02, compared, ...options })), panel, 20.5, { ...view, window: [-2, 2, -2, 2], gauge }, theme);
    return log.filter(([name]) => name === "arc" || name === "translate");
  };
  const ringAndDisc = (found) => [found.find(([name, , , r]) => name === "arc" && r > 12).slice(1, 3), found.filter(([name]) => name === "translate").at(-1).slice(1, 3)];
  for (const gauge of [1, 0.5, 0.2]) {
    const [ring, disc] = ringAndDisc(circles({}, gauge));
    ring.forEach((v, i) => close(v, disc[i], 1e-5));
    const [beside, other] = ringAndDisc(circles({ tilt: 0.5 }, gauge));
    assert.ok(Math.hypot(beside[0] - other[0], beside[1] - other[1]) > 5);
  }
  assert.ok(!circles({ compared: {} }, 1).some(([name, , , r]) => name === "arc" && r > 12), "none where the host asks for none");
});
