import assert from "node:assert/strict";
import test from "node:test";
import { caption, decode, drawPanel, renderStrip } from "../../app/stage/stage.js";
import { bowl, lut, pack, portrait, recorder, theme, view } from "./helpers.mjs";

/** One run of `count` paths that drift to the right, the first a unit a step; its strip is a median in a band. */
function crowd({ count = 200, trails = false, ended = 0, handles = false } = {}) {
  const paths = Array.from({ length: count }, (_, p) => ({
    x: `x${p}`, y: "y", k: null, start: [0, 0], start_index: p, horizon: null,
    ...(p < ended ? { status: "diverged", stopped_at: 1, status_text: "grew beyond what the numbers can hold (step 1)" } : { status: "finished", stopped_at: null, status_text: null }),
  }));
  const arrays = { y: new Float32Array(3), lut, loss: Float32Array.of(1, 0.5, 0.25), low: Float32Array.of(1, 0.25, NaN), high: Float32Array.of(1, 1, 1) };
  paths.forEach((_, p) => (arrays[`x${p}`] = Float32Array.of(0, 1 / (p + 1), 2 / (p + 1))));
  return pack({
    steps: 2, trails, summary: "", fields: [{ program: bowl, scale_invariant: false, colours: { lut: "lut", transform: "linear", offset: 0, lo: 0, hi: 1 }, quiver: null, contours: null }],
    runs: [{ label: "a", colour: "#d55e00", dash: [], paths }],
    panels: [{ title: "", runs: [0], window: [-2, 2, -2, 2], field: 0, camera: { kind: "fixed" }, start_handle: handles, corner: "norm" }],
    caption: { kind: "race" },
    strips: [{ title: "loss", lo: 0, hi: 1, series: [{ run: 0, path: null, array: "loss", band: ["low", "high"] }] }],
  }, arrays);
}

function drawn(frame, t, window = view.window) {
  const { ctx, log } = recorder();
  drawPanel(ctx, frame, 0, t, { ...view, window }, theme);
  return log;
}
const discs = (log) => log.filter(([name]) => name === "arc").map(([, x, y, r]) => [x, y, r]);

test("a cloud is one small disc for every path, between two of its steps, and nothing else", () => {
  const log = drawn(decode(crowd()), 0.5), found = discs(log);
  assert.equal(found.length, 200);
  assert.deepEqual(found[0], [250, 200, 2.5]);
  assert.deepEqual(found[1], [225, 200, 2.5]);
  assert.ok(!log.some(([name]) => name === "stroke"), "no trail and no ring");
  assert.ok(log.some(([name, value]) => name === "globalAlpha =" && value === 0.8));
});

test("at the last step a cloud is where its paths ended", () => assert.deepEqual(discs(drawn(decode(crowd()), 2))[0], [400, 200, 2.5]));

test("with trails many paths are drawn as before", () => {
  const log = drawn(decode(crowd({ trails: true, count: 30 })), 2);
  assert.ok(log.some(([name]) => name === "stroke"));
  assert.ok(discs(log).some(([, , r]) => r > 6));
});

test("an angle that wraps does not carry a particle across the picture", () => {
  const frame = { ...decode(portrait()), trails: false }, home = [-180, 180, Math.log(0.05), Math.log(20)];
  assert.deepEqual(discs(drawn(frame, 1.9, home)), discs(drawn(frame, 1, home)));
});

test("a crowd is told by its median, and its endings are counted", () => {
  const say = (frame, t) => caption(frame, t).map(({ text }) => text).join("");
  assert.equal(say(decode(crowd()), 1), "Step 1 of 2: median loss 0.500 (a, 200 starts).");
  assert.match(say(decode(crowd({ ended: 7 })), 1), /“a”, of 200 paths: diverged 7\.$/);
  assert.doesNotMatch(say(decode(crowd({ ended: 7 })), 0), /diverged/);
});

test("a strip fills the band of a crowd where both its edges have a value, and strokes the median", () => {
  const { ctx, log } = recorder(), frame = decode(crowd());
  renderStrip(ctx, frame, frame.strips[0], new Set(), 100, 46, theme);
  const filled = log.slice(0, log.findIndex(([name]) => name === "fill"));
  assert.deepEqual(filled.filter(([name]) => name === "lineTo"), [["lineTo", 0, 3], ["lineTo", 50, 3], ["lineTo", 50, 33], ["lineTo", 0, 3]]);
  assert.ok(log.some(([name]) => name === "stroke"));
});
