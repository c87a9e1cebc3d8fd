// The deletion curve: how fast the answer falls as the parts that a heat map names are covered, against any order.

const [CURVE_WIDTH, CURVE_HEIGHT, CURVE_EDGE] = [320, 180, 34];

const drawn = (tag, properties, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

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
  const curves = curvesOf(deletion);
  const all = [deletion.at_random, ...curves.map((one) => one.curve)].flat();
  const [low, high] = ends ?? [Math.min(...all), Math.max(...all)];
  const x = (share) => CURVE_EDGE + share * (CURVE_WIDTH - CURVE_EDGE - 8);
  const y = (value) => 8 + ((high - value) / (high - low || 1)) * (CURVE_HEIGHT - 8 - CURVE_EDGE);
  const line = (curve, look) => drawn("polyline", { class: look, points: curve.map((value, k) => `${x(deletion.shares[k])},${y(value)}`).join(" ") });
  const label = (text, at, place) => drawn("text", { ...at, "text-anchor": place }, text);
  const mean = (name) => {
    const gains = others.flatMap((one) => curvesOf(one)).filter((one) => one.name === name).map((one) => one.gain);
    return gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  };
  const key = (name, look, text) => make("li", {}, drawn("svg", { class: "ex-key", viewBox: "0 0 24 6", "aria-hidden": "true" }, drawn("line", { class: look, x1: 0, x2: 24, y1: 3, y2: 3 })), ` ${name}`, ...text);
  return make("figure", { class: "ex-deletion" },
    drawn("svg", { viewBox: `0 0 ${CURVE_WIDTH} ${CURVE_HEIGHT}`, role: "img", "aria-label": `the answer for ${said} as the sample is covered: ${curves.map((one) => `by ${one.name} ${one.curve.map(shown).join(", ")}`).join("; ")}; at random ${deletion.at_random.map(shown).join(", ")}` },
      drawn("path", { class: "ex-axis", d: `M${x(0)},8V${y(low)}H${x(1)}` }),
      line(deletion.at_random, "ex-random"), ...curves.map((one) => line(one.curve, one.look)),
      label(shown(high), { x: x(0) - 4, y: 14 }, "end"), label(shown(low), { x: x(0) - 4, y: y(low) }, "end"),
      label("0 %", { x: x(0), y: CURVE_HEIGHT - 18 }, "start"), label("100 %", { x: x(1), y: CURVE_HEIGHT - 18 }, "end"), label("of the sample covered", { x: (x(0) + x(1)) / 2, y: CURVE_HEIGHT - 4 }, "middle")),
    make("figcaption", {}, `What the network says for ${said} as the strongest parts are covered first: a map that tells the truth makes it fall faster than any order does. The area between is its score, above 0 where it is better than chance.`,
      make("ul", { class: "ex-keys" },
        ...curves.map((one) => key(one.name, one.look, [": ", make("b", { class: "ex-gain" }, one.gain.toFixed(3)), `, the mean of all samples ${mean(one.name).toFixed(3)}`])),
        key("parts at random", "ex-random", []))));
};
