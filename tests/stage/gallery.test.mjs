import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen, towards } from "../../app/gallery/gallery.js";

const CARDS = [
  { title: "a", page: "Explore", loss: "Beale", rules: ["Adam", "Lion"], topics: ["races"] },
  { title: "b", page: "Explore", loss: "Five wells", rules: ["Adam"], topics: [] },
  { title: "c", page: "Atlas", loss: "Five wells", rules: ["Gradient descent"], topics: ["maps", "chaos"] },
];
const titles = (filters) => chosen(CARDS, filters).map(({ title }) => title).join("");

test("filters let through the cards that all of them let through", () => {
  assert.equal(titles({}), "abc");
  assert.equal(titles({ page: "Explore" }), "ab");
  assert.equal(titles({ rules: "Adam", loss: "Five wells" }), "b");
  assert.equal(titles({ topics: "chaos", page: "" }), "c");
  assert.equal(titles({ topics: "chaos", page: "Explore" }), "");
});

test("arrow keys walk over the cards as they lie, and stay on them", () => {
  const walk = (keys, i, n = 7, across = 3) => keys.reduce((at, key) => towards(key, at, n, across), i);
  assert.equal(walk(["ArrowRight", "ArrowDown"], 0), 4);
  assert.equal(walk(["ArrowUp"], 1), 1);
  assert.equal(walk(["ArrowDown"], 5), 5);
  assert.equal(walk(["End"], 2), 6);
  assert.equal(walk(["Home", "ArrowLeft"], 5), 0);
  assert.equal(towards("a", 4, 7, 3), 4);
});
