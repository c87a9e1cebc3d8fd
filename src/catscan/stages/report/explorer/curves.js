// Curves: how fast the answer falls as the parts that a heat map names are covered, against any order, and how the
// answer came to be from epoch to epoch.

const [CURVE_WIDTH, CURVE_HEIGHT, CURVE_EDGE] = [320, 180, 34];

const drawn = (tag, properties, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

/**
 * A drawing of curves, each `{ look, x, y }` with x from 0 to 1, between two `ends` of the axis that goes up; `below` are
 * the texts at the left, at the right and in the middle of the other one.
 */
const chart = (curves, [low, high], below, said) => {
  const x = (share) => CURVE_EDGE + share * (CURVE_WIDTH - CURVE_EDGE - 8);
  const y = (value) => 8 + ((high - value) / (high - low || 1)) * (CURVE_HEIGHT - 8 - CURVE_EDGE);
  const label = (text, at, place) => drawn("text", { ...at, "text-anchor": place }, text);
  return drawn("svg", { viewBox: `0 0 ${CURVE_WIDTH} ${CURVE_HEIGHT}`, role: "img", "aria-label": said },
    drawn("path", { class: "ex-axis", d: `M${x(0)},8V${y(low)}H${x(1)}` }),
    ...curves.map((one) => drawn("polyline", { class: one.look, points: one.y.map((value, k) => `${x(one.x[k])},${y(value)}`).join(" ") })),
    label(shown(high), { x: x(0) - 4, y: 14 }, "end"), label(shown(low), { x: x(0) - 4, y: y(low) }, "end"),
    label(below[0], { x: x(0), y: CURVE_HEIGHT - 18 }, "start"), label(below[1], { x: x(1), y: CURVE_HEIGHT - 18 }, "end"), label(below[2], { x: (x(0) + x(1)) / 2, y: CURVE_HEIGHT - 4 }, "middle"));
};
const key = (name, look, ...text) => make("li", {}, drawn("svg", { class: "ex-key", viewBox: "0 0 24 6", "aria-hidden": "true" }, drawn("line", { class: look, x1: 0, x2: 24, y1: 3, y2: 3 })), ` ${name}`, ...text);
const endsOf = (curves) => [Math.min(...curves.flatMap((one) => one.y)), Math.max(...curves.flatMap((one) => one.y))];

/** The area between two curves over the same shares, above 0 where the second one lies below. */
const areaBetween = (shares, above, below) =>
  shares.slice(1).reduce((sum, share, k) => sum + ((share - shares[k]) * (above[k] - below[k] + above[k + 1] - below[k + 1])) / 2, 0);

/** The curves of one sample, each with its name and what it gains on the order at random. */
const curvesOf = ({ shares, by_heat: byHeat, by_covered: byCovered, at_random: atRandom }) =>
  [["Grad-CAM", byHeat, "ex-heat"], ["covering part by part", byCovered, "ex-covered"]]
    .filter(([, curve]) => curve)
    .map(([name, curve, look]) => ({ name, curve, look, gain: areaBetween(shares, atRandom, curve) }));

/** `ends` are those of the axis; null of amounts, which end where the curves do. */
const deletionFigure = (deletion, said, others, ends) => {
  const { shares, at_random: atRandom } = deletion;
  const curves = curvesOf(deletion);
  const all = [{ curve: atRandom, look: "ex-random" }, ...curves].map(({ curve, look }) => ({ look, x: shares, y: curve }));
  const mean = (name) => {
    const gains = others.flatMap((one) => curvesOf(one)).filter((one) => one.name === name).map((one) => one.gain);
    return gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  };
  const told = `the answer for ${said} as the sample is covered: ${curves.map((one) => `by ${one.name} ${one.curve.map(shown).join(", ")}`).join("; ")}; at random ${atRandom.map(shown).join(", ")}`;
  return make("figure", { class: "ex-curves" },
    chart(all, ends ?? endsOf(all), ["0 %", "100 %", "of the sample covered"], told),
    make("figcaption", {}, `What the network says for ${said} as the strongest parts are covered first: a map that tells the truth makes it fall faster than any order does. The area between is its score, above 0 where it is better than chance.`,
      make("ul", { class: "ex-keys" },
        ...curves.map((one) => key(one.name, one.look, ": ", make("b", { class: "ex-gain" }, one.gain.toFixed(3)), `, the mean of all samples ${mean(one.name).toFixed(3)}`)),
        key("parts at random", "ex-random"))));
};

/** What the network said of a sample after each epoch: for its label, and for what it is taken for. */
const epochsFigure = ({ classes, task, epochs }, sample) => {
  const amounts = task === "regression";
  const answers = decoded(sample.by_epoch);
  const names = [...new Set(amounts ? classes : [sample.label, classes[sample.told]])].filter((name) => classes.includes(name));
  const x = epochs.map((one) => (one - epochs[0]) / (epochs.at(-1) - epochs[0]));
  const curves = names.map((name, k) => ({ name, look: ["ex-heat", "ex-covered"][k], x, y: epochs.map((_, epoch) => answers[epoch * classes.length + classes.indexOf(name)]) }));
  if (amounts) curves.push({ name: "the truth", look: "ex-random", x, y: epochs.map(() => Number(sample.label)) });
  const told = curves.map((one) => `${one.name} ${one.y.map(shown).join(", ")}`).join("; ");
  return make("figure", { class: "ex-curves ex-epochs" },
    chart(curves, amounts ? endsOf(curves) : [0, 1], [`epoch ${epochs[0]}`, `epoch ${epochs.at(-1)}`, "of its training"], told),
    make("figcaption", {}, "What this network said of the sample after each epoch; it never learnt from it.",
      make("ul", { class: "ex-keys" }, ...curves.map((one) => key(one.name, one.look, ": at last ", make("b", { class: "ex-at-last" }, shown(one.y.at(-1))))))));
};
