// A step's window opened: the numbers under it, and what the step makes of them.

const SHOWN_INPUTS = 4;

const grid = (sides, cell, text) =>
  make("table", { class: "ex-grid", "aria-label": text },
    ...Array.from({ length: sides[1] }, (_, y) => make("tr", {}, ...Array.from({ length: sides[2] }, (__, x) => cell(y, x)))));

/** How the picture of a window of so many channels is read. */
const inWords = (channels) => (channels === 3 ? "grey is a weight of 0, and the map answers most where the sample looks like this, in these colours." : `orange are weights above 0, which want it bright, blue those below, which want it dark${channels > 1 ? "; of the first channel" : ""}.`);

/** Of each map the window's weights as a picture a sheet: in colour of three channels, else of the first one. */
const windowPictures = (step, channels, window) => {
  const maps = shapeOf(step)[3];
  const sides = three(step.window, 1);
  const most = largest(window);
  const weight = (place, channel, map) => window[(((place[0] * sides[1] + place[1]) * sides[2] + place[2]) * channels + channel) * maps + map];
  const rgb = (place, map) => (channels === 3 ? [0, 1, 2].map((channel) => 128 + (127 * weight(place, channel, map)) / most) : colour(weight(place, 0, map), most));
  return Array.from({ length: maps }, (_, map) =>
    Array.from({ length: sides[0] }, (__, a) => painted(make("canvas"), sides[1], sides[2], (y, x) => rgb([a, y, x], map))));
};

/** A map that comes in, as a picture, with the window on it. */
const cameIn = (explorer, step, channel, text) => {
  const [input] = step.inputs;
  const [source, values] = [shapeOf(explorer.steps[input]), explorer.values[input]];
  const [sides, stride, padding] = [three(step.window, 1), three(step.stride, 1), three(step.padding, 0)];
  const first = explorer.at.map((one, axis) => one * stride[axis] - padding[axis]);
  const middle = clamped(first.map((one, axis) => one + Math.floor(sides[axis] / 2)), source.slice(0, 3));
  const range = largest(values);
  return planes({
    sizes: source.slice(0, 3), spacing: [1, 1, 1], at: middle, box: [first, sides], name: "ex-came", text: `${text}, with the window on it`,
    rgb: (place) => colour(values[offset(source, place, channel)], range),
  });
};

