// What is seen, in words: what speaks for an answer, and what a window of the first layer reacts to.

const both = (names) => names.join(" and ");
const ordinal = (number) => {
  const ending = { 1: "st", 2: "nd", 3: "rd" }[number % 10];
  return `${number}${ending && Math.floor((number % 100) / 10) !== 1 ? ending : "th"}`;
};

/** What is told of a sample, beside its label, and the part of it that counts most; null of amounts and of many labels. */
const answerInWords = ({ told, sample, isScan, root }) => {
  if (["regression", "multilabel"].includes(told.task)) return null;
  const said = told.classes[sample.told];
  const own = sample.chain.find((link) => link.what.endsWith("what this network says")) ?? sample.chain[1];
  const given = (name, by) => `${name} ${Number(by.values[told.classes.indexOf(name)].toPrecision(3))}`;
  const beside = sample.label === said ? `, and the label is ${said}, too` : sample.label ? ` and ${given(sample.label, own)}, but the label is ${sample.label}` : "";
  const words = [`This network gives ${given(said, own)}${beside}. `];
  if (sample.split === "test") words.push(`The submission, which all networks make, gives ${given(said, sample.chain.at(-1))}. `);
  if (sample.doubted) {
    words.push(`That label is the ${ordinal(sample.doubted)} of ${told.doubted.toLocaleString("en")} `,
      make("a", { href: `#${root.dataset.explained.replace(/explained$/, "wrong")}` }, "that are likely wrong"), sample.label === said ? ". " : ": perhaps it is not the network that errs. ");
  }
  const falls = sample.covered && decoded(sample.covered);
  const most = falls ? Math.max(...falls) : 0;
  if (most > 0) words.push(`What counts most for ${said} lies in ${partInWords(sample.covered, falls.indexOf(most), sample.pixels.shape, isScan)}: covered, it takes ${shown(most)} from the logit of ${said}.`);
  return make("p", { class: "ex-said" }, ...words);
};

/** Where one of the parts lies that were covered. */
const partInWords = (covered, number, sizes, isScan) => {
  let left = number;
  const ranges = covered.shape.map((parts, axis) => {
    const inner = product(covered.shape.slice(axis + 1));
    const place = Math.floor(left / inner);
    left -= place * inner;
    const [first, last] = [place, place + 1].map((one) => Math.floor((one * sizes[axis]) / parts));
    return last - first > 1 ? `s ${first + 1} to ${last}` : ` ${last}`;
  });
  return (isScan ? ["slice", "row", "column"] : ["row", "column"]).map((axis, k) => axis + ranges[k]).join(", ");
};

// What lies before and behind a place along each axis.
const BESIDE = {
  picture: [[], ["above", "below"], ["on the left", "on the right"]],
  scan: ["slices", "rows", "columns"].map((axis) => [`in lower ${axis}`, `in higher ${axis}`]),
};
const COLOURS = ["red", "green", "blue"];
const WORTH_A_WORD = 0.4; // of the strongest direction, or colour

/** A window's weights for a map, (places, channels), split: their mean over the places, and their slope along each axis. */
const splitWindow = (step, channels, map) => {
  const sides = three(step.window, 1);
  const maps = shapeOf(step)[3];
  const places = [...everywhere(sides)];
  const weights = step.weightsOf.window.filter((_, i) => i % maps === map);
  const slopes = sides.map((side, axis) => {
    const slope = places.map((place) => place[axis] - (side - 1) / 2);
    const length = Math.hypot(...slope) || 1;
    return slope.map((one) => one / length);
  });
  const over = (pattern, channel) => pattern.reduce((sum, one, p) => sum + one * weights[p * channels + channel], 0);
  const all = Array.from({ length: channels }, (_, channel) => channel);
  const means = all.map((channel) => over(Array(places.length).fill(1 / places.length), channel));
  const along = all.map((channel) => slopes.map((slope) => over(slope, channel)));
  return {
    weights, means, towards: slopes.map((_, axis) => along.reduce((sum, one) => sum + one[axis], 0)),
    flat: weights.map((_, i) => means[i % channels]),
    edge: weights.map((_, i) => along[i % channels].reduce((sum, one, axis) => sum + one * slopes[axis][Math.floor(i / channels)], 0)),
  };
};

/** How much of the differences in a map over the sample comes from each of some windows, which are parts of its own. */
const sharesOf = ({ steps, values }, step, own, parts) => {
  const source = shapeOf(steps[step.inputs[0]]);
  const came = values[step.inputs[0]];
  const [sides, stride, padding] = [three(step.window, 1), three(step.stride, 1), three(step.padding, 0)];
  const taps = [...everywhere(sides)].flatMap((place) => Array.from({ length: source[3] }, (_, channel) => offset(source, place, channel)));
  const found = [own, ...parts].map(() => []);
  for (const at of everywhere(shapeOf(step))) {
    const first = at.map((one, axis) => one * stride[axis] - padding[axis]);
    if (first.some((one, axis) => one < 0 || one + sides[axis] > source[axis])) continue;
    const from = offset(source, first, 0);
    [own, ...parts].forEach((window, k) => found[k].push(taps.reduce((sum, tap, i) => sum + came[from + tap] * window[i], 0)));
  }
  const mean = (some) => some.reduce((sum, one) => sum + one, 0) / some.length;
  const [middle, ...middles] = found.map(mean);
  const together = (k) => mean(found[0].map((one, i) => (one - middle) * (found[k + 1][i] - middles[k])));
  const all = mean(found[0].map((one) => (one - middle) ** 2));
  return all > 0 ? parts.map((_, k) => together(k) / all) : null;
};

/** What makes a map of the first layer large over the sample, and how much of its differences each kind accounts for. */
const reactionInWords = (explorer, step, channels, map) => {
  const { weights, means, towards, flat, edge } = splitWindow(step, channels, map);
  const shares = sharesOf(explorer, step, weights, [edge, flat]);
  if (!shares) return "";
  const turned = turnOf(explorer, map);
  const strong = (some) => [...some.keys()].filter((k) => Math.abs(some[k]) > WORTH_A_WORD * largest(some));
  const sides = (sign) => both(strong(towards).map((axis) => BESIDE[explorer.isScan ? "scan" : "picture"][axis][towards[axis] * sign * turned > 0 ? 1 : 0]));
  const [more, less] = [1, -1].map((sign) => strong(means).filter((channel) => means[channel] * sign * turned > 0));
  const coloured = channels === 3 && more.length && less.length;
  const names = (some) => both(some.map((channel) => COLOURS[channel]));
  const kinds = [
    ["edges", `bright ${sides(1)}, dark ${sides(-1)}`],
    coloured ? ["colour", `most where there is more ${names(more)} and less ${names(less)}`] : ["brightness", `most where it is ${more.length ? "bright" : "dark"}`],
    ["finer patterns", ""],
  ];
  const told = [...shares, 1 - shares[0] - shares[1]]
    .map((share, k) => [share, `${Math.round(100 * share)} % ${kinds[k][0]}${kinds[k][1] ? ` (${kinds[k][1]})` : ""}`])
    .filter(([share]) => share >= 0.01)
    .sort(([one], [other]) => other - one);
  return `What makes map ${map + 1} differ from place to place, over this sample: ${told.map(([, text]) => text).join(", ")}.`;
};

/** -1 where batch normalisation turns the values of a map round, else 1. */
const turnOf = ({ layers, layer, steps }, map) =>
  layers[layer].slice(1).reduce((turn, number) => {
    const factor = steps[number].weightsOf.factor ?? [1];
    return turn * Math.sign(factor[factor.length === 1 ? 0 : map]);
  }, 1);
