import assert from "node:assert/strict";
import test from "node:test";

import { saidOf } from "../../app/stage/stage.js";

const LINE = { ops: [["x"], ["u"], ["mul", 0, 1], ["y"], ["add", 2, 3]], outputs: [4] }; // x u + y
const BORDER = { ops: [["x"], ["u"], ["mul", 0, 1], ["y"], ["v"], ["mul", 3, 4], ["add", 2, 5]], outputs: [6] }; // x u + y v

test("a model of one input is drawn as its height over the window", () => {
  const [line] = saidOf({ model: { program: LINE, inputs: ["u"] }, border: false }, [2, -1], [-3, 3, -9, 9]);
  assert.equal(line[0][0], -3);
  assert.equal(line.at(-1)[0], 3);
  for (const [u, height] of line) assert.equal(height, 2 * u - 1);
});

test("a model of two inputs is drawn where it is zero, from edge to edge", () => {
  const lines = saidOf({ model: { program: BORDER, inputs: ["u", "v"] }, border: true }, [1.5, -0.7], [-2, 2, -2, 2]);
  assert.ok(lines.length > 30);
  for (const [u, v] of lines.flat()) assert.ok(Math.abs(1.5 * u - 0.7 * v) < 1e-12);
  const across = lines.flat().map(([u]) => u);
  assert.ok(Math.max(...across) > 0.9 && Math.min(...across) < -0.9);
});

test("weights that are no numbers, and a loss without a named model, say nothing", () => {
  assert.deepEqual(saidOf({ model: { program: LINE, inputs: ["u"] }, border: false }, [NaN, 1], [-1, 1, -1, 1]), []);
  assert.deepEqual(saidOf({ model: null, border: true }, [1, 1], [-1, 1, -1, 1]), []);
});