const EXPLAIN = {
  convolution(explorer, step, number) {
    const [input] = step.inputs;
    const source = shapeOf(explorer.steps[input]);
    const shape = shapeOf(step);
    const sides = three(step.window, 1);
    const values = explorer.values[input];
    const { window, bias } = step.weightsOf;
    const weightAt = ([a, b, c], channel) => window[((((a * sides[1] + b) * sides[2] + c) * source[3]) + channel) * shape[3] + explorer.map];
    const there = taps(step, source, explorer.at);
    const sums = Array.from({ length: source[3] }, (_, channel) => there.reduce((sum, [tap, place]) => sum + values[offset(source, place, channel)] * weightAt(tap, channel), 0));
    const order = [...sums.keys()].sort((one, other) => Math.abs(sums[other]) - Math.abs(sums[one]));
    const top = order.slice(0, SHOWN_INPUTS);
    const sheets = (channel, what, text) =>
      make("div", { class: "ex-sheets" }, ...Array.from({ length: sides[0] }, (_, a) =>
        grid(sides, (b, c) => {
          const hit = there.find(([tap]) => tap[0] === a && tap[1] === b && tap[2] === c);
          const value = what([a, b, c], hit, channel);
          return make("td", { class: hit ? "" : "soft" }, value === null ? "·" : shown(value));
        }, text)));
    const nameOf = (channel) => `${number && input === 0 ? "channel" : "map"} ${channel + 1}`;
    const block = (channel) => make("div", { class: "ex-products" },
      make("b", {}, nameOf(channel)),
      cameIn(explorer, step, channel, nameOf(channel)),
      sheets(channel, (_, hit) => (hit ? values[offset(source, hit[1], channel)] : null), "the patch under the window"), make("span", {}, "×"),
      sheets(channel, (tap) => weightAt(tap, channel), "the window's weights"), make("span", {}, "="),
      sheets(channel, (tap, hit) => (hit ? values[offset(source, hit[1], channel)] * weightAt(tap, channel) : null), "their products"),
      make("span", {}, "sum ", make("b", { class: "ex-sum" }, shown(sums[channel]))));
    const rest = order.slice(SHOWN_INPUTS).reduce((sum, channel) => sum + sums[channel], 0);
    const total = explorer.values[number][offset(shape, explorer.at, explorer.map)];
    return make("div", {},
      make("p", {}, `The window lies on ${times(three(step.window, 1).slice(explorer.isScan ? 0 : 1))} values of ${source[3] === 1 ? "the one map that comes" : `each of the ${source[3]} maps that come`} in${there.length < product(sides) ? ", partly beyond the edge, where there is nothing (·)" : ""}. Value times weight, all added up${source[3] > 1 ? "; the maps that count most here come first" : ""}.`),
      ...top.map(block),
      make("p", { class: "ex-equation" }, [shown(sums[top[0]]), ...top.slice(1).map((channel) => plus(sums[channel]))].join(" "),
        order.length > SHOWN_INPUTS ? ` ${plus(rest)} (the other ${order.length - SHOWN_INPUTS} maps)` : "",
        bias ? ` ${plus(bias[explorer.map])} (bias)` : "", " = ", make("b", { class: "ex-total" }, shown(total))));
  },

  pooling(explorer, step, number) {
    const [input] = step.inputs;
    const source = shapeOf(explorer.steps[input]);
    const there = taps(step, source, explorer.at);
    const sides = three(step.window, 1);
    const stride = three(step.stride, 1);
    const value = (place) => explorer.values[input][offset(source, place, explorer.map)];
    const most = there.reduce((best, hit) => (value(hit[1]) > value(best[1]) ? hit : best), there[0]);
    const sheet = (a) => grid(sides, (b, c) => {
      const hit = there.find(([tap]) => tap[0] === a && tap[1] === b && tap[2] === c);
      return make("td", { class: !hit ? "soft" : step.how === "max" && hit === most ? "ex-most" : "" }, hit ? shown(value(hit[1])) : "·");
    }, "the patch under the window");
    const meets = sides.some((side, axis) => side > stride[axis]) ? "Neighbouring windows overlap." : sides.some((side, axis) => side < stride[axis]) ? "Between the windows values are skipped." : "Each value is under one window.";
    const before = step.how === "max" && explorer.layers[explorer.layer].some((k) => explorer.steps[k].how === "ReLU") ? " ReLU comes after it: the same values as before it, for less work." : "";
    return make("div", {},
      make("p", {}, `The window lies on ${there.length} values of map ${explorer.map + 1}; ${step.how === "max" ? "the largest one (ringed) is kept" : "their mean is kept"}. ${meets}${before}`),
      make("div", { class: "ex-sheets" }, ...Array.from({ length: sides[0] }, (_, a) => sheet(a))),
      make("p", { class: "ex-equation" }, step.how === "max" ? "largest: " : "mean: ", make("b", { class: "ex-total" }, shown(explorer.values[number][offset(shapeOf(step), explorer.at, explorer.map)]))));
  },

  fully_connected(explorer, step, number) {
    const [input] = step.inputs;
    const source = shapeOf(explorer.steps[input]);
    const values = explorer.values[input];
    const maps = shapeOf(step)[3];
    const { window, bias } = step.weightsOf;
    const parts = Array.from(values, (value, i) => value * window[i * maps + explorer.map]);
    const order = [...parts.keys()].sort((one, other) => Math.abs(parts[other]) - Math.abs(parts[one]));
    const top = order.slice(0, 12);
    const most = Math.abs(parts[top[0]]) || 1;
    const one = explorer.steps[input].kind === "global_pooling" ? "map" : "unit"; // a value is of a whole map
    const name = (i) => (source[0] * source[1] * source[2] === 1 ? `${one} ${i + 1}` : `map ${(i % source[3]) + 1}, place ${Math.floor(i / source[3]) + 1}`);
    const rest = order.slice(12).reduce((sum, i) => sum + parts[i], 0);
    return make("div", {},
      make("p", {}, `Every value that comes in, times its weight for “${explorer.unitName(explorer.map)}”, added up. The ones that count most:`),
      make("table", { class: "ex-bars" }, ...top.map((i) => make("tr", {},
        make("th", { scope: "row" }, name(i)), make("td", {}, `${shown(values[i])} × ${shown(window[i * maps + explorer.map])} = ${shown(parts[i])}`),
        make("td", { class: parts[i] < 0 ? "ex-bar ex-minus" : "ex-bar", style: `--share:${Math.abs(parts[i]) / most}` })))),
      make("p", { class: "ex-equation" }, `${shown(top.reduce((sum, i) => sum + parts[i], 0))}${order.length > top.length ? ` (these) ${plus(rest)} (the other ${order.length - top.length})` : ""}`,
        bias ? ` ${plus(bias[explorer.map])} (bias)` : "", " = ", make("b", { class: "ex-total" }, shown(explorer.values[number][explorer.map]))));
  },

  global_pooling(explorer, step, number) {
    const source = shapeOf(explorer.steps[step.inputs[0]]);
    return make("p", { class: "ex-equation" }, `${step.how === "max" ? "The largest" : "The mean"} of the ${source[0] * source[1] * source[2]} values of map ${explorer.map + 1}: `, make("b", { class: "ex-total" }, shown(explorer.values[number][explorer.map])));
  },

  add(explorer, step, number) {
    const at = offset(shapeOf(step), explorer.at, explorer.map);
    return make("p", { class: "ex-equation" }, step.inputs.map((k, place) => `${(place ? plus : shown)(explorer.values[k][at])} (from ${explorer.nameOf(k)})`).join(" "), " = ", make("b", { class: "ex-total" }, shown(explorer.values[number][at])));
  },
};

/** What the rest of the layer makes of the value: batch normalisation, ReLU. */
const onwards = (explorer) => {
  const numbers = explorer.layers[explorer.layer].slice(1);
  const lines = numbers.map((number) => {
    const step = explorer.steps[number];
    const at = offset(shapeOf(step), explorer.at, explorer.map);
    const [before, after] = [explorer.values[step.inputs[0]][at], explorer.values[number][at]];
    if (step.closed) return make("li", {}, `${step.title}: `, make("b", {}, shown(after)));
    if (step.kind === "activation") return make("li", {}, `${step.title} of ${shown(before)}${step.how === "ReLU" ? (before > 0 ? " (above 0: kept)" : " (not above 0: becomes 0)") : ""} = `, make("b", {}, shown(after)));
    const { factor, addend } = step.weightsOf;
    const one = (array) => array[array.length === 1 ? 0 : explorer.map];
    return make("li", {}, `${step.title}: ${shown(before)} × ${shown(one(factor))} ${plus(one(addend))} = `, make("b", {}, shown(after)));
  });
  return lines.length ? make("ol", { class: "ex-onwards" }, ...lines) : null;
};
